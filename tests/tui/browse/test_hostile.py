"""Names that somebody gave to do harm are shown as they are, and do nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.tui.support import NARROW, WIDE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tui.browse.shelf import Shelf
    from tests.tui.support import User

HOSTILE = (
    "m[latest]",
    "bad [/nope]",
    "[@click=app.bell]hi[/]",
    "[link=http://evil]x",
    "$accent",
    "esc\x1b[31mred",
    "c1\x9b31mred",
    "clip\x1b]52;c;AAAA\x07board",
    "right\u202eto left",
    "zero\u200bwidth",
    "line\nbreak",
    "wide漢字",
    "comb" + "\u0301" * 50,
    "x" * 5000,
)
_RAW = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def _stock(shelf: Shelf) -> None:
    for index, name in enumerate(HOSTILE):
        shelf.put(
            name,
            index + 1,
            1000 * (100 - index),
            aliases=[name[:60].replace(":", ";")],
            tags=[name[:60]],
            note=name,
        )


def _raw(user: User) -> Iterator[str]:
    for strip in user.app.screen._compositor.render_strips():
        for segment in strip:
            found = _RAW.search(segment.text)
            if found:
                yield repr(found[0])
            if segment.style and (segment.style.link or "@click" in str(segment.style.meta)):
                yield f"a link or an action: {segment.text}"


async def test_every_place_that_shows_a_name(empty: Shelf) -> None:
    _stock(empty)
    for size in (WIDE, NARROW):
        async with empty.opened(size) as user:
            await user.sees("14 of 14", "m[latest]", "bad [/nope]", "esc\\x1b[31mred")
            for _ in HOSTILE:
                await user.presses("l", "j", "j")
                assert list(_raw(user)) == []
            await user.sees("wide漢字")
            await user.presses("g")
            for key in ("enter", "L", "escape", "y", "plus", "escape", "colon", "escape", "u"):
                await user.presses(key)
                await user.pilot.pause()
                assert list(_raw(user)) == []
                if key == "u":
                    await user.presses("escape")


async def test_offers_never_hold_what_cannot_be_typed(empty: Shelf) -> None:
    _stock(empty)
    async with empty.opened() as user:
        await user.sees("14 of 14")
        await user.presses("slash", *"alias:")
        await user.sees('"bad [/nope]"')
        assert list(_raw(user)) == []
        await user.presses(*"c")
        await user.sees_no("bad [/nope]")
        assert "52;c" not in "".join(user.screen.splitlines()[-8:])
        await user.presses("backspace", *"m")
        await user.sees('"m[latest]"')
        await user.presses("tab", "enter")
        await user.sees("1 of 14")


async def test_marked_reviewed_and_still_the_right_one(empty: Shelf) -> None:
    _stock(empty)
    async with empty.opened() as user:
        await user.sees("14 of 14")
        await user.presses("j", "space", "d")
        await user.sees("bad [/nope]:v0")
        assert list(_raw(user)) == []
