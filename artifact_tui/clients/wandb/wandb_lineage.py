"""What was made from a version: the runs that used it, and the versions that they logged.

Deleted versions are looked through: what was made from them counts instead. What W&B keeps for
itself (`wandb-history`, `job`, …) is a record of a run and nobody's work: it is no dependent.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from artifact_tui.clients.transport import together
from artifact_tui.clients.wandb import wandb_documents, wandb_model, wandb_paging
from artifact_tui.clients.wandb.wandb_documents import GraphQuestion
from artifact_tui.clients.wandb.wandb_model import Artifact, Connection, GraphObject, UsingRun
from artifact_tui.errors import NotToldError, RegistryError
from artifact_tui.model import GONE, Lineage, Relative, VersionState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from artifact_tui.clients.wandb.wandb_documents import QuestionLoader


RUNS_ON_PAGE = 50
"""Runs on a further page."""

ARTIFACTS_ON_PAGE = 100
"""Versions on a further page of what a run made or used."""

LEVELS = 100
"""Deleted versions in a row that are looked through."""

_PAGE = {"first": "Int!", "after": "String"}
_OF_RUN = {"e": "String!", "p": "String!", "r": "String!", **_PAGE}
_READING_LINEAGE = "reading lineage"

_USERS = GraphQuestion(
    wandb_documents.USERS, {"id": "ID!"}, wandb_documents.USERS_PARTS, 25, _READING_LINEAGE
)
_FAMILY = GraphQuestion(
    wandb_documents.FAMILY, {"id": "ID!"}, wandb_documents.FAMILY_PARTS, 25, _READING_LINEAGE
)
_RUNS_OF = GraphQuestion(
    wandb_documents.RUNS_OF, {"id": "ID!", **_PAGE}, wandb_documents.RUNS_PARTS, 5, _READING_LINEAGE
)
_OUTPUTS_OF = GraphQuestion(
    wandb_documents.OUTPUTS_OF, _OF_RUN, wandb_documents.RELATIVE_PARTS, 10, _READING_LINEAGE
)
_INPUTS_OF = GraphQuestion(
    wandb_documents.INPUTS_OF, _OF_RUN, wandb_documents.RELATIVE_PARTS, 10, _READING_LINEAGE
)

MadeVersions = tuple[Artifact, ...]
"""Versions that were made from one; live ones, or with deleted ones among them."""


class _NullPageError(RegistryError):
    """A page of a list is not told."""


class _RunArtifacts(GraphObject, frozen=True):
    output_artifacts: Connection[Artifact] | None = None
    input_artifacts: Connection[Artifact] | None = None


class _RunAnswer(GraphObject, frozen=True):
    run: _RunArtifacts | None = None


class RelativeFinder:
    """Looks for relatives, within one call: what was asked once is not asked again."""

    def __init__(self, loader: QuestionLoader) -> None:
        self._loader = loader
        self._outputs: dict[str, asyncio.Task[MadeVersions | None]] = {}
        self._made: dict[str, MadeVersions | None] = {}
        self.runs: dict[str, tuple[str, ...]] = {}
        """Names of the runs that used a version, by its id."""

    async def dependents(self, artifacts: Sequence[Artifact]) -> dict[str, MadeVersions | None]:
        """The nearest live versions made from each, by id; None where the server does not tell.

        Raises:
            RegistryError: the server cannot be asked.
        """
        level = list({one.id: one for one in artifacts}.values())
        for _ in range(LEVELS):
            await self._level(level)
            beyond = {
                one.id
                for made in (self._made[one.id] for one in level)
                for one in made or ()
                if _is_deleted(one) and one.id not in self._made
            }
            if not beyond:
                break
            level = [one for one in await self._ask(beyond) if one.id not in self._made]
        return {one.id: self._nearest(one.id) for one in artifacts}

    async def _ask(self, wanted: Iterable[str]) -> list[Artifact]:
        """These versions with who used them; those that are not told have no users."""
        order = sorted(wanted)
        found = await together(*(self._loader.ask(_USERS, Artifact, id=one) for one in order))
        for identifier, one in zip(order, found, strict=True):
            if one is None:
                self._made[identifier] = ()
        return [one for one in found if one is not None]

    async def _level(self, artifacts: Sequence[Artifact]) -> None:
        made = await together(*(self._made_from(one) for one in artifacts))
        self._made.update(zip((one.id for one in artifacts), made, strict=True))

    def _nearest(self, root: str) -> MadeVersions | None:
        """The live versions that can be reached through deleted ones only."""
        found: dict[str, Artifact] = {}
        seen = {root}
        stack = [root]
        while stack:
            made = self._made.get(stack.pop())
            if made is None:
                return None
            for one in made:
                if one.id not in seen:
                    seen.add(one.id)
                    if _is_deleted(one):
                        stack.append(one.id)
                    else:
                        found[one.id] = one
        return tuple(found.values())

    async def _made_from(self, artifact: Artifact) -> MadeVersions | None:
        """What the runs that used a version logged; None when that is not told."""
        if artifact.used_by is None:
            return () if artifact.used_count == 0 else None
        runs = _all_nodes(artifact.used_by)
        if artifact.used_by.after is not None:
            runs = await self._steady(self._runs_of(artifact.id), RUNS_ON_PAGE, artifact.used_by)
        if runs is None:
            return None
        self.runs[artifact.id] = tuple(sorted({run.name or run.id for run in runs}))
        outputs = await together(*(self._logged(run) for run in runs))
        found: dict[str, Artifact] = {}
        for made in outputs:
            if made is None:
                return None
            found |= {
                one.id: one
                for one in made
                if one.id != artifact.id and not wandb_model.keep_reason(one)
            }
        return tuple(found.values())

    async def _logged(self, run: UsingRun) -> MadeVersions | None:
        """All that a run logged; None when that is not told."""
        page = run.output_artifacts
        if page is None:
            return None
        if page.after is None:
            found = _all_nodes(page)
            return None if found is None else tuple(found)
        if run.id not in self._outputs:
            self._outputs[run.id] = asyncio.ensure_future(self._all_logged(run, page))
        return await self._outputs[run.id]

    async def _all_logged(self, run: UsingRun, page: Connection[Artifact]) -> MadeVersions | None:
        """All that a run logged, whose first page this is; None when that is not told."""
        ask = self._page_of_run(_OUTPUTS_OF, run.name, run.project)
        found = await self._steady(ask, ARTIFACTS_ON_PAGE, page) if ask else None
        return None if found is None else tuple(found)

    async def parents(self, creator: wandb_model.Creator | None) -> MadeVersions | None:
        """The versions that the creator had used, deleted ones too; None when that is not told."""
        if creator is None or creator.type_name != "Run":
            return ()
        page = creator.input_artifacts
        if page is None:
            return None
        found: Sequence[Artifact] | None = page.nodes
        if page.after is not None:
            ask = self._page_of_run(_INPUTS_OF, creator.name, creator.project)
            found = await self._steady(ask, ARTIFACTS_ON_PAGE, page) if ask else None
        return None if found is None else tuple(found)

    async def _steady(
        self,
        ask: wandb_paging.AskPage[wandb_paging.T],
        size: int,
        first: Connection[wandb_paging.T],
    ) -> list[wandb_paging.T] | None:
        """All nodes of a list; None when it never held still, or not all of it is told."""
        torn: list[bool] = []
        pages = wandb_paging.rows_by_page(
            ask, size, first=first, unsteady=lambda: torn.append(True)
        )
        try:
            edges = [edge async for page in pages for edge in page]
        except _NullPageError:
            return None
        return None if torn else _all_nodes(Connection(None, None, edges))

    def _runs_of(self, artifact: str) -> wandb_paging.AskPage[UsingRun]:
        async def ask(after: str | None, count: int) -> Connection[UsingRun]:
            variables = {"id": artifact, "after": after, "first": count}
            found = await self._loader.ask(_RUNS_OF, Artifact, **variables)
            return _page_or_error(found.used_by if found else None)

        return ask

    def _page_of_run(
        self, shape: GraphQuestion, name: str | None, home: wandb_model.HomeProject | None
    ) -> Callable[[str | None, int], Awaitable[Connection[Artifact]]] | None:
        """How to read further pages of a run; None when it may not be named."""
        entity = home.entity.name if home and home.entity else None
        project = home.name if home else None
        if not (name and entity and project):
            return None

        async def ask(after: str | None, count: int) -> Connection[Artifact]:
            found = await self._loader.ask(
                shape, _RunAnswer, e=entity, p=project, r=name, after=after, first=count
            )
            run = found.run if found else None
            page = run.output_artifacts or run.input_artifacts if run else None
            return _page_or_error(page)

        return ask


async def lineage_of(
    loader: QuestionLoader, keys: Sequence[str], *, parents: bool, name: Callable[[Artifact], str]
) -> Mapping[str, Lineage]:
    """The lineage of versions by key; those that are gone or not told are left out.

    Nothing depends on a link: its deletion takes nothing away from anybody.

    Raises:
        RegistryError: the server cannot be asked.
    """
    refs = {key: ref for key in keys if (ref := wandb_model.parse_key(key)) is not None}
    found = {key: Lineage() for key, ref in refs.items() if isinstance(ref, wandb_model.LinkKey)}
    sources = {key: ref for key, ref in refs.items() if isinstance(ref, wandb_model.SourceKey)}
    shape = _FAMILY if parents else _USERS
    told = await together(*(_version_or_none(loader, shape, ref) for ref in sources.values()))
    artifacts = {key: one for key, one in zip(sources, told, strict=True) if one is not None}
    family = RelativeFinder(loader)
    made = await family.dependents(list(artifacts.values()))

    def relatives(versions: Iterable[Artifact]) -> tuple[Relative, ...]:
        return tuple(
            sorted(
                {
                    Relative(
                        wandb_model.SourceKey(v.id).key, name(v) + (GONE if _is_deleted(v) else "")
                    )
                    for v in versions
                }
            )
        )

    for key, one in artifacts.items():
        below = made[one.id]
        above = await family.parents(one.created_by) if parents else ()
        if below is not None and above is not None:
            runs = family.runs.get(one.id, ())
            found[key] = Lineage(relatives(below), relatives(above), runs)
    return {key: found[key] for key in keys if key in found}


async def _version_or_none(
    loader: QuestionLoader, shape: GraphQuestion, ref: wandb_model.SourceKey
) -> Artifact | None:
    try:
        return await loader.ask(shape, Artifact, id=ref.artifact)
    except NotToldError:
        return None


def _page_or_error(page: Connection[wandb_paging.T] | None) -> Connection[wandb_paging.T]:
    if page is None:
        raise _NullPageError("W&B does not tell all of what was made from a version.")
    return page


def _all_nodes(page: Connection[wandb_paging.T]) -> list[wandb_paging.T] | None:
    """The nodes of a page; None when some of them may not be seen."""
    nodes = page.nodes
    return nodes if len(nodes) == len(page.rows) else None


def _is_deleted(artifact: Artifact) -> bool:
    return wandb_model.state_of(artifact) is VersionState.TRASH
