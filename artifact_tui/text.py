"""The one way to show untrusted text, and the words for sizes, times and counts.

Everything that a registry, a file system or a server said passes `safe` once, on its way to a
person. What comes out may be shown anywhere that does not parse markup; it is never a key.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, Protocol

from rich.cells import cell_len, get_character_cell_size

LIMIT = 512
"""How many characters of one text are shown before it is cut."""

MARKS = 4
"""How many combining marks one base character may carry."""

UNKNOWN = "?"
"""Shown where a registry does not say."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

# Characters that Unicode calls letters, marks or symbols, and that nobody can see.
_HIDDEN_RANGES = (
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian variation selectors and vowel separator
    (0x2800, 0x2800),  # Braille pattern blank
    (0x3164, 0x3164),  # Hangul filler
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
    (0x1D159, 0x1D159),  # musical symbol null notehead
    (0xE0100, 0xE01EF),  # variation selectors supplement
)

_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile("[A-Za-z]")
_LIKE_LATIN = frozenset(
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухһԁԛԝ"  # noqa: RUF001 - Cyrillic, which is the point
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοϲϳ"  # noqa: RUF001 - Greek, which is the point
)  # fmt: skip
"""Letters that no eye tells from Latin ones."""

_Sort = Literal["plain", "mark", "hidden"]


@lru_cache(maxsize=8192)
def _sort_of(char: str) -> _Sort:
    """How one character is shown: as it is, on the character before it, or spelled out."""
    if " " <= char <= "~":
        return "hidden" if char == "\\" else "plain"
    code = ord(char)
    category = unicodedata.category(char)
    if (
        category in _HIDDEN_CATEGORIES
        or category == "Zs"
        or any(first <= code <= last for first, last in _HIDDEN_RANGES)
    ):
        return "hidden"
    if category in {"Mn", "Me"} or get_character_cell_size(char) == 0:
        return "mark"
    return "plain"


def _spelled(char: str) -> str:
    if char == "\\":
        return "\\\\"
    code = ord(char)
    return f"\\x{code:02x}" if char <= "\xff" else f"\\u{{{code:x}}}"


def safe(text: str, limit: int = LIMIT) -> str:
    r"""Make untrusted text harmless and unambiguous for a terminal.

    Control and format characters, separators, surrogates, private and unassigned code points,
    variation selectors, blanks other than the space, and characters nobody can see become `\xNN`
    or `\u{N}`; a backslash is doubled. So does what would make two texts look
    the same: an accent that could be one with its letter, a sign that Unicode takes for another,
    and a letter of another script that looks Latin beside Latin ones. A base keeps at most `MARKS`
    combining marks, and a mark without a base is spelled out, so that it cannot fall on our own
    text. Only the first `limit` characters are shown; `…(+N)` then says how many are not.

    Call it once: the result of a second call shows the escapes of the first.
    """
    if text.isascii() and text.isprintable() and "\\" not in text and len(text) <= limit:
        return text
    shown = text[:limit]
    odd = _look_alikes(shown)
    parts: list[str] = []
    room = 0
    for at, char in enumerate(shown):
        sort = "hidden" if at in odd else _sort_of(char)
        if sort == "mark" and room:
            room -= 1
            parts.append(char)
        elif sort == "plain":
            room = MARKS
            parts.append(char)
        else:
            room = 0
            parts.append(_spelled(char))
    if len(text) > limit:
        parts.append(f"…(+{len(text) - limit})")
    return "".join(parts)


def safe_name(text: str) -> str:
    """Make the name of a collection safe to show, and spaces at its ends visible."""
    inner = text.strip(" ")
    before, _, after = text.partition(inner) if inner else (text, "", "")
    return "\\x20" * len(before[:LIMIT]) + safe(inner) + "\\x20" * len(after[:LIMIT])


class _NamedVersion(Protocol):
    """A version, in whatever form; its names are untrusted text."""

    @property
    def collection(self) -> str:
        """Its collection's name."""

    @property
    def label(self) -> str:
        """Its label."""


def version_name(version: _NamedVersion) -> str:
    """`COLLECTION:LABEL`, made safe."""
    return f"{safe_name(version.collection)}:{safe_name(version.label)}"


def _look_alikes(text: str) -> set[int]:
    """The places of characters that look like others."""
    found: set[int] = set()
    if text.isascii():
        return found
    for word in _WORD.finditer(text):
        if _LATIN.search(word[0]):
            found |= {word.start() + at for at, char in enumerate(word[0]) if char in _LIKE_LATIN}
    if unicodedata.is_normalized("NFC", text):
        return found
    cluster = ""
    for at, char in enumerate(text):
        joined = cluster + char
        if unicodedata.normalize("NFC", joined) != joined:
            found.add(at)
        else:
            cluster = joined if unicodedata.combining(char) else char
    return found


def width(shown: str) -> int:
    """How many terminal cells a safe text takes."""
    return len(shown) if shown.isascii() else cell_len(shown)


def _head(shown: str, room: int) -> str:
    """The longest beginning that takes at most `room` cells, with its marks."""
    used = 0
    for index, char in enumerate(shown):
        used += get_character_cell_size(char)
        if used > room:
            return shown[:index]
    return shown


def _tail(shown: str, room: int) -> str:
    """The longest end that takes at most `room` cells and does not start with a mark."""
    used = 0
    start = len(shown)
    for index in range(len(shown) - 1, -1, -1):
        taken = get_character_cell_size(shown[index])
        used += taken
        if used > room:
            break
        if taken:
            start = index
    return shown[start:]


def fit(shown: str, cells: int) -> str:
    """Shorten a safe text in the middle with “…” to at most `cells` terminal cells."""
    if width(shown) <= cells:
        return shown
    if cells <= 1:
        return "…" if cells == 1 else ""
    back = (cells - 1) // 2
    return f"{_head(shown, cells - 1 - back)}…{_tail(shown, back)}"


def pad(shown: str, cells: int, align: Literal["left", "right"] = "left") -> str:
    """Fill a safe text with spaces to `cells` terminal cells; a longer one is shortened."""
    fitted = fit(shown, cells)
    gap = " " * (cells - width(fitted))
    return fitted + gap if align == "left" else gap + fitted


_UNITS = ("B", "KB", "MB", "GB", "TB", "PB", "EB")
_KILO = 1000


def size(n: int | None) -> str:
    """Bytes in decimal units with three significant digits: 312 MB, 1.02 TB; None is “?”."""
    if n is None:
        return UNKNOWN
    value = float(n)
    unit = 0
    while unit + 1 < len(_UNITS) and float(f"{value:.3g}") >= _KILO:
        value /= _KILO
        unit += 1
    return f"{float(f'{value:.3g}'):,.10g} {_UNITS[unit]}"


def at_least(found: int, untold: int) -> str:
    """Bytes of things of which `untold` do not tell theirs: `at least 3 KB`; empty for no idea."""
    if untold:
        return f"at least {size(found)}" if found else ""
    return size(found)


def listed(found: int | None) -> str:
    """Bytes as a registry lists them: `3 KB listed`, or `size not known`."""
    return "size not known" if found is None else f"{size(found)} listed"


def charged(listed: int | None, stored: int | None) -> str:
    """What a registry charges, where it tells that, and what is listed; else only that."""
    if stored is None:
        return size(listed)
    return f"{size(stored)} charged of {size(listed)}"


def freed(found: int, untold: int, verb: str = "freed") -> str:
    """What a deletion frees, when `untold` versions do not tell what that is for them.

    Such as `3 KB freed`, `at least 3 KB freed` or `what is freed is not known`.
    """
    if known := at_least(found, untold):
        return f"{known} {verb}"
    return f"what {verb if verb.startswith('would ') else f'is {verb}'} is not known"


_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_YEAR = 365 * _DAY


def _spell_span(us: int) -> str:
    """A span in its largest unit, rounded down; years with one decimal."""
    if us < _MINUTE:
        return f"{us // _SECOND} s"
    if us < _HOUR:
        return f"{us // _MINUTE} min"
    if us < _DAY:
        return f"{us // _HOUR} h"
    if us < _YEAR:
        return f"{us // _DAY} d"
    tenths = us * 10 // _YEAR
    return f"{tenths / 10:g} y"


def age(us: int | None, now_us: int) -> str:
    """How long ago a moment was (microseconds UTC): “2 d”, “1.4 y”; “in 3 d” when it is ahead."""
    if us is None:
        return UNKNOWN
    return _spell_span(now_us - us) if us <= now_us else f"in {_spell_span(us - now_us)}"


def about(us: int | None) -> str:
    """A span in microseconds in round words, never 0: “40 s”, “3 min”, “2 h”; “?” for None."""
    if us is None:
        return UNKNOWN
    for unit, name in ((_HOUR, "h"), (_MINUTE, "min")):
        if us >= 2 * unit:
            return f"{-(-us // unit)} {name}"
    return f"{max(-(-us // _SECOND), 1)} s"


def duration(us: int) -> str:
    """A span in microseconds in the largest unit that loses nothing: “30 d”, “36 h”."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s")):
        if us and us % unit == 0:
            return f"{us // unit:,} {name}"
    return f"{us / _SECOND:g} s"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(us: int | None) -> str:
    """A moment (microseconds UTC) as “2026-11-20 09:12”, in UTC; “?” for None."""
    if us is None:
        return UNKNOWN
    try:
        when = _EPOCH + timedelta(microseconds=us)
    except OverflowError:
        return UNKNOWN
    return f"{when.year:04}-{when:%m-%d %H:%M}"


def ago(us: int | None, now_us: int, word: str = "ago") -> str:
    """How long ago a moment was: “2 d ago”, or “2 d old” with another `word`.

    Only “in 3 s” where the clock that wrote it is ahead of ours, and “?” for None.
    """
    shown = age(us, now_us)
    return shown if us is None or us > now_us else f"{shown} {word}"


def clock(us: int | None, now_us: int) -> str:
    """A moment (microseconds UTC) of the last day as “09:12”, else with its date; in UTC."""
    shown = moment(us)
    recent = us is not None and 0 <= now_us - us < _DAY
    return shown[-len("09:12") :] if recent else shown


def count(n: int) -> str:
    """A number with its thousands apart: “2,041,337”."""
    return f"{n:,}"


def plural(n: int, one: str, many: str = "") -> str:
    """A counted noun: “1 version”, “2,041 versions”; `many` defaults to `one` with an s."""
    return f"{n:,} {one}" if n == 1 else f"{n:,} {many or one + 's'}"
