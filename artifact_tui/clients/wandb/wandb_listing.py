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
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import msgspec

from artifact_tui.clients.servers import is_spelled
from artifact_tui.clients.transport import GarbageAnswerError, NotSentError, together
from artifact_tui.clients.wandb import wandb_documents, wandb_model, wandb_paging
from artifact_tui.clients.wandb.wandb_address import REGISTRY_PREFIX
from artifact_tui.clients.wandb.wandb_documents import (
    FILES,
    GraphQuestion,
    ask_document,
    refusal_error,
)
from artifact_tui.clients.wandb.wandb_model import (
    Artifact,
    ArtifactCollection,
    Connection,
    ConnectionEdge,
    GraphObject,
    Membership,
    NamedObject,
)
from artifact_tui.clients.wandb.wandb_replies import GraphCall, says_heavy
from artifact_tui.errors import NotFoundError, NotToldError, RegistryError
from artifact_tui.model import File, VersionState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from artifact_tui import model
    from artifact_tui.clients.wandb.wandb_documents import DocumentSender, QuestionLoader
    from artifact_tui.clients.wandb.wandb_paging import PutPage
    from artifact_tui.clients.wandb.wandb_replies import GraphError, GraphReply

    AskCollections = Callable[[str | None, int], Awaitable[Connection[ArtifactCollection]]]
    """A page of a project's collections: after which cursor, and how many of them."""

    Row = tuple[model.Collection, model.Version | None]
    """A collection with one of its versions, or without when it has none."""


Answer = TypeVar("Answer")
Node = TypeVar("Node")

PROJECTS_ON_PAGE = 200
"""Projects on a page."""

_LISTING_PROJECTS = "listing projects"
_FINDING_ORGANISATION = "finding the organisation"
_LISTING_REGISTRIES = "listing registries"


@dataclass(frozen=True, slots=True)
class ListedProject:
    """One project to list."""

    entity: str
    project: str
    alone: bool
    """It is all there is to list: its collections keep their short names."""

    def named(self, collection: str) -> str:
        """The name of a collection in it."""
        return collection if self.alone else f"{self.project}/{collection}"


class _ListedModel(GraphObject, frozen=True):
    name: str | None = None
    entity_name: str | None = None


class _ModelsAnswer(GraphObject, frozen=True):
    models: Connection[_ListedModel] | None = None


class _ProjectOwner(GraphObject, frozen=True):
    projects: Connection[NamedObject] | None = None


class _OwnerAnswer(GraphObject, frozen=True):
    entity: _ProjectOwner | None = None


class _Organisation(GraphObject, frozen=True):
    name: str | None = None
    org_entity: NamedObject | None = None


class _OrganisationUser(GraphObject, frozen=True):
    organizations: list[_Organisation | None] | None = None


class _OrganisationMember(GraphObject, frozen=True):
    organization: _Organisation | None = None
    user: _OrganisationUser | None = None


class _MemberAnswer(GraphObject, frozen=True):
    entity: _OrganisationMember | None = None


class AddressScope:
    """The projects of one address."""

    def __init__(
        self, sender: DocumentSender, entity: str, project: str, *, registries: bool
    ) -> None:
        self._sender = sender
        self._entity = entity
        self._project = project
        self._registries = registries
        self.notice = ""
        """What could not be listed the last time, in a whole sentence."""

    def named(self, home: wandb_model.HomeProject | None, collection: str) -> str:
        """A collection as it is called here: in full where it is elsewhere."""
        entity = home.entity.name if home and home.entity else None
        project = home.name if home else None
        if entity == self._entity and project == self._project:
            return collection
        if entity == self._entity and not self._project:
            return f"{project}/{collection}"
        return "/".join(part for part in (entity, project, collection) if part)

    def listed(self, home: wandb_model.HomeProject | None, collection: str) -> str:
        """A collection as `places` names it: also in a registry of the organisation."""
        project = home.name if home else None
        if not self._project and project and project.startswith(REGISTRY_PREFIX):
            return f"{project}/{collection}"
        return self.named(home, collection)

    async def places(self) -> AsyncIterator[ListedProject]:
        """The projects, each once.

        Raises:
            RegistryError: they cannot be listed, or there is no such entity.
        """
        self.notice = ""
        if self._project:
            yield ListedProject(self._entity, self._project, alone=True)
            return
        seen = set()
        async for place in self._projects(self._entity):
            seen.add((place.entity, place.project))
            yield place
        for owner in await self._owners() if self._registries else ():
            async for place in self._owned_registries(owner):
                if (place.entity, place.project) not in seen:
                    seen.add((place.entity, place.project))
                    yield place

    async def _projects(self, entity: str) -> AsyncIterator[ListedProject]:
        def page(found: _ModelsAnswer | None) -> Connection[_ListedModel]:
            if found is None or found.models is None:
                raise RegistryError(
                    f"W&B knows no entity {entity}, or does not show it to you.",
                    hint="Check the address, and that the API key is of a member.",
                )
            return found.models

        pages = self._pages(
            wandb_documents.PROJECTS, entity, _ModelsAnswer, page, _LISTING_PROJECTS
        )
        async for project in pages:
            if project.name:
                yield ListedProject(project.entity_name or entity, project.name, alone=False)

    async def _owners(self) -> list[str]:
        """The entities that own the registries of the entity's organisations."""
        call = _listing_call(wandb_documents.ORGANISATIONS, {"e": self._entity})
        try:
            found = await ask_document(self._sender, call, _MemberAnswer, _FINDING_ORGANISATION)
        except NotToldError as error:
            self._note_unlisted(error)
            return []
        member = found.entity if found is not None else None
        if member is None:
            return []
        many = (member.user.organizations if member.user else None) or []
        owners = [one.org_entity for one in (member.organization, *many) if one is not None]
        return list(dict.fromkeys(one.name for one in owners if one is not None and one.name))

    async def _owned_registries(self, owner: str) -> AsyncIterator[ListedProject]:
        """The registries that an entity owns."""

        def page(found: _OwnerAnswer | None) -> Connection[NamedObject]:
            owned = found.entity.projects if found is not None and found.entity else None
            return owned or Connection()

        pages = self._pages(
            wandb_documents.OWNED_PROJECTS, owner, _OwnerAnswer, page, _LISTING_REGISTRIES
        )
        try:
            async for project in pages:
                if project.name and project.name.startswith(REGISTRY_PREFIX):
                    yield ListedProject(owner, project.name, alone=False)
        except NotToldError as error:
            self._note_unlisted(error)

    async def _pages(
        self,
        document: str,
        entity: str,
        kind: type[Answer],
        page_of: Callable[[Answer | None], Connection[Node]],
        what: str,
    ) -> AsyncIterator[Node]:
        """The rows of a list of an entity's projects; `page_of` finds the page in an answer."""
        after: str | None = None
        while True:
            call = _listing_call(document, {"e": entity, "a": after, "n": PROJECTS_ON_PAGE})
            page = page_of(await ask_document(self._sender, call, kind, what))
            for node in page.nodes:
                yield node
            if page.after in {None, after}:
                return
            after = page.after

    def _note_unlisted(self, error: RegistryError) -> None:
        self.notice = f"The registries of the organisation are not listed. {error}"


def _listing_call(document: str, variables: Mapping[str, object]) -> GraphCall:
    return GraphCall(document, variables, writes=False, what=_LISTING_PROJECTS)


PORTIONS = ((50, 20), (10, 10), (3, 5))
"""Collections on a page, and versions that come with each of them."""


class _CollectionsAnswer(GraphObject, frozen=True):
    project: wandb_model.ProjectCollections | None = None


class CollectionPages:
    """Reads the collections of projects."""

    def __init__(self, sender: DocumentSender, notices: dict[str, str]) -> None:
        self._sender = sender
        self._notices = notices
        self._portion = 0

    def nested(self, place: ListedProject) -> AskCollections:
        """How to read pages of collections with their first versions."""

        async def ask(after: str | None, count: int) -> Connection[ArtifactCollection]:
            while True:
                portion = self._portion
                most, first = PORTIONS[portion]
                try:
                    return await self._page(place, after, min(count, most), first)
                except RegistryError as error:
                    if portion + 1 == len(PORTIONS) or not _may_be_size(error):
                        raise
                    self._portion = max(self._portion, portion + 1)

        return ask

    async def _page(
        self, place: ListedProject, after: str | None, count: int, first: int
    ) -> Connection[ArtifactCollection]:
        what = f"listing {place.entity}/{place.project}"
        variables = {"e": place.entity, "p": place.project, "a": after, "n": count, "k": first}
        reply = await self._sender.ask(
            GraphCall(wandb_documents.COLLECTIONS, variables, writes=False, what=what)
        )
        found = wandb_model.read_answer(reply.data, _CollectionsAnswer | None, what)  # type: ignore[arg-type]
        project = found.project if found is not None else None
        page = project.artifact_collections if project is not None else None
        if page is None:
            return self._unseen(place, reply, what)
        return _without_doubtful(page, reply.errors, refusal_error(reply, what))

    def _unseen(
        self, place: ListedProject, reply: GraphReply, what: str
    ) -> Connection[ArtifactCollection]:
        """There is no such project, or it is not for us."""
        where = f"{place.entity}/{place.project}"
        if reply.errors:
            error = refusal_error(reply, what)
            large = any(says_heavy(one) for one in reply.errors)
            raise TooMuchError(str(error), hint=error.hint) if large else error
        if place.alone:
            raise UnseenError(
                f"W&B knows no project {where}, or does not show it to you.",
                hint="Check the address, and that the API key is of a member.",
            )
        self._notices[where] = f"The project {where} is not shown to you: it is left out."
        return Connection()


class UnseenError(RegistryError):
    """A project that is not there, or not for us."""


class TooMuchError(RegistryError):
    """The server says that a document asks for too much."""


def _may_be_size(error: RegistryError) -> bool:
    """Whether less might work: not where the server cannot be reached, or refused on purpose."""
    if isinstance(error, TooMuchError):
        return True
    on_purpose = (NotSentError, GarbageAnswerError, UnseenError, NotToldError)
    return not isinstance(error, on_purpose)


def _without_doubtful(
    page: Connection[ArtifactCollection], errors: Sequence[GraphError], refusal: RegistryError
) -> Connection[ArtifactCollection]:
    """The page, without the versions of those collections that errors are about.

    Raises:
        RegistryError: an error about something else.
    """
    doubtful = set()
    for error in errors:
        place = error.path[3] if error.path[1:3] == ("artifactCollections", "edges") else None
        if not isinstance(place, int) or len(error.path) < 6:  # noqa: PLR2004 - below a collection
            raise refusal
        doubtful.add(place)
    if not doubtful:
        return page
    return Connection(
        page.total_count,
        page.page_info,
        [_without_versions(edge) if n in doubtful else edge for n, edge in enumerate(page.rows)],
    )


def _without_versions(
    edge: ConnectionEdge[ArtifactCollection] | None,
) -> ConnectionEdge[ArtifactCollection] | None:
    """A collection whose versions have to be asked for."""
    if edge is None or edge.node is None:
        return edge
    return ConnectionEdge(
        msgspec.structs.replace(edge.node, artifacts=None), edge.version, edge.cursor
    )


VERSIONS_ON_PAGE = 100
"""Versions on a further page."""

MEMBERSHIPS_ON_PAGE = 200
"""Collections on a page of those that show one version."""

PROJECTS_AT_ONCE = 6

BIG_AT_ONCE = 40
"""Collections of more than one page that one listing reads at once: they wait for its reader."""

_VERSIONS_OF = GraphQuestion(
    wandb_documents.VERSIONS_OF,
    {"id": "ID!", "first": "Int!", "after": "String"},
    wandb_documents.VERSION_PARTS,
    5,
    "listing versions",
)
_MEMBERSHIPS_OF = GraphQuestion(
    wandb_documents.MEMBERSHIPS_OF,
    {"id": "ID!", "first": "Int!", "after": "String"},
    wandb_documents.MEMBERSHIP_PARTS,
    10,
    "reading where versions are linked",
)


class HiddenVersionsError(RegistryError):
    """A collection holds versions that may not be seen."""


class _VersionsAnswer(GraphObject, frozen=True):
    artifacts: Connection[Artifact] | None = None


class _MembershipsAnswer(GraphObject, frozen=True):
    artifact_memberships: Connection[Membership] | None = None


class WandbLister:
    """Reads the lists of one address."""

    def __init__(self, sender: DocumentSender, loader: QuestionLoader, scope: AddressScope) -> None:
        self._loader = loader
        self._scope = scope
        self.notices: dict[str, str] = {}
        """What the last lists did not tell, in whole sentences, by what it is about."""
        self._untold: Counter[str] = Counter()
        """What could not be read of the last lists, by what is said about it."""
        self.steady = True
        """Nothing is missing from the last list because others were at work on it."""
        self._pages = CollectionPages(sender, self.notices)

    def named(self, home: wandb_model.HomeProject | None, collection: str | None) -> str:
        """A collection as these lists name it; empty when it has no name."""
        return self._scope.listed(home, collection) if collection else ""

    # whole registry

    async def everything(self, put: PutPage[Row]) -> None:
        """Hand over all collections with their versions, in no order."""
        self._forget_notices()
        big = asyncio.Semaphore(BIG_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            gate = asyncio.Semaphore(PROJECTS_AT_ONCE)
            async for place in self._scope.places():
                await gate.acquire()
                task = group.create_task(self._project(place, put, big))
                task.add_done_callback(lambda _: gate.release())

    async def _project(
        self, place: ListedProject, put: PutPage[Row], big: asyncio.Semaphore
    ) -> None:
        ask = self._pages.nested(place)
        most = PORTIONS[0][0]
        pages = wandb_paging.rows_by_page(
            ask, most, unsteady=partial(self._note_changing_project, place)
        )
        async with asyncio.TaskGroup() as group:
            async for edges in pages:
                listed = [(one, place.named(one.name or "")) for one in self._nodes(edges)]
                short = [one for one in listed if _is_complete(one[0].artifacts)]
                for one, name in listed:
                    if not _is_complete(one.artifacts):
                        await big.acquire()
                        task = group.create_task(self._long_collection(one, name, put))
                        task.add_done_callback(lambda _: big.release())
                await put(await self._rows(short))

    # versions

    async def _long_collection(self, one: ArtifactCollection, name: str, put: PutPage[Row]) -> None:
        """The versions of a collection of which the first page is not all."""
        shown = wandb_model.shown_collection(one, name)
        home = _collection_key(one)
        pages = wandb_paging.rows_by_page(
            self._versions(one.id),
            VERSIONS_ON_PAGE,
            first=one.artifacts,
            unsteady=partial(self._note_changing, name),
        )
        empty = True
        async for edges in pages:
            found = _versions_to_show(one, await self._read(home, edges))
            empty = empty and not found
            await put([(shown, version) for version in found])
        if empty and _is_there(one):
            await put([(shown, None)])

    async def whole(self, home: wandb_model.CollectionKey) -> list[model.Version] | None:
        """Every version of one collection as it is now; None when there is no such collection.

        Raises:
            HiddenError: some of it may not be seen.
            RegistryError: it cannot be told, or it changes faster than it can be read.
        """
        if (
            await self._loader.ask(_VERSIONS_OF, _VersionsAnswer, id=home.collection, first=1)
            is None
        ):
            return None
        edges = await wandb_paging.all_rows(
            self._versions(home.collection), VERSIONS_ON_PAGE, "The collection"
        )
        if any(edge is None or edge.node is None for edge in edges):
            raise HiddenVersionsError("W&B does not show every version of a collection.")
        return await self._read(home, edges)

    def _versions(
        self, collection: str
    ) -> Callable[[str | None, int], Awaitable[Connection[Artifact]]]:
        """How to read pages of a collection's versions; of one that is gone there are none."""

        async def ask(after: str | None, count: int) -> Connection[Artifact]:
            found = await self._loader.ask(
                _VERSIONS_OF, _VersionsAnswer, id=collection, after=after, first=count
            )
            if found is None:
                return Connection()
            if found.artifacts is None:
                raise RegistryError(
                    "W&B does not tell the versions of a collection.", hint="Try again later."
                )
            return found.artifacts

        return ask

    async def _rows(self, listed: Sequence[tuple[ArtifactCollection, str]]) -> list[Row]:
        """Collections with all their versions, which came with them."""
        found: list[Row] = []
        for one, name in listed:
            shown = wandb_model.shown_collection(one, name)
            edges = one.artifacts.rows if one.artifacts is not None else []
            versions = _versions_to_show(one, await self._read(_collection_key(one), edges))
            found += [(shown, version) for version in versions]
            if not versions and _is_there(one):
                found.append((shown, None))
        return found

    async def _read(
        self, home: wandb_model.CollectionKey, edges: Sequence[ConnectionEdge[Artifact] | None]
    ) -> list[model.Version]:
        """Versions as a list shows them, each with all the collections that show it."""
        await asyncio.sleep(0)
        read = [(edge, edge.node) for edge in edges if edge is not None and edge.node is not None]
        self._note_unread(
            "Versions that are not shown, or could not be read, are left out",
            len(edges) - len(read),
        )
        long = [
            one
            for _, one in read
            if not wandb_model.is_link(one, home)
            and (page := one.artifact_memberships)
            and page.after
        ]
        whole = {one.id: one for one in await self.linked(long)}
        return [wandb_model.shown_version(edge, whole.get(one.id, one), home) for edge, one in read]

    async def linked(self, artifacts: Sequence[Artifact]) -> list[Artifact]:
        """These versions, each with all the collections that show it.

        Raises:
            RegistryError: that cannot be told.
        """
        return list(await together(*(self._linked(one) for one in artifacts)))

    async def _linked(self, artifact: Artifact) -> Artifact:
        page = artifact.artifact_memberships
        if page is None or page.after is None:
            return artifact

        async def ask(after: str | None, count: int) -> Connection[Membership]:
            said = await self._loader.ask(
                _MEMBERSHIPS_OF, _MembershipsAnswer, id=artifact.id, after=after, first=count
            )
            if said is None or said.artifact_memberships is None:
                raise NotToldError(
                    "W&B does not tell everywhere where a version is linked.",
                    hint="Nothing was changed. Try again later.",
                )
            return said.artifact_memberships

        edges = await wandb_paging.all_rows(
            ask, MEMBERSHIPS_ON_PAGE, "The list of what shows a version"
        )
        return msgspec.structs.replace(artifact, artifact_memberships=Connection(edges=edges))

    def _nodes(
        self, edges: Sequence[ConnectionEdge[ArtifactCollection] | None]
    ) -> list[ArtifactCollection]:
        """The collections of a page; what cannot be read of them is counted."""
        found = [edge.node for edge in edges if edge is not None and edge.node is not None]
        hidden = len(edges) - len(found)
        self._note_unread(
            "Collections that are not shown, or could not be read, are left out", hidden
        )
        self._note_unread(
            "Names of collections that are not text are spelled out",
            sum(not one.name or is_spelled(one.name) for one in found),
        )
        return found

    def _forget_notices(self) -> None:
        """Begin a list, which has notices of its own."""
        self.notices.clear()
        self._untold.clear()
        self.steady = True

    def _note_unread(self, what: str, more: int) -> None:
        """Count what could not be read."""
        if more:
            self._untold[what] += more
            self.notices[what] = f"{what}: {self._untold[what]:,}."

    def _note_changing_project(self, place: ListedProject) -> None:
        self._note_changing(f"{place.entity}/{place.project}")

    def _note_changing(self, name: str) -> None:
        self.steady = False
        self.notices[name] = (
            f"{name} changed whenever it was read: something in it may be missing here."
            " Sync it again when fewer others are at work on it."
        )


def _collection_key(one: ArtifactCollection) -> wandb_model.CollectionKey:
    return (
        wandb_model.SequenceKey(one.id)
        if wandb_model.is_series(one)
        else wandb_model.PortfolioKey(one.id)
    )


def _is_there(one: ArtifactCollection) -> bool:
    return one.state not in wandb_model.GONE_STATES


def _versions_to_show(one: ArtifactCollection, found: list[model.Version]) -> list[model.Version]:
    """The versions to show: of a deleted collection nothing that was deleted with it."""
    return [v for v in found if _is_there(one) or v.state is not VersionState.TRASH]


def _is_complete(page: Connection[Artifact] | None) -> bool:
    """Whether a first page is all there is."""
    if page is None or page.after is not None:
        return False
    return page.total_count is None or page.total_count <= len(page.rows)


FILES_ON_PAGE = 500
"""Files on a page."""

_FILES_OF = GraphQuestion(
    FILES, {"id": "ID!", "first": "Int!", "after": "String"}, "", 1, "listing files"
)


class _FileNode(GraphObject, frozen=True):
    id: str | None = None
    name: str | None = None
    display_name: str | None = None
    size_bytes: int | None = None
    digest: str | None = None
    md5: str | None = None


class _FilesAnswer(GraphObject, frozen=True):
    files: Connection[_FileNode] | None = None


async def files_of(loader: QuestionLoader, version_key: str) -> tuple[File, ...]:
    """The files of a version, by path; of a link those of its source.

    Raises:
        NotFoundError: there is no such version.
        RegistryError: it cannot be told.
    """
    ref = wandb_model.parse_version_key(version_key)
    if ref is None:
        raise NotFoundError(f"The registry has no version {version_key}.")

    async def ask(after: str | None, count: int) -> Connection[_FileNode]:
        found = await loader.ask(_FILES_OF, _FilesAnswer, id=ref.artifact, after=after, first=count)
        if found is None:
            raise NotFoundError(f"The registry has no version {version_key} any more.")
        return found.files or Connection()

    edges = await wandb_paging.all_rows(ask, FILES_ON_PAGE, "The list of files")
    found = {}
    for edge in edges:
        if edge is not None and edge.node is not None:
            one = _shown_file(edge.node)
            found[one.path] = one
    return tuple(found[path] for path in sorted(found))


def _shown_file(said: _FileNode) -> File:
    return File(
        path=said.display_name or said.name or "",
        size=wandb_model.checked_count(said.size_bytes) or 0,
        digest=said.digest or said.md5 or "",
    )
