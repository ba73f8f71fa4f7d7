"""How commands name versions and list facts about them, in plain lines. All of it is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from artifact_tui import text
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.model import Alias


class _Named(Protocol):
    """A version, in whatever form."""

    @property
    def collection(self) -> str:
        """Its collection's name."""

    @property
    def label(self) -> str:
        """Its label."""


def name_of(version: _Named) -> str:
    """`COLLECTION:LABEL`, made safe."""
    return f"{text.safe_name(version.collection)}:{text.safe_name(version.label)}"


def aliases(found: Iterable[Alias]) -> str:
    """Aliases in one line: `latest, production (protected)`."""
    return ", ".join(alias(one) for one in found)


def alias(one: Alias) -> str:
    """One alias, with its protection and the other collection that holds it."""
    scope = f" in {safe(one.scope)}" if one.scope else ""
    return f"{safe(one.name)}{scope}{' (protected)' if one.protected else ''}"


def life(ttl_us: int | None, *, inherited: bool = False) -> str:
    """A time to live: `30 d`, `none`, `30 d (inherited)`."""
    shown = "none" if ttl_us is None else text.duration(ttl_us)
    return f"{shown} (inherited)" if inherited else shown


def since(us: int | None, now_us: int, word: str) -> str:
    """`3 d old`, `3 d ago`; only `in 3 d` where the clock that wrote it is ahead of ours.

    Where the registry does not say, it is the sign for that alone.
    """
    shown = text.age(us, now_us)
    return shown if us is None or us > now_us else f"{shown} {word}"


def facts(row: VersionRow, now_us: int) -> str:
    """What a list says about a version beside its name, size and age; empty for a plain one."""
    parts = []
    if row.state != "live":
        parts.append(f"[{row.state}]")
    if row.link:
        parts.append("link")
    if row.kept:
        parts.append("kept")
    if row.aliases:
        parts.append(f"aliases {aliases(row.aliases)}")
    if row.dependents:
        parts.append(text.plural(row.dependents, "dependent"))
    if row.links:
        parts.append(f"in {text.plural(len(row.links), 'other collection')}")
    if row.expires_us is not None:
        ahead = row.expires_us > now_us
        parts.append(f"expires {text.age(row.expires_us, now_us)}" if ahead else "expired")
    return " · ".join(parts)


def counted(pairs: Iterable[tuple[str, int]], most: int = 10) -> str:
    """Names with how often each occurs: `candidate ×9, baseline`."""  # noqa: RUF002
    listed = list(pairs)
    times = "×"  # noqa: RUF001 - as in the docstring
    shown = [
        f"{text.safe_name(name)}{f' {times}{n:,}' if n > 1 else ''}" for name, n in listed[:most]
    ]
    if len(listed) > most:
        shown.append(f"and {len(listed) - most:,} more")
    return ", ".join(shown)
