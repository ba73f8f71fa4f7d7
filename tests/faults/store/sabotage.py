"""A store with its steps in the wrong order: the harness must notice.

Rows are committed before the bytes that they name are in place.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifact_tui.clients.local import adding
from artifact_tui.clients.local.adding import Staging
from artifact_tui.clients.local.local_store import Store
from tests.faults.store.points import every_point

if TYPE_CHECKING:
    from artifact_tui.clients.local.adding import NewFile, NewVersion

_publish = Staging.publish
_insert = Store._insert
_late: list[Staging] = []


def publish_later(self: Staging) -> None:
    """Say that the bytes are there."""
    self.published |= set(self._staged)
    _late.append(self)


def insert_first(
    self: Store, batch: list[tuple[NewVersion, list[NewFile]]], fresh: set[str], then: Any
) -> list[str]:
    """Commit, then put the bytes in place."""
    keys = _insert(self, batch, fresh, then)
    _publish(_late.pop())
    return keys


if __name__ == "__main__":
    Staging.publish = publish_later  # type: ignore[method-assign]
    Store._insert = insert_first  # type: ignore[method-assign]
    adding._blob_is_there = lambda layout, entry: True  # noqa: ARG005
    every_point(Path(sys.argv[1]), every=3)
