"""Listing everything: which projects, their collections with first versions, then the rest.

An address stands for one project, or for all of an entity with the registries of its organisation.
A project of 200 collections and 1,000 versions takes five requests. Further versions of big
collections travel together, several collections in one document; projects are listed side by
side. Nothing is filtered by state: deleted versions show where the server still lists them.

How much a server gives in one answer is published nowhere. A document that fails for any reason
that may be its size is asked for again in smaller portions, which then stay so. The files of a
version are asked for when somebody wants to see them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from artifact_tui.clients.servers import is_spelled
from artifact_tui.clients.transport import GarbageAnswerError, NotSentError, together
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_address import REGISTRY_PREFIX
from artifact_tui.clients.wandb.wandb_graphql import (
    IDENTITY,
    MEMBERSHIP,
    PAGE,
    PLACE,
    GraphQuestion,
    refusal_error,
)
from artifact_tui.clients.wandb.wandb_model import (
    Artifact,
    ArtifactCollection,
    Connection,
    ConnectionEdge,
    GraphObject,
    NamedObject,
)
from artifact_tui.clients.wandb.wandb_paging import UnsteadyError, all_rows, rows_by_page
from artifact_tui.clients.wandb.wandb_replies import GraphCall, says_heavy
from artifact_tui.errors import NotFoundError, NotToldError, RegistryError
from artifact_tui.model import File, VersionState

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from artifact_tui import model
    from artifact_tui.clients.wandb.wandb_address import WandbAddress
    from artifact_tui.clients.wandb.wandb_graphql import Graph
    from artifact_tui.clients.wandb.wandb_model import CollectionKey, HomeProject

    Row = tuple[model.Collection, model.Version | None]
    """A collection with one of its versions, or without when it has none."""

    Pages = asyncio.Queue[Sequence[Row] | BaseException | None]
    """Pages of a listing for its reader; at the end None, or the error that ended it."""


ORGANISATIONS = (
    "query($e:String!){entity(name:$e){id "
    "<Entity.organization|organization{name orgEntity{name}}>"
    " <Entity.user|user{id <User.organizations|organizations{name orgEntity{name}}>}>}}"
)
"""The organisations of an entity, and the entities that own their registries."""

PROJECTS = (
    "query($e:String!,$a:String,$n:Int!){models(entityName:$e,after:$a,first:$n)"
    f"{{{PAGE} edges{{node{{name entityName}}}}}}}}"
)
"""The projects of an entity."""

OWNED_PROJECTS = (
    "query($e:String!,$a:String,$n:Int!){entity(name:$e){projects(after:$a,first:$n)"
    f"{{{PAGE} edges{{node{{name}}}}}}}}}}"
)
"""The projects of the entity of an organisation: its registries."""

_VERSION = (
    f"fragment Version on Artifact{{{IDENTITY}"
    " size fileCount createdAt"
    " <Artifact.storageBytes|storageBytes> <Artifact.usedCount|usedCount>"
    " <Artifact.description|description> <Artifact.tags|tags{name}>"
    " <Artifact.ttlDurationSeconds|ttlDurationSeconds> <Artifact.ttlIsInherited|ttlIsInherited>"
    " <Artifact.createdBy|createdBy{__typename ...on Run{name}"
    " ...on User{id <User.username|username>}}>}"
)
_VERSIONS = (
    "<VersionedArtifactConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<VersionedArtifactEdge.cursor|cursor> version node{{...Version}}}}"
)
_OLDEST_FIRST = '<ArtifactCollection.artifacts(order)|,order:"+version_index">'

COLLECTIONS = (
    "query($e:String!,$p:String!,$a:String,$n:Int!,$k:Int!)"
    "{project(entityName:$e,name:$p){artifactCollections(after:$a,first:$n)"
    "{<ArtifactCollectionConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<ArtifactCollectionEdge.cursor|cursor> node{{...Collection"
    f" artifacts(first:$k{_OLDEST_FIRST}){{{_VERSIONS}}}}}}}}}}}}}"
    " fragment Collection on ArtifactCollection{...Place createdAt"
    " <ArtifactCollection.state|state>"
    " <ArtifactCollection.defaultArtifactType|defaultArtifactType{name}>}"
    f" {PLACE} {_VERSION}"
)
"""A page of a project's collections, each with its first versions."""

_PAGE_VARIABLES = {"id": "ID!", "first": "Int!", "after": "String"}

_VERSIONS_OF = GraphQuestion(
    "artifactCollection(id:$id)"
    f"{{id artifacts(first:$first,after:$after{_OLDEST_FIRST}){{{_VERSIONS}}}}}",
    _PAGE_VARIABLES,
    f"{PLACE} {_VERSION}",
    5,
    "listing versions",
    ArtifactCollection,
)

_MEMBERSHIPS_OF = GraphQuestion(
    "artifact(id:$id){id artifactMemberships(first:$first,after:$after)"
    "{<ArtifactCollectionMembershipConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<ArtifactCollectionMembershipEdge.cursor|cursor> {MEMBERSHIP}}}}}}}",
    _PAGE_VARIABLES,
    PLACE,
    10,
    "reading where versions are linked",
    Artifact,
)

PROJECTS_ON_PAGE = 200
"""Projects on a page."""

PORTIONS = ((50, 20), (10, 10), (3, 5))
"""Collections on a page, and versions that come with each of them."""

VERSIONS_ON_PAGE = 100
"""Versions on a further page."""

MEMBERSHIPS_ON_PAGE = 200
"""Collections on a page of those that show one version."""

FILES_ON_PAGE = 500
"""Files on a page."""

PROJECTS_AT_ONCE = 6

BIG_AT_ONCE = 40
"""Collections of more than one page that one listing reads at once: they wait for its reader."""

PAGES_AHEAD = 8
"""Pages that wait for their reader."""


_UNLISTED = "The registries of the organisation are not listed."


class _ListedProject(GraphObject, frozen=True):
    name: str | None = None
    entity_name: str | None = None


class _Organisation(GraphObject, frozen=True):
    name: str | None = None
    org_entity: NamedObject | None = None


class _User(GraphObject, frozen=True):
    organizations: list[_Organisation | None] | None = None


class _Entity(GraphObject, frozen=True):
    projects: Connection[_ListedProject] | None = None
    organization: _Organisation | None = None
    user: _User | None = None


class _ProjectsAnswer(GraphObject, frozen=True):
    models: Connection[_ListedProject] | None = None
    entity: _Entity | None = None


class _CollectionsAnswer(GraphObject, frozen=True):
    project: wandb_model.ProjectCollections | None = None


class _FileNode(GraphObject, frozen=True):
    id: str | None = None
    name: str | None = None
    display_name: str | None = None
    size_bytes: int | None = None
    digest: str | None = None
    md5: str | None = None


class _FilesAnswer(GraphObject, frozen=True):
    files: Connection[_FileNode] | None = None


_FILES_OF = GraphQuestion(
    "artifact(id:$id){id files(first:$first,after:$after)"
    "{<FileConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<FileEdge.cursor|cursor> node{{id name <File.displayName|displayName>"
    " sizeBytes <File.digest|digest> <File.md5|md5>}}}}",
    _PAGE_VARIABLES,
    "",
    1,
    "listing files",
    _FilesAnswer,
)


class ListedProject(NamedTuple):
    """One project to list."""

    entity: str
    project: str


class HiddenVersionsError(RegistryError):
    """A collection holds versions that may not be seen."""


class WandbLister:
    """Reads the lists of one address."""

    def __init__(self, graph: Graph, address: WandbAddress, *, registries: bool) -> None:
        """With `registries` an entity is listed with the registries of its organisation."""
        self._graph = graph
        self._entity = address.entity
        self._project = address.project
        self._registries = registries
        self._portion = 0
        """Which of `PORTIONS` the server bears."""
        self.notices: dict[str, str] = {}
        """What the last list did not tell, in whole sentences, by what it is about."""
        self._unread: Counter[str] = Counter()
        """How much could not be read of the last list, by what is said about it."""
        self.steady = True
        """Nothing is missing from the last list because others were at work on it."""

    def named(self, home: HomeProject | None, collection: str | None) -> str:
        """The name of a collection as the lists show it: in full where it is of another project.

        A registry of the organisation is listed with the entity, under its project.
        """
        if not collection:
            return ""
        project = home.name if home else None
        entity = home.entity.name if home and home.entity else None
        own = entity == self._entity or (project or "").startswith(REGISTRY_PREFIX)
        if not self._project and own and project:
            return f"{project}/{collection}"
        if (entity, project) == (self._entity, self._project):
            return collection
        return "/".join(part for part in (entity, project, collection) if part)

    # which projects

    async def _places(self) -> AsyncIterator[ListedProject]:
        """The projects, each once.

        Raises:
            RegistryError: they cannot be listed, or there is no such entity.
        """
        if self._project:
            yield ListedProject(self._entity, self._project)
            return
        seen = set()
        async for place in self._projects(PROJECTS, self._entity, "listing projects"):
            seen.add(place)
            yield place
        for owner in await self._owners() if self._registries else ():
            try:
                async for place in self._projects(OWNED_PROJECTS, owner, "listing registries"):
                    if place.project.startswith(REGISTRY_PREFIX) and place not in seen:
                        seen.add(place)
                        yield place
            except NotToldError as error:
                self.notices["registries"] = f"{_UNLISTED} {error}"

    async def _owners(self) -> list[str]:
        """The entities that own the registries of the entity's organisations."""
        what = "finding the organisation"
        try:
            found = await self._graph.read(
                ORGANISATIONS, {"e": self._entity}, _ProjectsAnswer, what
            )
        except NotToldError as error:
            self.notices["registries"] = f"{_UNLISTED} {error}"
            return []
        member = found.entity if found is not None else None
        many = (member.user.organizations if member and member.user else None) or []
        owners = [
            one.org_entity.name
            for one in (member.organization if member else None, *many)
            if one is not None and one.org_entity is not None and one.org_entity.name
        ]
        return list(dict.fromkeys(owners))

    async def _projects(
        self, document: str, entity: str, what: str
    ) -> AsyncIterator[ListedProject]:
        """The projects that a list of an entity's projects names."""
        after: str | None = None
        while True:
            variables = {"e": entity, "a": after, "n": PROJECTS_ON_PAGE}
            found = await self._graph.read(document, variables, _ProjectsAnswer, what)
            page = found.models if found is not None else None
            if page is None and document == PROJECTS:
                raise RegistryError(
                    f"W&B knows no entity {entity}, or does not show it to you.",
                    hint="Check the address, and that the API key is of a member.",
                )
            if page is None and found is not None and found.entity is not None:
                page = found.entity.projects
            if page is None:
                return
            for node in page.nodes:
                if node.name:
                    yield ListedProject(node.entity_name or entity, node.name)
            if page.after in {None, after}:
                return
            after = page.after

    # everything

    async def everything(self) -> AsyncGenerator[Sequence[Row], None]:
        """All collections with their versions, in no order, made ahead of whoever reads it.

        Raises:
            RegistryError: the listing failed; what was listed before comes first.
        """
        self.notices.clear()
        self._unread.clear()
        self.steady = True
        pages: Pages = asyncio.Queue(PAGES_AHEAD)

        async def work() -> None:
            end: BaseException | None = None
            big = asyncio.Semaphore(BIG_AT_ONCE)
            gate = asyncio.Semaphore(PROJECTS_AT_ONCE)
            try:
                async with asyncio.TaskGroup() as group:
                    async for place in self._places():
                        await gate.acquire()
                        job = group.create_task(self._list_project(place, pages, big))
                        job.add_done_callback(lambda _: gate.release())
            except Exception as error:  # noqa: BLE001 - it is the reader's
                end = error
                while isinstance(end, BaseExceptionGroup):
                    end = end.exceptions[0]
            await pages.put(end)

        task = asyncio.create_task(work())
        try:
            while (page := await pages.get()) is not None:
                if isinstance(page, BaseException):
                    raise page
                if page:
                    yield page
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _list_project(
        self, place: ListedProject, pages: Pages, big: asyncio.Semaphore
    ) -> None:
        ask = partial(self._collections, place)
        async with asyncio.TaskGroup() as group:
            try:
                async for edges in rows_by_page(ask, PORTIONS[0][0]):
                    found = [one.node for one in edges if one is not None and one.node is not None]
                    self._note_unread(
                        "Collections that are not shown, or could not be read, are left out",
                        len(edges) - len(found),
                    )
                    self._note_unread(
                        "Names of collections that are not text are spelled out",
                        sum(not one.name or is_spelled(one.name) for one in found),
                    )
                    rows: list[Row] = []
                    for one in found:
                        name = one.name or ""
                        name = name if self._project else f"{place.project}/{name}"
                        if (page := one.artifacts) is not None and page.whole:
                            rows += await self._rows(one, name, page)
                            continue
                        await big.acquire()
                        task = group.create_task(self._list_collection(one, name, pages))
                        task.add_done_callback(lambda _: big.release())
                    await pages.put(rows)
            except UnsteadyError:
                self._note_changing(f"{place.entity}/{place.project}")

    async def _list_collection(self, one: ArtifactCollection, name: str, pages: Pages) -> None:
        """The versions of a collection of which the first page is not all."""
        empty = True
        ask = partial(self._versions, one.id)
        try:
            async for edges in rows_by_page(ask, VERSIONS_ON_PAGE, first=one.artifacts):
                rows = await self._rows(one, name, Connection(edges=list(edges)), more=True)
                empty = empty and not rows
                await pages.put(rows)
        except UnsteadyError:
            self._note_changing(name)
        if empty:
            await pages.put(await self._rows(one, name, None))

    async def _rows(
        self,
        one: ArtifactCollection,
        name: str,
        page: Connection[Artifact] | None,
        *,
        more: bool = False,
    ) -> list[Row]:
        """A collection with versions of it; without any where it has none, unless `more` come.

        Of a deleted collection nothing is shown that was deleted with it.
        """
        home = wandb_model.collection_key(one)
        shown = wandb_model.shown_collection(one, name)
        there = one.state not in wandb_model.GONE_STATES
        rows: list[Row] = [
            (shown, version)
            for version in await self._read(home, page.rows if page is not None else [])
            if there or version.state is not VersionState.TRASH
        ]
        return rows if rows or more or not there else [(shown, None)]

    async def _read(
        self, home: CollectionKey, edges: Sequence[ConnectionEdge[Artifact] | None]
    ) -> list[model.Version]:
        """Versions as a list shows them, each with all the collections that show it."""
        await asyncio.sleep(0)  # whoever reads has a turn
        read = [(edge, edge.node) for edge in edges if edge is not None and edge.node is not None]
        self._note_unread(
            "Versions that are not shown, or could not be read, are left out",
            len(edges) - len(read),
        )
        own = [one for _, one in read if not wandb_model.is_link(one, home)]
        whole = {one.id: one for one in await self.linked(own)}
        return [wandb_model.shown_version(edge, whole.get(one.id, one), home) for edge, one in read]

    # pages

    async def _collections(
        self, place: ListedProject, after: str | None, count: int
    ) -> Connection[ArtifactCollection]:
        """A page of a project's collections with their first versions, as large as can be had."""
        while True:
            portion = self._portion
            most, first = PORTIONS[portion]
            try:
                return await self._collections_page(place, after, min(count, most), first)
            except (NotSentError, GarbageAnswerError, NotToldError):
                raise  # it cannot be reached, or refused on purpose
            except RegistryError:
                if portion + 1 == len(PORTIONS):
                    raise
                self._portion = max(self._portion, portion + 1)

    async def _collections_page(
        self, place: ListedProject, after: str | None, count: int, first: int
    ) -> Connection[ArtifactCollection]:
        where = f"{place.entity}/{place.project}"
        what = f"listing {where}"
        variables = {"e": place.entity, "p": place.project, "a": after, "n": count, "k": first}
        reply = await self._graph.send(GraphCall(COLLECTIONS, variables, writes=False, what=what))
        found = wandb_model.read_answer(reply.data, _CollectionsAnswer | None, what)  # type: ignore[arg-type]
        project = found.project if found is not None else None
        page = project.artifact_collections if project is not None else None
        if page is None and reply.errors:
            refusal = refusal_error(reply, what)
            heavy = any(says_heavy(one) for one in reply.errors)
            raise RegistryError(str(refusal), hint=refusal.hint) if heavy else refusal
        if page is None and self._project:
            raise NotToldError(
                f"W&B knows no project {where}, or does not show it to you.",
                hint="Check the address, and that the API key is of a member.",
            )
        if page is None:
            self.notices[where] = f"The project {where} is not shown to you: it is left out."
            return Connection()
        rows = list(page.rows)
        for error in reply.errors:
            at = error.path[3] if error.path[1:3] == ("artifactCollections", "edges") else None
            if not isinstance(at, int) or len(error.path) < 6:  # noqa: PLR2004 - below a collection
                raise refusal_error(reply, what)
            edge = rows[at] if at < len(rows) else None
            if edge is not None and edge.node is not None:  # its versions have to be asked for
                node = msgspec.structs.replace(edge.node, artifacts=None)
                rows[at] = msgspec.structs.replace(edge, node=node)
        return Connection(page.total_count, page.page_info, rows)

    async def _versions(
        self, collection: str, after: str | None, count: int
    ) -> Connection[Artifact]:
        """A page of a collection's versions; of one that is gone there are none."""
        found = await self._graph.ask(_VERSIONS_OF, id=collection, after=after, first=count)
        if found is None:
            return Connection()
        if found.artifacts is None:
            raise RegistryError(
                "W&B does not tell the versions of a collection.", hint="Try again later."
            )
        return found.artifacts

    async def whole(self, home: CollectionKey) -> list[model.Version] | None:
        """Every version of one collection as it is now; None when there is no such collection.

        Raises:
            HiddenVersionsError: some of it may not be seen.
            RegistryError: it cannot be told, or it changes faster than it can be read.
        """
        if await self._graph.ask(_VERSIONS_OF, id=home.collection, first=1) is None:
            return None
        edges = await all_rows(partial(self._versions, home.collection), VERSIONS_ON_PAGE)
        if any(edge is None or edge.node is None for edge in edges):
            raise HiddenVersionsError("W&B does not show every version of a collection.")
        return await self._read(home, edges)

    async def linked(self, artifacts: Sequence[Artifact]) -> list[Artifact]:
        """These versions, each with all the collections that show it.

        Raises:
            RegistryError: that cannot be told.
        """
        long = [one for one in artifacts if (page := one.artifact_memberships) and page.after]
        several = await together(
            *(all_rows(partial(self._memberships, one.id), MEMBERSHIPS_ON_PAGE) for one in long)
        )
        edges = dict(zip((one.id for one in long), several, strict=True))
        return [
            msgspec.structs.replace(one, artifact_memberships=Connection(edges=edges[one.id]))
            if one.id in edges
            else one
            for one in artifacts
        ]

    async def _memberships(
        self, artifact: str, after: str | None, count: int
    ) -> Connection[wandb_model.Membership]:
        found = await self._graph.ask(_MEMBERSHIPS_OF, id=artifact, after=after, first=count)
        if found is None or found.artifact_memberships is None:
            raise NotToldError(
                "W&B does not tell everywhere where a version is linked.",
                hint="Nothing was changed. Try again later.",
            )
        return found.artifact_memberships

    async def files(self, version_key: str) -> tuple[File, ...]:
        """The files of a version, by path; of a link those of its source.

        Raises:
            NotFoundError: there is no such version.
            RegistryError: it cannot be told.
        """
        ref = wandb_model.parse_version_key(version_key)
        if ref is None:
            raise NotFoundError(f"The registry has no version {version_key}.")

        async def ask(after: str | None, count: int) -> Connection[_FileNode]:
            found = await self._graph.ask(_FILES_OF, id=ref.artifact, after=after, first=count)
            if found is None:
                raise NotFoundError(f"The registry has no version {version_key} any more.")
            return found.files or Connection()

        found = {}
        for edge in await all_rows(ask, FILES_ON_PAGE):
            if edge is not None and (node := edge.node) is not None:
                path = node.display_name or node.name or ""
                size = wandb_model.checked_count(node.size_bytes) or 0
                found[path] = File(path=path, size=size, digest=node.digest or node.md5 or "")
        return tuple(found[path] for path in sorted(found))

    # what a list does not tell

    def _note_unread(self, what: str, more: int) -> None:
        if more:
            self._unread[what] += more
            self.notices[what] = f"{what}: {self._unread[what]:,}."

    def _note_changing(self, name: str) -> None:
        self.steady = False
        self.notices[name] = (
            f"{name} changed whenever it was read: something in it may be missing here."
            " Sync it again when fewer others are at work on it."
        )
