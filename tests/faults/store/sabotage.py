"""A store with its steps in the wrong order: the harness must notice.

Rows are committed before the bytes that they name are in place.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifact_tui.clients.local import adding
from artifact_tui.clients.local.adding import Staging
from artifact_tui.clients.local.local_folder import Layout
from tests.faults.store.points import every_point

if TYPE_CHECKING:
    from artifact_tui.clients.local.local_store import LocalStore

_publish = Staging.publish
_insert = adding.insert_versions
_late: list[Staging] = []


def publish_later(self: Staging) -> None:
    """Say that the bytes are there."""
    self.published |= set(self._staged)
    _late.append(self)


def insert_first(store: LocalStore, *args: Any) -> list[str]:
    """Commit, then put the bytes in place."""
    keys = _insert(store, *args)
    _publish(_late.pop())
    return keys


if __name__ == "__main__":
    Staging.publish = publish_later  # type: ignore[method-assign]
    adding.insert_versions = insert_first  # type: ignore[assignment]
    Layout.has_blob = lambda self, digest, size: True  # type: ignore[method-assign]  # noqa: ARG005
    every_point(Path(sys.argv[1]), every=3)
