"""Protecting aliases of one version of a local registry: what of it is a change, and its words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from artifact_tui.edits.changes import UNCHANGED, Change
from artifact_tui.errors import NotFoundError
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.edits.changes import Changes, Named
    from artifact_tui.edits.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Protection:
    """Aliases to protect, or to protect no longer: local registries only. Untrusted text."""

    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether nothing is asked for."""
        return not (self.on or self.off)

    def asked(self) -> Iterator[str]:
        """What was asked for; safe."""
        yield from (f"protect the alias {safe(name)}" for name in self.on)
        yield from (f"unprotect the alias {safe(name)}" for name in self.off)

    def words(self) -> Iterator[str]:
        """What changes, in short; safe."""
        yield from (f"protect {safe(name)}" for name in self.on)
        yield from (f"unprotect {safe(name)}" for name in self.off)


NO_PROTECTION = Protection()


def still_to_do(protection: Protection, row: VersionRow, wanted: Wanted) -> Protection:
    """What of it is not so already.

    Raises:
        NotFoundError: the version does not have the alias, or will not.
    """
    own = {alias.name: alias.protected for alias in row.aliases if not alias.scope}
    there = (own.keys() | {*wanted.add_aliases}) - {*wanted.remove_aliases}
    missing = [name for name in protection.on if name not in there]
    missing += [name for name in protection.off if name not in own]
    if missing:
        raise NotFoundError(
            f"{row.collection}:{row.label} has no alias {missing[0]}. Nothing was changed.",
            hint="List the version again: the alias may have moved.",
        )
    return Protection(
        tuple(name for name in protection.on if not own.get(name)),
        tuple(name for name in protection.off if own[name]),
    )


def with_protection(changes: Changes[Named], protection: Protection) -> Changes[Named]:
    """The same with the one version among the changed ones, if its protection changes."""
    if protection.nothing or not changes.same:
        return changes
    only = tuple(Change(row, UNCHANGED) for row in changes.same)
    return replace(changes, changed=only, same=())
