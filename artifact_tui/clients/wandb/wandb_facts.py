"""What is true of versions now, 25 in a document, and how long that is taken to be so.

Nothing is taken for "none" that was not answered: a version without an answer about its aliases is
an error, dependents that are not answered are not known, and where nothing is answered about the
collections that show it, one stands for them.

A server that throttles can let deletions wait for minutes, long after the last look. So what has
waited is looked at again before it leaves: a version that got an alias, a link or a dependent
meanwhile is not sent.

Of versions whose deletion was just answered with success only the state is asked for, of many in
one document. What is still there in spite of the answer is looked at in full.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.transport import together
from artifact_tui.clients.wandb import wandb_documents, wandb_model
from artifact_tui.clients.wandb.wandb_documents import GraphQuestion
from artifact_tui.clients.wandb.wandb_lineage import RelativeFinder
from artifact_tui.clients.wandb.wandb_model import Artifact
from artifact_tui.errors import NotToldError, RegistryError
from artifact_tui.model import Facts, VersionState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

    from artifact_tui.clients.wandb.wandb_documents import QuestionLoader
    from artifact_tui.clients.wandb.wandb_lineage import MadeVersions
    from artifact_tui.clients.wandb.wandb_listing import WandbLister
    from artifact_tui.model import Alias

    ReadFacts = Callable[[Sequence[str]], Awaitable[Mapping[str, Facts]]]
    """What is true of versions now, by key, as `Client.facts` tells it."""


FRESH = 30.0
"""Seconds after which a version is looked at again; twice as many after each look."""

MOST_LOOKS = 6

_LOOKS_REMEMBERED = 10_000
"""Versions of which the last look is remembered."""

_token_decoder = msgspec.json.Decoder(Facts)


def with_token(facts: Facts) -> Facts:
    """Facts that can be compared later, by whoever gets the token back."""
    return replace(facts, token=msgspec.json.encode(replace(facts, token="")).decode())


def facts_changed(token: str, now: Facts, going: Collection[str] = ()) -> bool:
    """Whether there is a reason now not to delete that the facts of the token do not tell.

    Dependents that are `going` are none: what is between them may just have gone.
    """
    if not token:
        return False
    before = _facts_in_token(token)
    return before is None or (
        (now.digest, now.state, now.source_key) != (before.digest, before.state, before.source_key)
        or (now.kept != "" or (before.lineage_known and not now.lineage_known))
        or not set(now.aliases) <= set(before.aliases)
        or not {one.key for one in now.links} <= {one.key for one in before.links}
        or not set(now.dependents) - set(going) <= set(before.dependents)
    )


def is_own_token(token: str) -> bool:
    """Whether it tells what was found by a look of ours."""
    return bool(token) and _facts_in_token(token) is not None


def _facts_in_token(token: str) -> Facts | None:
    try:
        return _token_decoder.decode(token)
    except msgspec.MsgspecError:
        return None


class LookTimes:
    """When versions were looked at on one connection, by what was found of them.

    The moment is that at which the question left: what changes after it may not be in the answer.
    """

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, float]] = {}

    def note(self, facts: Facts, left: float) -> None:
        """This was the answer to a question that left then."""
        self._found.pop(facts.key, None)
        self._found[facts.key] = facts.token, left
        if len(self._found) > _LOOKS_REMEMBERED:
            del self._found[next(iter(self._found))]

    def at(self, key: str, token: str) -> float | None:
        """When this was last found; None: nobody knows."""
        found, left = self._found.get(key, ("", 0.0))
        return left if found and found == token else None


class LookAges:
    """When each of some versions was last looked at; where nobody says so, now."""

    def __init__(self, looked: Mapping[str, float] | None = None) -> None:
        """`looked` says when the last look at some of them began."""
        self._began = time.monotonic()
        self._looks = {key: (at, 0) for key, at in (looked or {}).items()}

    def old(self, key: str) -> bool:
        """Whether a version must be looked at again."""
        return time.monotonic() > self.until([key])

    def looked(self, key: str, at: float) -> None:
        """It was looked at again, and is as it was; `at` is when the look began."""
        looks = self._looks.get(key, (0.0, 0))[1]
        self._looks[key] = at, min(looks + 1, MOST_LOOKS)

    def until(self, keys: Iterable[str]) -> float:
        """The moment, on the clock that only goes forward, after which none of them may leave."""
        found = (self._looks.get(key, (self._began, 0)) for key in keys)
        return min(good_until(at, looks) for at, looks in found)


def good_until(at: float, looks: int) -> float:
    """Until when a look that began at a moment is good, after so many looks before it."""
    return at + FRESH * float(2**looks)


_FACTS = GraphQuestion(
    wandb_documents.FACTS, {"id": "ID!"}, wandb_documents.FACTS_PARTS, 25, "reading versions"
)


class WandbFacts:
    """Facts about versions of one connection."""

    def __init__(
        self, loader: QuestionLoader, lister: WandbLister, looks: LookTimes | None = None
    ) -> None:
        """`looks` remembers when what was asked."""
        self._loader = loader
        self._lister = lister
        self._looks = LookTimes() if looks is None else looks

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now; those that are gone are left out.

        Raises:
            RegistryError: it cannot be told.
        """
        refs = {key: ref for key in keys if (ref := wandb_model.parse_version_key(key)) is not None}
        wanted = sorted({ref.artifact for ref in refs.values()})
        told = await together(*(self._ask(one) for one in wanted))
        linked = await self._lister.linked([one for one, _ in told if one is not None])
        artifacts = {one.id: one for one in linked}
        left = {one.id: at for one, at in told if one is not None}
        sources = {ref.artifact for ref in refs.values() if isinstance(ref, wandb_model.SourceKey)}
        family = RelativeFinder(self._loader)
        made = await family.dependents([one for one in artifacts.values() if one.id in sources])
        found: dict[str, Facts] = {}
        for key, ref in refs.items():
            artifact = artifacts.get(ref.artifact)
            if artifact is None:
                continue
            if isinstance(ref, wandb_model.SourceKey):
                found[key] = with_token(self._source(key, artifact, made[artifact.id]))
            elif _is_shown(artifact, ref.portfolio):
                found[key] = with_token(self._link(key, artifact, ref))
            if key in found:
                self._looks.note(found[key], left[artifact.id])
        return found

    async def _ask(self, identifier: str) -> tuple[Artifact | None, float]:
        found, left = await self._loader.ask_dated(_FACTS, Artifact, id=identifier)
        if found is not None and found.id != identifier:
            raise RegistryError(
                "W&B answered about another version than the one that was asked for.",
                hint="Nothing was changed. Try again later.",
            )
        return found, left

    def _source(self, key: str, artifact: Artifact, made: MadeVersions | None) -> Facts:
        own = artifact.artifact_sequence
        home = own.id if own else ""
        return Facts(
            key=key,
            digest=artifact.digest or "",
            state=wandb_model.state_of(artifact),
            aliases=_certain_aliases(artifact, home),
            dependents=tuple(sorted(wandb_model.SourceKey(one.id).key for one in made or ())),
            lineage_known=made is not None,
            links=wandb_model.links_of(artifact, home),
            kept=wandb_model.keep_reason(artifact),
            generated=wandb_model.is_generated(artifact),
            collection=self._lister.named(own.project, own.name) if own else "",
            label=_label_of(artifact.version_index),
            type=artifact.type,
        )

    def _link(self, key: str, artifact: Artifact, ref: wandb_model.LinkKey) -> Facts:
        members = wandb_model.memberships_of(artifact.artifact_memberships)
        shown = next(
            (one for one in members if one.artifact_collection
             and one.artifact_collection.id == ref.portfolio), None,
        )  # fmt: skip
        holder = shown.artifact_collection if shown else None
        return Facts(
            key=key,
            digest=artifact.digest or "",
            state=wandb_model.state_of(artifact),
            aliases=_certain_aliases(artifact, ref.portfolio),
            source_key=ref.source,
            collection=self._lister.named(holder.project, holder.name) if holder else "",
            label=_label_of(shown.version_index) if shown else "",
            type=artifact.type,
        )


def _label_of(index: int | None) -> str:
    return "" if index is None else f"v{index}"


def _certain_aliases(artifact: Artifact, home: str) -> tuple[Alias, ...]:
    if artifact.aliases is None:
        raise NotToldError(
            "W&B did not tell the aliases of a version.", hint="Nothing was changed."
        )
    return wandb_model.aliases_of(artifact, home)


def _is_shown(artifact: Artifact, portfolio: str) -> bool:
    """Whether a collection shows a version.

    Raises:
        RegistryError: the server does not tell which do.
    """
    if artifact.artifact_memberships is None:
        raise NotToldError(
            "This server does not tell where a version is linked.", hint="Nothing was changed."
        )
    members = wandb_model.memberships_of(artifact.artifact_memberships)
    holders = [one.artifact_collection for one in members]
    if any(one is not None and one.id == portfolio for one in holders):
        return True
    if None in holders:
        raise NotToldError(
            "W&B does not show every collection that a version is linked in.",
            hint="Nothing was changed. Whether the link is still there is not known.",
        )
    return False


_VERSION_STATE = GraphQuestion(
    "artifact(id:$id){id state digest}", {"id": "ID!"}, "", 50, "a version"
)


class DepartedVersions:
    """Facts about versions, the quick way for those that were just deleted."""

    def __init__(self, loader: QuestionLoader, look: ReadFacts) -> None:
        """`look` tells everything."""
        self._loader = loader
        self._look = look
        self._done: set[str] = set()

    def note(self, keys: Iterable[str]) -> None:
        """The deletion of these was answered with success."""
        self._done.update(keys)

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now; those that are gone are left out.

        Of one that is in the trash no more than that and its digest.

        Raises:
            RegistryError: it cannot be told.
        """
        quick = [key for key in keys if key in self._done]
        if not quick:
            return await self._look(keys)
        self._done.difference_update(quick)
        others = [key for key in dict.fromkeys(keys) if key not in set(quick)]

        async def look() -> Mapping[str, Facts]:
            return await self._look(others) if others else {}

        told, full = await together(together(*(self._quick(key) for key in quick)), look())
        found = {**full, **{facts.key: facts for facts in told if isinstance(facts, Facts)}}
        if left := [key for key, facts in zip(quick, told, strict=True) if facts is True]:
            found |= await self._look(left)
        return {key: found[key] for key in keys if key in found}

    async def _quick(self, key: str) -> Facts | bool:
        """One that is in the trash; False when it is nowhere, True when it must be looked at."""
        ref = wandb_model.parse_key(key)
        if not isinstance(ref, wandb_model.SourceKey):
            return True
        found = await self._loader.ask(_VERSION_STATE, Artifact, id=ref.artifact)
        if found is None:
            return False
        if found.id != ref.artifact:
            raise RegistryError(
                "W&B answered about another version than the one that was asked for.",
                hint="Nothing was changed. Try again later.",
            )
        if found.state not in wandb_model.GONE_STATES:
            return True
        digest = found.digest or ""
        return Facts(key, digest, VersionState.TRASH, lineage_known=False)
