"""Whatever was made from whatever, and whatever goes: what counts as known hides no dependent."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from artifact_tui.catalog import Sort, connect, marks
from artifact_tui.catalog.lineage import ask_lineage
from artifact_tui.catalog.sync import sync
from artifact_tui.model import VersionState
from artifact_tui.query import compile_query, parse
from tests.support import reference
from tests.support.catalogs import NOW, every_version
from tests.support.listing import Telling

MOST = 7


@dataclass(frozen=True)
class World:
    """Versions by number: what was made from what, and which are not listed here."""

    edges: frozenset[tuple[int, int]]
    beyond: frozenset[int]
    deleted: set[int] = field(default_factory=set)

    def nearest(self, number: int) -> set[int]:
        """The nearest live versions made from one, deleted ones looked through."""
        found: set[int] = set()
        waiting, seen = [number], {number}
        while waiting:
            at = waiting.pop()
            for child in (c for p, c in self.edges if p == at):
                if child not in self.deleted:
                    found.add(child)
                elif child not in seen:
                    seen.add(child)
                    waiting.append(child)
        return found - {number}

    def closure(self, numbers: set[int]) -> set[int]:
        """Everything live below some, as far as it is listed here."""
        found: set[int] = set()
        waiting = list(numbers)
        while waiting:
            for child in self.nearest(waiting.pop()) - found - self.beyond:
                found.add(child)
                waiting.append(child)
        return found

    def registry(self, *, listed_trash: bool) -> Telling:
        """The registry as it is now; deleted versions are in the trash, or not listed any more."""
        registry = Telling(page=4)
        registry.collection("a")
        for number in range(MOST):
            registry.below[key(number)] = tuple(sorted(map(key, self.nearest(number))))
            if number in self.beyond or (number in self.deleted and not listed_trash):
                continue
            state = VersionState.TRASH if number in self.deleted else VersionState.LIVE
            uses = sum(parent == number for parent, _ in self.edges)
            registry.version("a", number + 1, key=key(number), state=state, used_count=uses)
        return registry


def key(number: int) -> str:
    return f"k{number}"


NUMBERS = st.integers(0, MOST - 1)
WORLDS = st.builds(
    lambda parents, beyond: World(
        frozenset((one, child) for child, found in enumerate(parents) for one in found), beyond
    ),
    st.tuples(
        st.just(set[int]()),
        *(st.sets(st.integers(0, child - 1), max_size=2) for child in range(1, MOST)),
    ),
    st.frozensets(NUMBERS, max_size=2),
)
"""Everything was made from at most two others."""


def told(path: Path) -> dict[int, tuple[set[int], bool]]:
    """Every listed live version: its dependents in the catalog, and whether these are all."""
    everything = compile_query(parse(""), NOW)
    found: dict[int, tuple[set[int], bool]] = {}
    with closing(connect(path)) as conn:
        for row in every_version(conn, everything, Sort()):
            marks.pick(conn, [row.key])
            (judged,) = reference.read_candidates(conn, {row.key}).candidates
            below = {int(key[1:]) for key in judged.facts.dependents}
            assert row.dependents == len(below)
            found[int(row.key[1:])] = (below, row.lineage_known)
    return found


@settings(max_examples=60)
@given(
    world=WORLDS,
    picked=st.sets(NUMBERS, min_size=1),
    going=st.sets(NUMBERS, min_size=1, max_size=4),
    listed_trash=st.booleans(),
)
def test_what_counts_as_known_hides_no_dependent(
    *, world: World, picked: set[int], going: set[int], listed_trash: bool
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "catalog.db"
        asyncio.run(_story(world, path, picked, going, listed_trash=listed_trash))


async def _story(
    world: World, path: Path, picked: set[int], going: set[int], *, listed_trash: bool
) -> None:
    """Ask for all that hangs on a selection, then see some versions go, and ask again."""
    listed = picked - world.beyond
    for at, gone in ((NOW, set[int]()), (NOW + 2, going)):
        world.deleted.update(gone)
        registry = world.registry(listed_trash=listed_trash)
        await sync(registry, path, now_us=at)
        unseen = gone & world.beyond  # what is not listed goes without a sync's knowing
        for number, (below, known) in told(path).items():
            seen = not known or bool(unseen) or world.nearest(number) <= below
            assert seen, "before it is asked again"
        live = sorted(listed - world.deleted)
        asked = await ask_lineage(registry, path, list(map(key, live)), closure=True, now_us=at + 1)
        assert asked.complete
        found = told(path)
        for number in {*live, *world.closure(set(live))}:
            assert found[number] == (world.nearest(number), True)
        with closing(connect(path)) as conn:
            marks.pick(conn, list(map(key, live)))
            marks.pick_dependents(conn)
            taken = {int(row.key[1:]) for row in marks.picked_rows(conn)}
        assert taken == {*live, *world.closure(set(live))}
