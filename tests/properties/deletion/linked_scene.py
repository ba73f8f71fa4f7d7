"""Random registries with links and whole collections, and what others do to them meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from artifact_tui.deletion.items import Action, Options
from tests.servers.faulty.faulty import Rule, Script
from tests.servers.faulty.linked import link_key

if TYPE_CHECKING:
    from tests.support.linked_world import LinkedWorld

MOST = 6
"""Versions in a scene."""

SOURCES = ("a", "b")
SHOWING = ("r", "s")

DRIFTS = (
    "version",
    "alias",
    "link-alias",
    "protect",
    "link",
    "unlink",
    "trash",
    "drop",
    "drop-links",
    "dependent",
)

FAULTS = (
    "raise",
    "raise-after",
    "failed",
    "unknown",
    "refused",
    "done",
    "absent",
    "failed-after",
    "unknown-after",
    "absent-after",
    "drop-after",
    "echo-after",
)

OPS = ("delete", "delete_collection", "facts", "collection")


@dataclass(frozen=True)
class Member:
    """One version; parents are earlier positions, `shown` the collections that show it."""

    home: str
    parents: frozenset[int]
    shown: frozenset[str]
    alias: bool
    link_alias: bool


@dataclass(frozen=True)
class Drift:
    """What someone else does before the n-th look (0: before the apply)."""

    what: str
    at: int
    target: int


@dataclass(frozen=True)
class Scene:
    """A registry, a plan for it, and everything that gets in the way."""

    members: list[Member]
    back: list[tuple[int, int]]
    """Parents and children beyond those of the members, in any order: circles among them."""
    chosen: frozenset[int]
    chosen_links: frozenset[int]
    named: frozenset[str]
    options: Options
    drifts: list[Drift]
    rules: list[Rule]
    batch: int


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """All of it."""
    seldom = st.integers(0, 3).map(lambda n: n == 0)

    def one(position: int) -> st.SearchStrategy[Member]:
        parents = st.frozensets(st.integers(0, max(0, position - 1)), max_size=min(2, position))
        shown = st.frozensets(st.sampled_from(SHOWING))
        return st.builds(Member, st.sampled_from(SOURCES), parents, shown, seldom, seldom)

    members = draw(st.integers(1, MOST).flatmap(lambda n: st.tuples(*map(one, range(n)))))
    position = st.integers(0, len(members) - 1)
    drift = st.builds(Drift, st.sampled_from(DRIFTS), st.integers(0, 6), position)
    rule = st.builds(
        Rule, st.sampled_from(OPS), st.sampled_from(FAULTS), st.integers(1, 6), st.none()
    )
    consent = st.booleans()
    options = st.builds(
        Options,
        action=st.just(Action.DELETE),
        delete_aliases=consent,
        with_dependents=consent,
        orphan_dependents=consent,
        break_links=consent,
        whole_collections=st.integers(0, 3).map(bool),
    )
    return Scene(
        members=list(members),
        back=draw(st.lists(st.tuples(position, position), max_size=4)),
        chosen=draw(st.one_of(st.just(frozenset(range(len(members)))), st.frozensets(position))),
        chosen_links=draw(st.frozensets(position)),
        named=draw(st.frozensets(st.sampled_from((*SOURCES, *SHOWING, "empty")), max_size=2)),
        options=draw(options),
        drifts=draw(st.lists(drift, max_size=3)),
        rules=draw(st.lists(rule, max_size=4)),
        batch=draw(st.integers(1, 4)),
    )


@dataclass
class Stage:
    """A scene set up in a registry."""

    world: LinkedWorld
    scene: Scene
    keys: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    """Versions, links and collections that others took away."""
    given: set[str] = field(default_factory=set)
    """Links that others made, again maybe after we took them."""
    looks: int = 0
    last: str = ""

    def build(self) -> None:
        registry = self.world.registry
        registry.collection("empty")
        for number, member in enumerate(self.scene.members):
            key = registry.add(
                member.home,
                aliases=[f"x{number}"] if member.alias else [],
                parents=[self.keys[p] for p in sorted(member.parents)],
            )
            self.keys.append(key)
            for home in sorted(member.shown):
                registry.link(home, key, aliases=[f"y{number}"] if member.link_alias else [])
        for parent, child in self.scene.back:
            registry.edge(self.keys[parent], self.keys[child])

    @property
    def calm(self) -> bool:
        """Whether nothing happens once the apply has begun."""
        return not self.scene.rules and all(drift.at == 0 for drift in self.scene.drifts)

    @property
    def chosen(self) -> list[str]:
        """The keys of the selection."""
        found = [self.keys[n] for n in sorted(self.scene.chosen)]
        for number in sorted(self.scene.chosen_links):
            shown = sorted(self.scene.members[number].shown)
            found += [link_key(home, self.keys[number]) for home in shown]
        return found

    @property
    def named(self) -> list[str]:
        """The collections that are asked for by name."""
        return sorted(self.scene.named & self.world.registry.collections())

    @property
    def script(self) -> Script:
        return Script(tuple(self.scene.rules), self.scene.batch)

    def hook(self, op: str, call: int) -> None:
        """Let others write as a look begins, but never between a look and what rests on it."""
        assert call
        inside = op == "facts" and self.last == "collection"
        self.last = op
        if op in {"facts", "collection"} and not inside:
            self.looks += 1
            self.drift(self.looks)

    def drift(self, at: int) -> None:
        """Everything that others do now."""
        registry = self.world.registry
        for drift in self.scene.drifts:
            if drift.at == at:
                before = registry.live() | registry.collections()
                self._one(drift.what, self.keys[drift.target])
                after = registry.live() | registry.collections()
                self.taken |= before - after
                self.given |= after - before

    def _one(self, what: str, key: str) -> None:
        registry, home = self.world.registry, key.split("/", maxsplit=1)[0]
        there = key in registry.live()
        match what:
            case "version":
                registry.add(home)
            case "alias" | "protect" if there:
                registry.alias(home, key, "new", protected=what == "protect")
            case "link" if there:
                registry.link(SHOWING[0], key)
            case "link-alias" if link_key(SHOWING[0], key) in registry.live():
                registry.alias(SHOWING[0], key, "new")
            case "unlink":
                registry.unlink(SHOWING[0], key)
            case "trash":
                registry.trash(key)
            case "drop":
                registry.drop(home)
            case "drop-links":
                registry.drop(SHOWING[0])
            case "dependent" if there:
                registry.add("later", parents=[key])
            case _:
                pass
