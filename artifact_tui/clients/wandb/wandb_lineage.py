"""What was made from a version: the runs that used it, and the versions that they logged.

Deleted versions are looked through: what was made from them counts instead. What W&B keeps for
itself (`wandb-history`, `job`, …) is a record of a run and nobody's work: it is no dependent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.transport import together
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_graphql import PAGE, GraphQuestion
from artifact_tui.clients.wandb.wandb_model import Artifact, Connection, GraphObject, UsingRun
from artifact_tui.clients.wandb.wandb_paging import UnsteadyError, all_rows
from artifact_tui.errors import NotToldError, RegistryError
from artifact_tui.model import GONE, Lineage, Relative, VersionState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from artifact_tui.clients.wandb.wandb_graphql import Graph
    from artifact_tui.clients.wandb.wandb_model import HomeProject
    from artifact_tui.clients.wandb.wandb_paging import AskPage, T


RUNS_ON_PAGE = 50
"""Runs on a further page."""

ARTIFACTS_ON_PAGE = 100
"""Versions on a further page of what a run made or used."""

LEVELS = 100
"""Deleted versions in a row that are looked through."""

_RELATIVE = (
    "fragment Relative on Artifact{id state versionIndex <Artifact.isGenerated|isGenerated>"
    " artifactType{name} artifactSequence{id name project{name entity{name}}}}"
)
_ARTIFACTS = (
    "<ArtifactConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<ArtifactEdge.cursor|cursor> node{{...Relative}}}}"
)
_INPUTS = (
    "<InputArtifactConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<InputArtifactEdge.cursor|cursor> node{{...Relative}}}}"
)
_RUNS = (
    "<RunConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<RunEdge.cursor|cursor> node{{...Maker}}}}"
)
_MAKER = (
    "fragment Maker on Run{id name project{name entity{name}}"
    f" outputArtifacts(first:20){{{_ARTIFACTS}}}}}"
)
_RUN = "project(entityName:$e,name:$p){run(name:$r)"

USERS = f"<Artifact.usedCount|usedCount> <Artifact.usedBy|usedBy(first:20){{{_RUNS}}}>"
"""Of a version: the first runs that used it, with what they made."""

USERS_PARTS = f"<Artifact.usedBy|{_RELATIVE} {_MAKER}>"
"""The fragments of `USERS`."""


class _RunArtifacts(GraphObject, frozen=True):
    output_artifacts: Connection[Artifact] | None = None
    input_artifacts: Connection[Artifact] | None = None


class _RunAnswer(GraphObject, frozen=True):
    run: _RunArtifacts | None = None


_PAGE_VARIABLES = {"first": "Int!", "after": "String"}
_RUN_VARIABLES = {"e": "String!", "p": "String!", "r": "String!", **_PAGE_VARIABLES}
_READING_LINEAGE = "reading lineage"

_USERS = GraphQuestion(
    f"artifact(id:$id){{id state {USERS}}}",
    {"id": "ID!"}, USERS_PARTS, 25, _READING_LINEAGE, Artifact,
)  # fmt: skip

_FAMILY = GraphQuestion(
    f"artifact(id:$id){{id state {USERS}"
    " createdBy{__typename ...on Run{id name project{name entity{name}}"
    f" inputArtifacts(first:50){{{_INPUTS}}}}}}}}}",
    {"id": "ID!"}, f"{_RELATIVE} <Artifact.usedBy|{_MAKER}>", 25, _READING_LINEAGE, Artifact,
)  # fmt: skip
"""With what the run that made a version had used."""

_RUNS_OF = GraphQuestion(
    f"artifact(id:$id){{id usedBy(first:$first,after:$after){{{_RUNS}}}}}",
    {"id": "ID!", **_PAGE_VARIABLES}, f"{_RELATIVE} {_MAKER}", 5, _READING_LINEAGE, Artifact,
)  # fmt: skip

_OUTPUTS_OF = GraphQuestion(
    f"{_RUN}{{outputArtifacts(first:$first,after:$after){{{_ARTIFACTS}}}}}}}",
    _RUN_VARIABLES, _RELATIVE, 10, _READING_LINEAGE, _RunAnswer,
)  # fmt: skip

_INPUTS_OF = GraphQuestion(
    f"{_RUN}{{inputArtifacts(first:$first,after:$after){{{_INPUTS}}}}}}}",
    _RUN_VARIABLES, _RELATIVE, 10, _READING_LINEAGE, _RunAnswer,
)  # fmt: skip


class RelativeFinder:
    """Looks for relatives, within one call: what was asked once is not asked again.

    Where the server does not tell all of a list, nothing is known of it: None.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._outputs: dict[str, list[Artifact] | None] = {}
        """What runs logged, by the run's id."""
        self._made: dict[str, list[Artifact] | None] = {}
        """What was made from versions, by the version's id; deleted ones are among them."""
        self.runs: dict[str, tuple[str, ...]] = {}
        """Names of the runs that used a version, by its id."""

    async def dependents(self, artifacts: Sequence[Artifact]) -> dict[str, list[Artifact] | None]:
        """The nearest live versions made from each, by id; None where the server does not tell.

        Raises:
            RegistryError: the server cannot be asked.
        """
        level = list({one.id: one for one in artifacts}.values())
        for _ in range(LEVELS):
            await self._follow(level)
            made = [one for above in level for one in self._made[above.id] or ()]
            beyond = sorted({one.id for one in made if _is_deleted(one)} - self._made.keys())
            if not beyond:
                break
            found = await together(*(self._graph.ask(_USERS, id=one) for one in beyond))
            self._made |= {one: [] for one, it in zip(beyond, found, strict=True) if it is None}
            level = [one for one in found if one is not None]
        return {one.id: self._nearest(one.id) for one in artifacts}

    async def _follow(self, artifacts: Sequence[Artifact]) -> None:
        """Note what the runs that used these versions logged."""
        used = await together(*(self._users(one) for one in artifacts))
        new = {run.id: run for runs in used for run in runs or () if run.id not in self._outputs}
        logged = await together(*(self._logged(run) for run in new.values()))
        self._outputs |= dict(zip(new, logged, strict=True))
        for artifact, runs in zip(artifacts, used, strict=True):
            outputs = [self._outputs[run.id] for run in runs or ()]
            told = [one for made in outputs for one in made or ()]
            self._made[artifact.id] = (
                None
                if runs is None or None in outputs
                else [o for o in told if o.id != artifact.id and not wandb_model.keep_reason(o)]
            )

    def _nearest(self, root: str) -> list[Artifact] | None:
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
        return list(found.values())

    async def _users(self, artifact: Artifact) -> list[UsingRun] | None:
        """The runs that used a version."""
        if artifact.used_by is None:
            return [] if artifact.used_count == 0 else None

        async def ask(after: str | None, count: int) -> Connection[UsingRun]:
            found = await self._graph.ask(_RUNS_OF, id=artifact.id, after=after, first=count)
            return _shown_page(found.used_by if found else None)

        runs = await _all_nodes(artifact.used_by, ask, RUNS_ON_PAGE)
        if runs is not None:
            self.runs[artifact.id] = tuple(sorted({run.name or run.id for run in runs}))
        return runs

    async def _logged(self, run: UsingRun) -> list[Artifact] | None:
        """All that a run logged."""
        ask = self._page_of_run(_OUTPUTS_OF, run.name, run.project)
        return await _all_nodes(run.output_artifacts, ask, ARTIFACTS_ON_PAGE)

    async def parents(self, creator: wandb_model.Creator | None) -> list[Artifact] | None:
        """The versions that the creator had used, deleted ones too."""
        if creator is None or creator.type_name != "Run":
            return []
        if creator.input_artifacts is not None and creator.input_artifacts.after is None:
            return creator.input_artifacts.nodes
        ask = self._page_of_run(_INPUTS_OF, creator.name, creator.project)
        return await _all_nodes(creator.input_artifacts, ask, ARTIFACTS_ON_PAGE)

    def _page_of_run(
        self, question: GraphQuestion[_RunAnswer], name: str | None, home: HomeProject | None
    ) -> AskPage[Artifact]:
        """How to read further pages of a run; of one that may not be named nothing is told."""
        entity = home.entity.name if home and home.entity else None
        project = home.name if home else None

        async def ask(after: str | None, count: int) -> Connection[Artifact]:
            if not (name and entity and project):
                return _shown_page(None)
            found = await self._graph.ask(
                question, e=entity, p=project, r=name, after=after, first=count
            )
            run = found.run if found else None
            return _shown_page(run.output_artifacts or run.input_artifacts if run else None)

        return ask


class _NullPageError(RegistryError):
    """A page of a list is not told."""


def _shown_page(page: Connection[T] | None) -> Connection[T]:
    if page is None:
        raise _NullPageError("W&B does not tell all of what was made from a version.")
    return page


async def _all_nodes(first: Connection[T] | None, ask: AskPage[T], size: int) -> list[T] | None:
    """All of a list that begins with a page; None when it never held still, or is not all told."""
    if first is None:
        return None
    rows = first.rows
    if first.after is not None:
        try:
            rows = await all_rows(ask, size, first=first)
        except (UnsteadyError, _NullPageError):
            return None
    nodes = [edge.node for edge in rows if edge is not None and edge.node is not None]
    return nodes if len(nodes) == len(rows) else None


async def lineage_of(
    graph: Graph, keys: Sequence[str], *, parents: bool, name: Callable[[Artifact], str]
) -> Mapping[str, Lineage]:
    """The lineage of versions by key; those that are gone or not told are left out.

    Nothing depends on a link: its deletion takes nothing away from anybody.

    Raises:
        RegistryError: the server cannot be asked.
    """
    refs = {key: ref for key in keys if (ref := wandb_model.parse_version_key(key)) is not None}
    found = {key: Lineage() for key, ref in refs.items() if isinstance(ref, wandb_model.LinkKey)}

    async def version(key: str) -> Artifact | None:
        try:
            return await graph.ask(_FAMILY if parents else _USERS, id=refs[key].artifact)
        except NotToldError:
            return None

    sources = [key for key in refs if key not in found]
    told = await together(*(version(key) for key in sources))
    artifacts = {key: one for key, one in zip(sources, told, strict=True) if one is not None}
    family = RelativeFinder(graph)
    made = await family.dependents(list(artifacts.values()))

    def relatives(versions: Iterable[Artifact]) -> tuple[Relative, ...]:
        shown = {
            Relative(wandb_model.SourceKey(v.id).key, name(v) + (GONE if _is_deleted(v) else ""))
            for v in versions
        }
        return tuple(sorted(shown))

    for key, one in artifacts.items():
        below = made[one.id]
        above = await family.parents(one.created_by) if parents else []
        if below is not None and above is not None:
            runs = family.runs.get(one.id, ())
            found[key] = Lineage(relatives(below), relatives(above), runs)
    return {key: found[key] for key in keys if key in found}


def _is_deleted(artifact: Artifact) -> bool:
    return wandb_model.state_of(artifact) is VersionState.TRASH
