"""How home draws: a disk as a line, a store as a line, everything about one store.

Every name passes `text.safe` here. What is not known is a dash, and never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content

from artifact_tui.clients.trial import access
from artifact_tui.config import LOCAL, from_home, shown_settings
from artifact_tui.stores import each_once
from artifact_tui.text import age, ago, count, fit, pad, plural, safe, size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.clients.trial import Trial
    from artifact_tui.stores import Disk, Measured, Store
    from artifact_tui.tui.terminal import Signs

NOT_KNOWN = "-"

_MUTED = "dim"
_MARK = "bold $text-accent"
_BAD = "bold $text-error"
_GOOD = "$text-success"


@dataclass(frozen=True, slots=True)
class StoreRow:
    """One store in the list, with all that is known of it now."""

    store: Store
    kind: str
    """The name of its kind."""
    measured: Measured
    measuring: bool = False
    """Whether it is being measured, for the first time or again."""
    configured: bool = False
    here: bool = False
    """Whether it is the registry that is open."""
    default: bool = False
    testing: bool = False
    trial: Trial | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What names the row, whatever is known of it."""
        return self.store.target.name, self.store.target.address

    @property
    def address(self) -> str:
        """Its address; where its registry had to be asked for a part of it, with that."""
        return self.measured.address or self.store.target.address

    @property
    def typed(self) -> str:
        """What a command calls it."""
        return self.measured.address or self.store.target.typed

    @property
    def reclaim(self) -> str:
        """The filter for what can go in it; empty where its kind has none."""
        return self.store.reclaimable

    @property
    def embedded(self) -> bool:
        """Whether it is the user's own registry, which is made when it is first opened."""
        return self.store.target.address == LOCAL

    @property
    def weight(self) -> int:
        """Bytes, -1 where they are not known."""
        return -1 if self.measured.size is None else self.measured.size

    @property
    def on_disk(self) -> int:
        """Bytes on a disk of this machine, as far as they are known."""
        return max(self.weight, 0) if self.measured.disk is not None else 0

    @property
    def lost(self) -> str:
        """Why it cannot be opened, as the middle of a sentence; empty where it can."""
        if self.measured.state == "unreadable":
            reason = self.measured.reason.rstrip(".")
            return f"it cannot be read: {reason}" if reason else "it cannot be read"
        return "it does not answer" if self.silent else ""

    @property
    def silent(self) -> bool:
        """Whether it hangs: who asks it would wait for ever."""
        return self.measured.state == "not answering"


class StoreColumn(NamedTuple):
    """One column beside the name."""

    id: str
    title: str
    width: int
    right: bool = True


_COLUMNS: tuple[StoreColumn, ...] = (
    StoreColumn("kind", "kind", 11, right=False),
    StoreColumn("size", "size", 8),
    StoreColumn("share", "share", 8, right=False),
    StoreColumn("reclaimable", "can go", 8),
    StoreColumn("versions", "versions", 9),
    StoreColumn("used", "last used", 9),
    StoreColumn("why", "why it is here", 17, right=False),
)
_DROPPED = ("share", "why", "kind", "versions")
"""The columns that are left out where there is no room, the first of them first."""

LEAD = 5
"""Cells before a name: margin, open or not, armed or not, tested or not, space."""
_NAME_MIN = 24
_NAME_MAX = 41
_WHY_MAX = 30


class StoreLayout(NamedTuple):
    """The columns of one width; `name` counts the cells of the first one, lead included."""

    name: int
    columns: tuple[StoreColumn, ...]


@lru_cache(maxsize=16)
def store_layout(cells: int) -> StoreLayout:
    """The columns for a list of `cells`; name and reason share what is left."""
    columns = _COLUMNS

    def room() -> int:
        return cells - 1 - sum(one.width + 1 for one in columns)

    for dropped in _DROPPED:
        if room() < _NAME_MIN + LEAD:
            columns = tuple(one for one in columns if one.id != dropped)
    name = min(max(room(), 1), _NAME_MAX + LEAD)
    spare = room() - name
    if spare > 0:
        columns = tuple(
            one._replace(width=min(one.width + spare, _WHY_MAX)) if one.id == "why" else one
            for one in columns
        )
    return StoreLayout(name, columns)


def store_titles(cells: int, signs: Signs) -> Content:
    """The line of column titles; the list is sorted by size."""
    layout = store_layout(cells)

    def title(column: StoreColumn) -> str:
        text = f"{column.title} {signs.descending}" if column.id == "size" else column.title
        return pad(text, column.width, "right" if column.right else "left")

    lead = pad(" " * LEAD + "store", layout.name)
    return Content.styled(" ".join([lead, *map(title, layout.columns)]), _MUTED)


def shown_name(row: StoreRow) -> str:
    """What a store is called: its name in the configuration, else its address, as it is typed."""
    name, home = row.measured.address or row.store.target.name, from_home("~")
    return safe(name.replace(f":{home}/", ":~/", 1))


def store_line(row: StoreRow, cells: int, biggest: int, now_us: int, signs: Signs) -> Content:
    """A store in one line; `biggest` bytes are a full bar."""
    layout = store_layout(cells)
    target, known = row.store.target, row.measured
    sign, tone = (signs.locked, _GOOD) if target.read_only else (signs.armed, _BAD)
    trial_sign, trial_tone = _trial_sign(row, signs)
    muted = row.lost or known.state == "absent"
    parts = [
        (f" {signs.mark if row.here else ' '}", _MARK),
        (sign, tone),
        (f"{trial_sign} ", trial_tone),
        (pad(shown_name(row), max(layout.name - LEAD, 0)), _MUTED if muted else "bold"),
    ]
    if words := _state_words(row, signs):
        kind = next((one for one in layout.columns if one.id == "kind"), None)
        if kind is not None:
            parts.append((f" {pad(safe(row.kind), kind.width)}", _MUTED))
        used = sum(len(text) for text, _ in parts)
        if row.testing or row.trial is not None:
            words = f"{words}{signs.dot:^3}{_why_words(row, signs)[0]}"
        tone = _BAD if row.lost else _MUTED
        parts.append((" " + fit(words, max(cells - used - 2, 1)), tone))
        return Content.assemble(*parts)
    why, why_tone = _why_words(row, signs)
    cell = {
        "kind": (safe(row.kind), _MUTED),
        "size": (_bytes(known.size), ""),
        "share": ("", "$primary"),
        "reclaimable": (_bytes(known.reclaimable), "$text-warning" if known.reclaimable else ""),
        "versions": (NOT_KNOWN if known.versions is None else count(known.versions), ""),
        "used": (
            NOT_KNOWN if known.used_us is None else age(known.used_us, now_us),
            _MUTED,
        ),
        "why": (why, why_tone),
    }
    for column in layout.columns:
        text, style = cell[column.id]
        if column.id == "share":
            text = bar(row.on_disk, biggest, column.width, signs)
        parts.append((f" {pad(text, column.width, 'right' if column.right else 'left')}", style))
    return Content.assemble(*parts)


def _bytes(value: int | None) -> str:
    return NOT_KNOWN if value is None else size(value)


def _state_words(row: StoreRow, signs: Signs) -> str:
    """What stands instead of figures; empty where there are some."""
    known = row.measured
    if row.lost and row.measuring:
        return f"being asked again{signs.ellipsis}"
    if row.lost:
        return known.state if row.silent else safe(row.lost.removeprefix("it "), 4096)
    if known.state == "absent":
        return "nothing there yet" if row.embedded else "nothing there"
    if known.size is None and known.versions is None and row.measuring:
        return f"measuring{signs.ellipsis}"
    return ""


def _trial_sign(row: StoreRow, signs: Signs) -> tuple[str, str]:
    if row.trial is None or row.testing:
        return " ", ""
    return (signs.yes, _GOOD) if row.trial.works else (signs.no, _BAD)


def _why_words(row: StoreRow, signs: Signs) -> tuple[str, str]:
    """Why the store is listed; after a test, how that went."""
    if row.testing:
        return f"testing{signs.ellipsis}", _MUTED
    if row.trial is not None:
        return ("works", _GOOD) if row.trial.works else ("unusable", _BAD)
    return "production" if row.store.target.production else safe(row.store.why), _MUTED


def bar(value: int, full: int, cells: int, signs: Signs) -> str:
    """A bar of `cells` cells, in eighths of a cell where the signs allow it."""
    fill, most = signs.bar, max(full, 1)
    steps = round(min(value, most) * cells * len(fill) / most)
    whole, part = divmod(max(steps, 1 if value else 0), len(fill))
    drawn = fill[-1] * whole + (fill[part - 1] if part else "")
    return drawn + signs.track * (cells - len(drawn))


_FREE_BAR = 24
_SCARCE = 0.9
"""The part of a disk in use from which on it is shown as a warning."""


def disk_line(disk: Disk, rows: Sequence[StoreRow], cells: int, signs: Signs) -> Content:
    """A disk in one line: what is free, how full it is, what of it can go."""
    taken = disk.fullness
    tone = "$text-error" if taken >= _SCARCE else "$text-warning"
    tone = tone if taken >= _SCARCE - 0.15 else "$text-success"
    words = f"{size(disk.free)} free of {size(disk.total)}"
    stores = each_once(row.measured for row in rows)
    reclaim = [one.reclaimable or 0 for one in stores if one.disk is not None]
    can_go = f"{size(sum(reclaim))} can go" if any(reclaim) else ""
    mount = fit(safe(disk.mount), 28)
    filled = f"{int(taken * 100)}% full"
    cells_left = cells - 40 - max(len(mount), 12)
    width = max(min(cells_left - (16 if can_go else 0), _FREE_BAR * 2), 6)
    return Content.assemble(
        (f" {pad(mount, max(len(mount), 12))} ", "bold"),
        (pad(words, 24, "right"), "bold" if taken < _SCARCE else _BAD),
        "  ",
        (bar(round(taken * 1000), 1000, width, signs), tone),
        (f" {filled}", ""),
        (f"  {can_go}" if can_go else "", "$text-warning"),
    )


def store_facts(row: StoreRow, now_us: int, signs: Signs, reclaim_key: str) -> Content:
    """Everything about a store but its secrets."""
    target = row.store.target
    notes = [safe(row.kind)]
    if row.here:
        notes.append("open now")
    if row.default:
        notes.append("the default")
    notes.append("in the configuration" if row.configured else f"listed for: {safe(row.store.why)}")
    dot = f" {signs.dot} "
    lines = [
        Content.assemble((shown_name(row), "bold"), f"  {dot.join(notes)}"),
        Content(safe(row.address, 4096)),
        Content(access(target)),
    ]
    if target.settings:
        lines.append(Content(safe(shown_settings(target.settings), 4096)))
    lines += _figures(row, now_us, signs, reclaim_key)
    if row.trial is not None:
        tone = "" if row.trial.works else "$text-error"
        sign = signs.yes if row.trial.works else signs.no
        lines += [
            Content.assemble((f"{sign} {safe(sentence, 4096)}", tone))
            for sentence in row.trial.sentences
        ]
    return Content("\n").join(lines)


def _figures(row: StoreRow, now_us: int, signs: Signs, reclaim_key: str) -> list[Content]:
    """What was measured, in sentences."""
    known = row.measured
    lines: list[Content] = []
    if row.lost:
        words = safe(row.lost, 4096)
        lines.append(Content.styled(f"{words[0].upper()}{words[1:]}.", "$text-error"))
    elif known.state == "absent":
        made = "Nothing is there yet: opening it makes it."
        lines.append(Content(made if row.embedded else "There is nothing at this address."))
    elif known.state != "measuring" or known.size is not None:
        lines.append(Content(f" {signs.dot} ".join(_counts(known, now_us))))
    if known.reason and known.state == "measured":
        lines.append(Content.styled(safe(known.reason, 4096), "$text-warning"))
    if known.reclaimable is not None and row.reclaim:
        words = f"{size(known.reclaimable)} can go: {safe(row.reclaim)}"
        hint = f"  ({reclaim_key} lists it)" if known.reclaimable else ""
        lines.append(Content.assemble((words, "$text-warning" if known.reclaimable else ""), hint))
    if (disk := known.disk) is not None:
        words = f"on {safe(disk.mount)}: {size(disk.free)} free of {size(disk.total)}"
        lines.append(Content(words))
    return lines


def _counts(known: Measured, now_us: int) -> list[str]:
    """How much there is, how old it is, and since when that is known."""
    parts = [f"{_bytes(known.size)} on disk" if known.size is not None else "size not known"]
    if known.collections is not None:
        parts.append(plural(known.collections, "collection"))
    if known.versions is not None:
        parts.append(plural(known.versions, "version"))
    if known.used_us is not None:
        parts.append(f"last used {ago(known.used_us, now_us)}")
    if known.as_of_us is not None:
        verb = "as its catalog remembers it from" if known.state == "remembered" else "measured"
        parts.append(f"{verb} {ago(known.as_of_us, now_us)}")
    return parts
