"""One version in the trash as a line, and as the sentences below the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.text import age, duration, fit, moment, pad, plural, safe, size
from artifact_tui.tui.widgets.item_rows import alias_words
from artifact_tui.tui.widgets.progress import ago

if TYPE_CHECKING:
    from artifact_tui.tui.signs import Signs
    from artifact_tui.tui.trashing import TrashRow

_SIZE = 9
_AGE = 8
_BROAD = 100


def name_of(row: TrashRow) -> str:
    """`COLLECTION:LABEL`, untrusted."""
    return f"{row.version.collection}:{row.version.label}"


def trash_line(row: TrashRow, cells: int, signs: Signs, now_us: int, *, marked: bool) -> Content:
    """Mark, name, aliases it had, who deleted it, when, size."""
    version = row.version
    broad = cells >= _BROAD
    by = safe(version.deleted_by) if broad else ""
    room = cells - 2 - _SIZE - _AGE - 5 - (24 if broad else 0)
    name = room * 3 // 5 if row.aliases or broad else room
    aliases = fit(alias_words(row.aliases, signs), room - name - 1)
    return Content.assemble(
        (f"{signs.mark if marked else ' '} ", "bold $text-accent"),
        pad(safe(name_of(row)), name),
        " ",
        (pad(aliases, max(room - name - 1, 0)), "$text-muted"),
        (pad(fit(by, 22), 23) + " ", "$text-muted") if broad else "",
        pad(age(version.deleted_us, now_us), _AGE, "right"),
        " ",
        pad(size(version.size), _SIZE, "right"),
        " ",
    )


def trash_facts(
    row: TrashRow, frees: str | None, signs: Signs, now_us: int, *, freeing: str = ""
) -> Content:
    """Everything about one version in the trash.

    `frees` is None while that is being counted, and empty when nobody knows; `freeing` says when
    the registry frees the bytes by itself, where nothing can be purged.
    """
    version = row.version
    dot = f" {signs.dot} "
    head = [safe(version.type), size(version.size), safe(version.digest[:19])]
    by = f" by {safe(version.deleted_by)}" if version.deleted_by else ""
    when = f"Deleted{by}; when is not known"
    if version.deleted_us is not None:
        when = f"Deleted {moment(version.deleted_us)} ({ago(version.deleted_us, now_us)}){by}"
    had = f"{dot}had {alias_words(row.aliases, signs)}" if row.aliases else ""
    bytes_ = signs.ellipsis if frees is None else f"{frees or 'what nobody knows'} after gc"
    stays = [
        safe(freeing) or f"Purging it frees {bytes_}",
        f"created {ago(version.created_us, now_us)}",
    ]
    if version.dependents:
        stays.append(plural(version.dependents, "live dependent"))
    if version.ttl_us is not None:
        stays.append(f"its TTL was {duration(version.ttl_us)}")
    return Content("\n").join(
        [
            Content.assemble((safe(name_of(row)), "bold"), "  ", dot.join(head)),
            Content(when + had),
            Content(dot.join(stays)),
        ]
    )
