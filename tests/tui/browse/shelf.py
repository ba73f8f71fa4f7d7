"""A registry with a bit of everything that browse can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.model import Deletion, NewVersion
from tests.tui.review.world import DAY, NOW, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.tui.screens.browse_screen import BrowseScreen
    from tests.tui.support import User


class Shelf(World):
    """Adds versions with an age in days and a size in bytes."""

    def put(
        self,
        collection: str,
        days: int,
        size: int,
        *,
        kind: str = "model",
        aliases: Sequence[str] = (),
        protected: Sequence[str] = (),
        parents: Sequence[str] = (),
        ttl_days: int = 0,
        tags: Sequence[str] = (),
        note: str = "",
    ) -> str:
        """One version with a file of its own; gives its key."""
        new = NewVersion(
            name=collection,
            type=kind,
            aliases=tuple(aliases),
            protected=tuple(protected),
            parents=tuple(parents),
            tags=tuple(tags),
            ttl_us=ttl_days * DAY or None,
            run="fancy-cat-7",
            note=note,
            created_us=NOW - days * DAY,
            key=f"{len(self.keys()):032x}",
        )
        key = self._add([new], size)[0]
        if "latest" not in aliases:
            self.store.unalias(key, "latest")
        return key

    def throw_away(self, key: str) -> None:
        """Move a version to the trash, as another process would."""
        (outcome,) = self.store.delete([Deletion(key=key, delete_aliases=True)])
        assert not outcome.message, outcome


def stocked(shelf: Shelf) -> Shelf:
    """Three collections, lineage three deep, aliases, a TTL in each state, one in the trash."""
    raw = shelf.put("imagenet-mini", 300, 48_000, kind="dataset", aliases=["stable"])
    shelf.put("imagenet-mini", 200, 47_000, kind="dataset")
    for number in range(6):
        shelf.put(
            "resnet50",
            100 - 10 * number,
            30_000 + number,
            parents=[raw] if number < 2 else [],
            aliases=["latest"] if number == 5 else ["candidate"] if number == 3 else [],
            protected=["production"] if number == 5 else [],
            ttl_days=30 if number in (0, 4) else 90 if number == 5 else 0,
            tags=["vision"] if number == 5 else [],
            note="the one that serves" if number == 5 else "",
        )
    newest = shelf.keys()[7]
    shelf.put("distilled", 40, 9_000, parents=[newest])
    gone = shelf.put("distilled", 39, 8_000)
    shelf.throw_away(gone)
    return shelf


def browse(user: User) -> BrowseScreen:
    """The screen, for looking inside."""
    screen = user.app.screen
    assert screen.id is None
    return screen  # type: ignore[return-value]


def cursor_line(user: User) -> str:
    """What the cursor is on, as drawn."""
    tree = browse(user).tree_list
    return user.screen.splitlines()[tree.region.y + tree.cursor - tree.top]
