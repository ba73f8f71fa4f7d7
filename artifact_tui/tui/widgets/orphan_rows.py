"""Orphans and artifacts without their object: as lines, sentences and groups. Names become safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.model import StoredObject
from artifact_tui.orphans import Findings, Known
from artifact_tui.text import age, duration, moment, pad, plural, safe, size
from artifact_tui.tui.widgets.grouped import Group
from artifact_tui.tui.widgets.progress import ago
from artifact_tui.tui.widgets.row_list import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from artifact_tui.tui.signs import Signs

Row = StoredObject | Known
"""A line of the lower list."""

ORDERS = ("size", "age", "name")
"""What orphans can be sorted by; the first comes first."""

_SIZE = 9
_AGE = 8


def ordered(objects: Sequence[StoredObject], order: str) -> list[StoredObject]:
    """Orphans with the largest, the oldest, or the first name at the top."""
    keys: dict[str, Callable[[StoredObject], tuple[int | str, ...]]] = {
        "size": lambda one: (-one.size, one.name),
        "age": lambda one: (one.modified_us or 0, one.name),
        "name": lambda one: (one.name,),
    }
    return sorted(objects, key=keys[order])


def orphan_line(row: Row, cells: int, signs: Signs, now_us: int, *, marked: bool) -> Content:
    """Mark and name; of an object its age and size, of an artifact its type."""
    sign = (f"{signs.mark if marked else ' '} ", "bold $text-accent")
    if isinstance(row, Known):
        return Content.assemble(
            sign, pad(safe(row.name), max(cells - 24, 8)), " ", pad(safe(row.type), 20, "right")
        )
    return Content.assemble(
        sign,
        pad(safe(row.name), max(cells - 5 - _SIZE - _AGE, 8)),
        " ",
        pad(age(row.modified_us, now_us), _AGE, "right"),
        " ",
        pad(size(row.size), _SIZE, "right"),
        " ",
    )


def orphan_facts(row: Row, signs: Signs, now_us: int) -> Content:
    """Everything about one row."""
    if isinstance(row, Known):
        said = "The registry has this artifact; its object is not in the storage."
        head = Content.assemble((safe(row.name), "bold"), "  ", safe(row.type))
        return Content("\n").join([head, Content(f"{said} Its key is {safe(row.key)}.")])
    dot = f" {signs.dot} "
    changed = f"changed {moment(row.modified_us)} ({ago(row.modified_us, now_us)})"
    facts = dot.join([size(row.size), changed, f"etag {safe(row.etag[:16])}"])
    said = f"No artifact {safe(row.version_key)} is in the registry: it was asked for that one."
    if not row.current:
        said = f"Hidden behind a delete marker, and still stored. {said}"
    return Content("\n").join(
        [Content.styled(safe(row.name), "bold"), Content(facts), Content(said)]
    )


def groups_of(found: Findings, review_key: str) -> list[Group[Row]]:
    """What was found, in groups; empty ones are left out but the first."""
    objects = found.objects
    words = f"{size(found.size)} that no artifact refers to"
    if objects and found.versioned:
        words += "; the bucket keeps versions, so that a plain deletion frees nothing"
    rows: tuple[Row, ...] = tuple(objects)
    first: Group[Row] = Group(
        "orphans",
        "orphans",
        len(objects),
        words if objects else "no object is without its artifact",
        keys=((review_key, "review their deletion"),) if objects else (),
        tone="bold $text-warning" if objects else "bold",
        items=lambda: Rows(rows),
    )
    return [first, *_hidden(found, review_key), *_rest(found)]


def _hidden(found: Findings, review_key: str) -> Iterator[Group[Row]]:
    """What delete markers hide and the bucket still holds."""
    hidden: tuple[Row, ...] = found.hidden
    if hidden:
        yield Group(
            "hidden",
            "behind markers",
            len(hidden),
            f"{size(found.hidden_size)} still stored behind delete markers: deleted for good only",
            keys=((review_key, "review their deletion"),),
            tone="bold $text-warning",
            items=lambda: Rows(hidden),
        )


def _rest(found: Findings) -> Iterator[Group[Row]]:
    missing: tuple[Row, ...] = found.missing
    if missing:
        yield Group(
            "missing",
            "object missing",
            len(missing),
            "artifacts in the registry whose object is not there: they cannot be downloaded",
            tone="bold $text-error",
            items=lambda: Rows(missing),
        )
    if found.young:
        period = duration(found.grace_us)
        said = f"without an artifact, but younger than {period}: an upload may be running"
        yield Group("young", "left alone", found.young, said, tone="$text-muted")
    if found.claimed:
        said = "not in the list, but the registry answered for them when it was asked"
        yield Group("claimed", "claimed", found.claimed, said, tone="$text-muted")
    if found.older_bytes is None:
        said = "what delete markers hide may not be listed here"
        yield Group("unknown", "not known", 0, said, tone="$text-muted")
    elif found.older_bytes:
        said = f"{size(found.older_bytes)} in older versions of what is in use"
        yield Group("older", "older", 0, said, tone="$text-muted")
    if found.strange:
        said = f"where the pattern begins, {size(found.strange_bytes)}, that do not fit it"
        yield Group("strange", "no pattern", found.strange, said, tone="$text-muted")
    if found.elsewhere:
        said = f"{'' if found.counted else 'and more '}elsewhere in the bucket"
        yield Group("elsewhere", "elsewhere", found.elsewhere, said, tone="$text-muted")
    if found.empty:
        said = "the registry lists nothing, and was said to be really empty"
        yield Group("empty", "empty registry", 0, said, tone="bold $text-warning")
    said = f"objects with their artifact, in {safe(found.place)}"
    yield Group("referred", "in use", found.referred, said, tone="$text-success")
    for kind, count in found.without:
        said = f"no {safe(kind)} has an object there, so none is missing"
        yield Group(f"without-{kind}", f"{safe(kind)[:14]}", count, said, tone="$text-muted")


def total_words(found: Findings | None, marked: Sequence[StoredObject], signs: Signs) -> list[str]:
    """Left: what is marked; right: the orphans together."""
    if found is None:
        return ["", ""]
    dot = f" {signs.dot} "
    weight = size(sum(one.size for one in marked))
    left = f"{plural(len(marked), 'object')} marked{dot}{weight}" if marked else ""
    right = f"{plural(len(found.objects), 'orphan')}{dot}{size(found.size)} "
    if found.hidden:
        right = f"{len(found.hidden)} hidden{dot}{size(found.hidden_size)}{dot}{right}"
    return [left, right]
