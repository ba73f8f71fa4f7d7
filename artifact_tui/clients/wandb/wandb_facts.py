"""What is true of versions now, 25 in a document.

Nothing is taken for "none" that was not answered: a version without an answer about its aliases is
an error, dependents that are not answered are not known, and where nothing is answered about the
collections that show it, one stands for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.transport import together
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_graphql import IDENTITY, PLACE, GraphQuestion
from artifact_tui.clients.wandb.wandb_lineage import USERS, USERS_PARTS, RelativeFinder
from artifact_tui.clients.wandb.wandb_model import Artifact, LinkKey, SourceKey
from artifact_tui.errors import NotToldError, RegistryError
from artifact_tui.model import Facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.clients.wandb.wandb_graphql import Graph
    from artifact_tui.clients.wandb.wandb_listing import WandbLister
    from artifact_tui.model import Alias


_FACTS = GraphQuestion(
    f"artifact(id:$id){{{IDENTITY}"
    f" artifactSequence{{name project{{name entity{{name}}}}}} {USERS}}}",
    {"id": "ID!"},
    f"{PLACE} {USERS_PARTS}",
    25,
    "reading versions",
    Artifact,
)


async def facts_of(graph: Graph, lister: WandbLister, keys: Sequence[str]) -> Mapping[str, Facts]:
    """What is true of these versions now; those that are gone are left out.

    `lister` reads where they are linked, and tells how collections are named.

    Raises:
        RegistryError: it cannot be told.
    """
    refs = {key: ref for key in keys if (ref := wandb_model.parse_version_key(key)) is not None}
    wanted = sorted({ref.artifact for ref in refs.values()})
    found = await together(*(graph.ask(_FACTS, id=one) for one in wanted))
    if any(one is not None and one.id != it for it, one in zip(wanted, found, strict=True)):
        raise RegistryError(
            "W&B answered about another version than the one that was asked for.",
            hint="Nothing was changed. Try again later.",
        )
    linked = await lister.linked([one for one in found if one is not None])
    artifacts = {one.id: one for one in linked}
    sources = {ref.artifact for ref in refs.values() if isinstance(ref, SourceKey)}
    made = await RelativeFinder(graph).dependents(
        [artifacts[one] for one in sources & artifacts.keys()]
    )
    facts: dict[str, Facts] = {}
    for key, ref in refs.items():
        artifact = artifacts.get(ref.artifact)
        if artifact is None:
            continue
        if isinstance(ref, LinkKey):
            link = _link_facts(lister, key, artifact, ref)
            facts |= {key: link} if link is not None else {}
            continue
        own = artifact.artifact_sequence
        home = own.id if own else ""
        below = made[artifact.id]
        facts[key] = Facts(
            key=key,
            digest=artifact.digest or "",
            state=wandb_model.state_of(artifact),
            aliases=_certain_aliases(artifact, home),
            dependents=tuple(sorted(SourceKey(one.id).key for one in below or ())),
            lineage_known=below is not None,
            links=wandb_model.links_of(artifact, home),
            kept=wandb_model.keep_reason(artifact),
            generated=wandb_model.is_generated(artifact),
            collection=lister.named(own.project, own.name) if own else "",
            label="" if artifact.version_index is None else f"v{artifact.version_index}",
            type=artifact.type,
        )
    return facts


def _link_facts(lister: WandbLister, key: str, artifact: Artifact, ref: LinkKey) -> Facts | None:
    """The facts of a link; None when its collection does not show the version any more.

    Raises:
        NotToldError: the server does not tell which collections do.
    """
    if artifact.artifact_memberships is None:
        raise NotToldError(
            "This server does not tell where a version is linked.", hint="Nothing was changed."
        )
    members = wandb_model.memberships_of(artifact.artifact_memberships)
    for one in members:
        holder = one.artifact_collection
        if holder is not None and holder.id == ref.portfolio:
            return Facts(
                key=key,
                digest=artifact.digest or "",
                state=wandb_model.state_of(artifact),
                aliases=_certain_aliases(artifact, ref.portfolio),
                source_key=ref.source,
                collection=lister.named(holder.project, holder.name),
                label="" if one.version_index is None else f"v{one.version_index}",
                type=artifact.type,
            )
    if any(one.artifact_collection is None for one in members):
        raise NotToldError(
            "W&B does not show every collection that a version is linked in.",
            hint="Nothing was changed. Whether the link is still there is not known.",
        )
    return None


def _certain_aliases(artifact: Artifact, home: str) -> tuple[Alias, ...]:
    if artifact.aliases is None:
        raise NotToldError(
            "W&B did not tell the aliases of a version.", hint="Nothing was changed."
        )
    return wandb_model.aliases_of(artifact, home)
