"""One of several processes that use a registry at once: `… worker ROOT SEED STEPS`.

It prints what it was told for every item, one line each: what was done, the key, the result.
"""

from __future__ import annotations

import random
import sys

from artifact_tui.clients.local.local_folder import Layout
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.model import Deletion, NewVersion
from tests.support.sync_store import SyncStore

CONTENTS = 12


def content(number: int) -> bytes:
    """One of the few files that everybody uses."""
    return str(number).encode() * 500


class Worker:
    """Does random things to whatever is there, whoever made it."""

    def __init__(self, store: SyncStore, rng: random.Random) -> None:
        self._store = store
        self._rng = rng

    def _some(self, state: str, count: int) -> list[str]:
        with self._store.reading() as conn:
            rows = conn.execute("SELECT key FROM version WHERE state = ?", (state,)).fetchall()
        keys = [row[0] for row in rows]
        return self._rng.sample(keys, min(count, len(keys)))

    def add(self) -> None:
        """A new version of a shared collection, made from some of the others."""
        files = {f"f{n}": content(n) for n in self._rng.sample(range(CONTENTS), 3)}
        name = self._rng.choice("ab")
        parents = tuple(self._some("live", 2))
        new = NewVersion(name=name, type="model", parents=parents)
        (key,) = self._store.add_many([(new, files)])
        self._say("add", key, "done")

    def alias(self) -> None:
        """Move an alias."""
        for key in self._some("live", 1):
            self._store.alias(key, self._rng.choice(("best", "candidate")))

    def delete(self) -> None:
        """Review some versions, then delete them."""
        keys = self._some("live", 4)
        facts = self._store.facts(keys)
        asked = [
            Deletion(key, one.token, delete_aliases=True, orphan_dependents=True)
            for key, one in facts.items()
        ]
        for outcome in self._store.delete(asked):
            self._say("delete", outcome.key, outcome.result)

    def restore(self) -> None:
        """Bring some back."""
        for outcome in self._store.restore(self._some("trash", 2)):
            self._say("restore", outcome.key, outcome.result)

    def purge(self) -> None:
        """Remove some for good."""
        for outcome in self._store.purge(self._some("trash", 2)):
            self._say("purge", outcome.key, outcome.result)

    def collect(self) -> None:
        """Free what nobody needs."""
        self._say("gc", "-", str(self._store.collect_garbage().freed))

    def _say(self, *words: str) -> None:
        sys.stdout.write(" ".join(words) + "\n")

    def work(self, steps: int) -> None:
        """That many steps; somebody else may have been faster, which is no error."""
        acts = [self.add, self.add, self.alias, self.delete, self.restore, self.purge, self.collect]
        for _ in range(steps):
            try:
                self._rng.choice(acts)()
            except ArtifactTuiError as error:
                self._say("error", "-", type(error).__name__)


def main() -> None:
    """Work on a registry that is there."""
    store = SyncStore(Layout(sys.argv[1]))
    Worker(store, random.Random(int(sys.argv[2]))).work(int(sys.argv[3]))  # noqa: S311
    store.close()


if __name__ == "__main__":
    main()
