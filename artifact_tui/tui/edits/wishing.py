"""What a user types to ask for a change, read with its mistakes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.edits.wanted import Wanted
from artifact_tui.errors import UsageError
from artifact_tui.query import values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Field:
    """One line to type in."""

    id: str
    label: str
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked for, and how it is read."""

    title: str
    fields: tuple[Field, ...]
    read: Callable[[Mapping[str, str]], Wanted | None]
    """What was typed, by field; None while nothing is. Raises `UsageError`."""


def _ttl(typed: Mapping[str, str]) -> Wanted | None:
    text = typed["ttl"].strip()
    if not text:
        return None
    span = values.duration(text)
    if span is None or span[0] <= 0:
        raise UsageError(f"“{text}” is no span of time:", hint="write 30d, 12h or 1y.")
    return Wanted(ttl_us=span[0])


def _names(typed: Mapping[str, str]) -> Wanted | None:
    wanted = Wanted(
        add_aliases=listed(typed["add-alias"]),
        remove_aliases=listed(typed["remove-alias"]),
        add_tags=listed(typed["add-tag"]),
        remove_tags=listed(typed["remove-tag"]),
    )
    both = {*wanted.add_aliases} & {*wanted.remove_aliases} | (
        {*wanted.add_tags} & {*wanted.remove_tags}
    )
    if both:
        raise UsageError(f"“{min(both)}” cannot be added and taken away at once.")
    return None if wanted == Wanted() else wanted


def listed(text: str) -> tuple[str, ...]:
    """The names in a line, separated by commas; each once."""
    return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))


TTL = Form("Time to live", (Field("ttl", "time to live", "such as 30d, 12h, 1y"),), _ttl)


def names(*, aliases: bool, tags: bool) -> Form:
    """Asks for aliases, tags or both: whatever the registry lets one change."""
    fields = (
        Field("add-alias", "add alias", "moves from the version that has it; commas between"),
        Field("remove-alias", "remove alias"),
        Field("add-tag", "add tag"),
        Field("remove-tag", "remove tag"),
    )
    shown = tuple(f for f in fields if (aliases if f.id.endswith("alias") else tags))

    def read(typed: Mapping[str, str]) -> Wanted | None:
        return _names({field.id: typed.get(field.id, "") for field in fields})

    what = " and ".join(word for word, on in (("Aliases", aliases), ("tags", tags)) if on)
    return Form(what[:1].upper() + what[1:], shown, read)
