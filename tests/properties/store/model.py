"""The store in a few dictionaries: what every operation should do, without SQL or files."""

from __future__ import annotations

from dataclasses import dataclass, field

from artifact_tui.model import Deletion, Result

Fact = tuple[str, str, tuple[tuple[str, bool], ...], tuple[str, ...]]
"""(digest, state, aliases, nearest live dependents): what a token stands for."""


@dataclass(slots=True)
class Thing:
    """One version."""

    collection: str
    digest: str
    contents: tuple[int, ...]
    created: int
    ttl: int | None
    parents: set[str]
    state: str = "live"
    aliases: dict[str, bool] = field(default_factory=dict)
    remembered: dict[str, bool] = field(default_factory=dict)


@dataclass(slots=True)
class Model:
    """All versions by key, and the blobs that are stored."""

    things: dict[str, Thing] = field(default_factory=dict)
    stored: dict[int, int] = field(default_factory=dict)
    """By content number: when nothing needed it any more (0 while something does)."""

    def live(self) -> list[str]:
        """Keys of what is not in the trash."""
        return [key for key, thing in self.things.items() if thing.state == "live"]

    def below(self, key: str) -> set[str]:
        """The nearest live dependents."""
        found: set[str] = set()
        for child, thing in self.things.items():
            if key in thing.parents:
                found |= {child} if thing.state == "live" else self.below(child)
        return found

    def reaches(self, top: str, low: str) -> bool:
        """Whether one version was made from another, directly or through others, or is it."""
        return top == low or any(
            self.reaches(child, low) for child, one in self.things.items() if top in one.parents
        )

    def fact(self, key: str) -> Fact | None:
        """What a token of this moment stands for."""
        thing = self.things.get(key)
        if thing is None:
            return None
        aliases = tuple(sorted(thing.aliases.items()))
        return thing.digest, thing.state, aliases, tuple(sorted(self.below(key)))

    def holder(self, collection: str, alias: str) -> Thing | None:
        """Who has an alias."""
        for thing in self.things.values():
            if thing.collection == collection and alias in thing.aliases:
                return thing
        return None

    def point(self, key: str, alias: str, protected: bool | None) -> None:  # noqa: FBT001
        """Put or move an alias."""
        thing = self.things[key]
        now = self.holder(thing.collection, alias)
        keep = now.aliases.pop(alias) if now else False
        thing.aliases[alias] = keep if protected is None else protected

    def add(self, key: str, thing: Thing, aliases: dict[str, bool | None]) -> None:
        """A new version, with what it was given."""
        self.things[key] = thing
        for number in thing.contents:
            self.stored[number] = 0
        for alias, protected in {"latest": None, **aliases}.items():
            self.point(key, alias, protected)

    def move(self, key: str) -> None:
        """Into the trash."""
        thing = self.things[key]
        thing.state, thing.remembered, thing.aliases = "trash", thing.aliases, {}

    def delete(self, asked: list[tuple[Deletion, Fact | None]]) -> list[Result]:
        """Each deletion with the fact that its token stands for (None: it has no token)."""
        first = {deletion.key: self.fact(deletion.key) for deletion, _ in asked}
        return [self._delete(deletion, fact, first[deletion.key]) for deletion, fact in asked]

    def _delete(self, deletion: Deletion, reviewed: Fact | None, first: Fact | None) -> Result:
        thing = self.things.get(deletion.key)
        if thing is None or thing.state == "trash":
            return Result.ABSENT
        if any(thing.aliases.values()):
            return Result.REFUSED
        if reviewed is not None and reviewed != first:
            return Result.CHANGED
        if thing.aliases and not deletion.delete_aliases:
            return Result.REFUSED
        if self.below(deletion.key) and not deletion.orphan_dependents:
            return Result.REFUSED
        self.move(deletion.key)
        return Result.DONE

    def restore(self, key: str) -> tuple[Result, set[str]]:
        """Back from the trash; gives the aliases that could not come back."""
        thing = self.things.get(key)
        if thing is None or thing.state == "live":
            return Result.ABSENT, set()
        thing.state = "live"
        taken = {name for name in thing.remembered if self.holder(thing.collection, name)}
        thing.aliases = {n: p for n, p in thing.remembered.items() if n not in taken}
        thing.remembered = {}
        return Result.DONE, taken

    def purge(self, key: str, now: int) -> Result:
        """For good."""
        thing = self.things.get(key)
        if thing is None:
            return Result.ABSENT
        if thing.state == "live":
            return Result.REFUSED
        del self.things[key]
        for other in self.things.values():
            other.parents.discard(key)
        needed = {number for one in self.things.values() for number in one.contents}
        for number in set(thing.contents) - needed:
            self.stored[number] = now
        return Result.DONE

    def expired(self, now: int) -> int:
        """How many live ones have outlived their time."""
        things = [self.things[key] for key in self.live()]
        return sum(one.ttl is not None and one.created + one.ttl <= now for one in things)

    def sweep(self, now: int, grace: int) -> set[int]:
        """Blobs that go."""
        going = {
            number
            for number, since in self.stored.items()
            if since and (not grace or since <= now - grace)
        }
        for number in going:
            del self.stored[number]
        return going
