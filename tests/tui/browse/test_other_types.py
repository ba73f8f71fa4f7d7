"""Values of other types that another program stored: one version's trouble, on every screen."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.tui.browse.shelf import Shelf


async def test_bytes_and_words_in_place_of_names_and_numbers(shelf: Shelf) -> None:
    with closing(sqlite3.connect(shelf.store.layout.db)) as conn:
        conn.execute("UPDATE collection SET name = x'62ff', type = x'6d' WHERE name = 'distilled'")
        conn.execute("UPDATE tag SET name = x'74'")
        conn.execute(
            "UPDATE version SET size = 'big', created_us = 'soon', ttl_us = x'01', run = x'41',"
            " note = x'42', label = x'763080', deleted_us = 'once', deleted_by = x'44'"
            " WHERE collection_id = (SELECT id FROM collection WHERE type = x'6d')"
        )
        conn.execute("UPDATE version SET size = 9223372036854775807 WHERE label = 'v1'")
        conn.commit()
    async with shelf.opened() as user:
        await user.sees("9 of 9", "b\\\\xff", "resnet50")
        await user.presses("G", "l", "j")
        await user.sees("v0\\\\x80")
        for key in ("L", "escape", "s", "j", "enter", "s", "j", "j", "enter", "plus", "escape"):
            await user.presses(key)
            await user.pilot.pause()
        await user.presses("slash")
        await user.types("name:")
        await user.pilot.pause()
        await user.presses("escape", "escape", "u")
        await user.sees("at an unknown time by D", "b\\\\xff")
        await user.presses("j")
        await user.sees("Deleted by D; when is not known")
        await user.presses("escape", "T")
        await user.sees("expired already            2  60 KB listed")
        await user.presses("escape")
        await user.sees("9 of 9")
