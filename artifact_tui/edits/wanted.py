"""What is asked for when aliases, tags or times to live are to be changed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for, of every version alike. Names are untrusted text."""

    add_aliases: tuple[str, ...] = ()
    remove_aliases: tuple[str, ...] = ()
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    ttl_us: int | None = None
    """As in `model.Edit`."""

    @property
    def nothing(self) -> bool:
        """Whether nothing is asked for."""
        return self == Wanted()
