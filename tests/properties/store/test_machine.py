"""Random lives of a registry, step by step beside a model that is too simple to be wrong."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from artifact_tui.clients.local.local_folder import hash_chunks
from artifact_tui.model import Deletion, NewVersion, Result
from tests.faults.store.invariants import state_of
from tests.properties.store.model import Fact, Model, Thing
from tests.support.sync_store import SyncStore
from tests.unit.local.support import HOUR, Clock, blobs

COLLECTIONS = ("a", "b", "c")
ALIASES = ("best", "production", "latest")
numbers = st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True)
protections = st.sampled_from((None, None, True, False))
ttls = st.sampled_from((None, None, HOUR, 3 * HOUR))


def content(number: int) -> bytes:
    return bytes([number]) * number * 100


class Lives(RuleBasedStateMachine):
    """Every rule is done by the store and by the model."""

    keys: Bundle[str] = Bundle("keys")
    reviewed: Bundle[tuple[str, str, Fact]] = Bundle("reviewed")

    @initialize(target=keys)
    def begin(self) -> str:
        self.folder = Path(tempfile.mkdtemp(prefix="artifact-tui-test-"))
        self.clock = Clock()
        self.store = SyncStore.create(self.folder / "registry", clock=self.clock)
        self.model = Model()
        return self._add(NewVersion(name="a", type="model"), [1])

    @rule(
        target=keys,
        name=st.sampled_from(COLLECTIONS),
        contents=numbers,
        parents=st.lists(keys, max_size=3),
        alias=st.sampled_from((None, *ALIASES)),
        ttl=ttls,
        protected=st.booleans(),
    )
    def add(
        self,
        *,
        name: str,
        contents: list[int],
        parents: list[str],
        alias: str | None,
        ttl: int | None,
        protected: bool,
    ) -> str:
        live = tuple(key for key in dict.fromkeys(parents) if key in self.model.live())
        new = NewVersion(
            name=name,
            type="model",
            parents=live,
            ttl_us=ttl,
            aliases=(alias,) if alias else (),
            protected=(alias,) if alias and protected else (),
        )
        return self._add(new, contents)

    def _add(self, new: NewVersion, contents: list[int]) -> str:
        (key,) = self.store.add_many([(new, {f"f{n}": content(n) for n in contents})])
        thing = Thing(
            new.name,
            self.store.version(key).digest,
            tuple(contents),
            self.clock.now,
            new.ttl_us,
            set(new.parents),
        )
        aliases: dict[str, bool | None] = dict.fromkeys(new.aliases)
        self.model.add(key, thing, aliases | dict.fromkeys(new.protected, True))
        return key

    @rule(key=keys, alias=st.sampled_from(ALIASES), protected=protections)
    def alias(self, *, key: str, alias: str, protected: bool | None) -> None:
        if key in self.model.live():
            self.store.alias(key, alias, protected=protected)
            self.model.point(key, alias, protected)

    @rule(key=keys, alias=st.sampled_from(ALIASES))
    def unalias(self, key: str, alias: str) -> None:
        thing = self.model.things.get(key)
        if thing is None or alias not in thing.aliases:
            return
        if thing.aliases[alias]:
            self.store.protect(key, alias, protected=False)
        self.store.unalias(key, alias)
        del thing.aliases[alias]

    @rule(child=keys, parent=keys)
    def link(self, child: str, parent: str) -> None:
        both_live = {child, parent} <= set(self.model.live())
        if both_live and not self.model.reaches(child, parent):
            self.store.link_parent(child, parent)
            self.model.things[child].parents.add(parent)

    @rule(target=reviewed, some=st.lists(keys, min_size=1, max_size=4, unique=True))
    def review(self, some: list[str]) -> MultipleResults[tuple[str, str, Fact]]:
        facts = self.store.facts(some)
        assert set(facts) == {key for key in some if key in self.model.things}
        found = []
        for key, one in facts.items():
            fact = self.model.fact(key)
            assert fact is not None
            aliases = tuple((alias.name, alias.protected) for alias in one.aliases)
            assert (one.digest, one.state.value, aliases, one.dependents) == fact
            found.append((key, one.token, fact))
        return multiple(*found)

    @rule(
        first=reviewed,
        rest=st.lists(reviewed, max_size=3),
        consents=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=4, max_size=4),
    )
    def delete_reviewed(
        self,
        first: tuple[str, str, Fact],
        rest: list[tuple[str, str, Fact]],
        consents: list[tuple[bool, bool]],
    ) -> None:
        asked = zip((first, *rest), consents, strict=False)
        self._delete(
            [
                (Deletion(key, token, delete_aliases=a, orphan_dependents=d), fact)
                for (key, token, fact), (a, d) in asked
            ]
        )

    @rule(some=st.lists(keys, min_size=1, max_size=4), aliases=st.booleans(), below=st.booleans())
    def delete_blindly(self, *, some: list[str], aliases: bool, below: bool) -> None:
        self._delete([(Deletion(key, "", aliases, below), None) for key in some])

    def _delete(self, asked: list[tuple[Deletion, Fact | None]]) -> None:
        outcomes = self.store.delete([deletion for deletion, _ in asked])
        assert [one.key for one in outcomes] == [deletion.key for deletion, _ in asked]
        assert [one.result for one in outcomes] == self.model.delete(asked)

    @rule(some=st.lists(keys, min_size=1, max_size=3))
    def restore(self, some: list[str]) -> None:
        for key, outcome in zip(some, self.store.restore(some), strict=True):
            result, taken = self.model.restore(key)
            assert (outcome.key, outcome.result) == (key, result)
            assert all(name in outcome.message for name in taken)
            assert bool(outcome.message) == (result is Result.ABSENT or bool(taken))

    @rule(some=st.lists(keys, min_size=1, max_size=4))
    def purge(self, some: list[str]) -> None:
        outcomes = self.store.purge(some)
        first = {key: self.model.purge(key, self.clock.now) for key in dict.fromkeys(some)}
        seen: set[str] = set()
        for key, outcome in zip(some, outcomes, strict=True):
            again = key in seen and first[key] is Result.DONE
            assert outcome.result is (Result.ABSENT if again else first[key])
            seen.add(key)

    @rule(hours=st.integers(1, 4))
    def time_passes(self, hours: int) -> None:
        self.clock.now += hours * HOUR

    @rule(grace=st.sampled_from((0, 0, 2 * HOUR)))
    def collect(self, grace: int) -> None:
        promised = self.store.collect_garbage(grace_us=grace, dry_run=True)
        done = self.store.collect_garbage(grace_us=grace)
        assert promised == done
        assert done.expired == self.model.expired(self.clock.now)
        going = self.model.sweep(self.clock.now, grace)
        assert (done.blobs, done.freed) == (len(going), sum(len(content(n)) for n in going))
        self._check_stored()

    @precondition(lambda self: hasattr(self, "store"))
    @invariant()
    def the_registry_holds_what_the_model_holds(self) -> None:
        held = {
            key: (state, aliases, tuple(file.split()[0] for file in files))
            for key, (state, aliases, files) in state_of(self.store.layout).items()
        }
        expected = {
            key: (
                thing.state,
                tuple(f"{name} {int(shield)}" for name, shield in sorted(thing.aliases.items())),
                tuple(sorted(f"f{number}" for number in thing.contents)),
            )
            for key, thing in self.model.things.items()
        }
        assert held == expected
        layout = self.store.layout
        assert all(layout.blob(hash_chunks([content(n)])[0]).exists() for n in self.model.stored)

    def _check_stored(self) -> None:
        stored = sorted(blobs(self.store.layout).values())
        assert stored == sorted(len(content(number)) for number in self.model.stored)

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        try:
            self._check_stored()
            assert self.store.fsck(verify=True).problems == ()
            named = {one.name for one in self.store.listing().collections}
            assert named == {thing.collection for thing in self.model.things.values()}
        finally:
            self.store.close()
            shutil.rmtree(self.folder)


TestLives = pytest.mark.slow(Lives.TestCase)
TestLives.settings = settings(
    max_examples=int(os.environ.get("ARTIFACT_TUI_EXAMPLES", "30")), stateful_step_count=40
)
