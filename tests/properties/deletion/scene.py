"""Random registries, what others do to them meanwhile, and what a registry does wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from artifact_tui.deletion.items import Action, Options
from artifact_tui.errors import ArtifactTuiError
from tests.servers.faulty.faulty import Rule, Script

if TYPE_CHECKING:
    from tests.support.world import World

MOST = 7
"""Versions in a scene: enough for every shape of lineage that matters."""

DRIFTS = (
    "alias",
    "move",
    "unalias",
    "protect",
    "dependent",
    "edge",
    "digest",
    "delete",
    "restore",
    "purge",
    "recreate",
    "bounce",
)
GONE = frozenset({"delete", "purge", "recreate", "restore", "bounce"})
"""What makes a version go or come back."""

FAULTS = (
    "raise",
    "raise-after",
    "busy",
    "failed",
    "unknown",
    "refused",
    "changed",
    "done",
    "absent",
    "failed-after",
    "unknown-after",
    "absent-after",
    "drop-after",
    "echo-after",
)


@dataclass(frozen=True)
class Member:
    """One version of a scene; parents are earlier positions."""

    parents: frozenset[int]
    alias: bool
    protected: bool
    trashed: bool


@dataclass(frozen=True)
class Drift:
    """What someone else does to one version, before the n-th call (0: before the apply)."""

    what: str
    at: int
    target: int
    other: int


@dataclass(frozen=True)
class Scene:
    """A registry, a plan for it, and everything that gets in the way."""

    members: list[Member]
    back: list[tuple[int, int]]
    """Parents and children beyond those of the members, in any order: circles among them."""
    chosen: frozenset[int]
    options: Options
    drifts: list[Drift]
    rules: list[Rule]
    batch: int
    conditional: bool


def members() -> st.SearchStrategy[list[Member]]:
    """Versions in order of their making."""

    def one(position: int) -> st.SearchStrategy[Member]:
        earlier = st.integers(0, max(0, position - 1))
        seldom = st.integers(0, 3).map(lambda n: n == 0)
        return st.builds(
            Member, st.frozensets(earlier, max_size=min(3, position)), st.booleans(), seldom, seldom
        )

    return st.integers(1, MOST).flatmap(lambda n: st.tuples(*map(one, range(n))).map(list))


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """All of it."""
    found = draw(members())
    position = st.integers(0, len(found) - 1)
    conditional = draw(st.booleans())
    drift = st.builds(Drift, st.sampled_from(DRIFTS), st.integers(0, 8), position, position)
    rule = st.builds(
        Rule,
        st.sampled_from(["delete", "facts", "purge"]),
        st.sampled_from(FAULTS),
        st.integers(1, 8),
        st.none(),
    )
    options = st.builds(
        Options, st.sampled_from(Action), st.booleans(), st.booleans(), st.booleans()
    )
    return Scene(
        members=found,
        back=draw(st.lists(st.tuples(position, position), max_size=4)),
        chosen=draw(st.frozensets(position, min_size=1)),
        options=draw(options),
        drifts=draw(st.lists(drift, max_size=4)),
        rules=draw(st.lists(rule, max_size=4)),
        batch=draw(st.integers(1, 4)),
        conditional=conditional,
    )


@dataclass
class Stage:
    """A scene set up in a real registry."""

    world: World
    scene: Scene
    keys: list[str] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    """Versions that others made go or come back while the apply ran."""
    taken: set[str] = field(default_factory=set)
    """Versions that others deleted or purged, at any time."""
    calls: int = 0

    def build(self, number: int) -> None:
        """Add the versions; the aliases of the n-th scene are its own."""
        for position, member in enumerate(self.scene.members):
            tag = f"{number}-{position}"
            self.keys.append(
                self.world.add(
                    f"c{position % 2}",
                    parents=[self.keys[p] for p in sorted(member.parents)],
                    aliases=[f"a{tag}"] if member.alias else [],
                    protected=[f"p{tag}"] if member.protected else [],
                )
            )
        for parent, child in self.scene.back:
            self.world.made_from(self.keys[child], self.keys[parent])
        for key, member in zip(self.keys, self.scene.members, strict=True):
            if member.trashed:
                self.world.trash(key)

    @property
    def calm(self) -> bool:
        """Whether nothing happens once the apply has begun."""
        return not self.scene.rules and all(drift.at == 0 for drift in self.scene.drifts)

    @property
    def script(self) -> Script:
        return Script(tuple(self.scene.rules), self.scene.batch, self.scene.conditional)

    def hook(self, op: str, call: int) -> None:
        """Let others write as a call begins; between look and call only if that is checked."""
        self.calls += 1
        assert call
        if op == "facts" or (op == "delete" and self.scene.conditional):
            self.drift(self.calls)

    def drift(self, at: int) -> None:
        """Everything that others do now."""
        for drift in self.scene.drifts:
            if drift.at == at:
                key = self.keys[drift.target]
                if at and drift.what in GONE:
                    self.touched.add(key)
                before = self.world.live()
                try:
                    self._one(drift, key)
                except ArtifactTuiError:
                    continue  # the registry would not let them
                finally:
                    self.taken |= before - self.world.live()
                    if drift.what in {"purge", "recreate"}:
                        self.taken.add(key)

    def _one(self, drift: Drift, key: str) -> None:
        store, other = self.world.store, self.keys[drift.other]
        match drift.what:
            case "alias":
                store.alias(key, f"new{drift.other}")
            case "move":
                for alias in self._aliases(other):
                    store.alias(key, alias)
            case "unalias":
                for alias in self._aliases(key):
                    store.unalias(key, alias)
            case "protect":
                store.alias(key, f"hard{drift.other}", protected=True)
            case "dependent":
                self.world.add("later", parents=[key])
            case "edge":
                self.world.made_from(other, key)
            case "digest":
                self.world.change_digest(key)
            case _:
                self._life(drift.what, key)

    def _aliases(self, key: str) -> list[str]:
        found = self.world.store.facts([key]).get(key)
        return [alias.name for alias in found.aliases] if found else []

    def _life(self, what: str, key: str) -> None:
        """Someone makes a version go, or come back."""
        store = self.world.store
        if what == "restore":
            store.restore([key])
            return
        self.world.trash(key)
        if what == "bounce":
            store.restore([key])
        elif what in {"purge", "recreate"}:
            store.purge([key])
        if what == "recreate":
            self.world.add(f"c{self.keys.index(key) % 2}")
