"""What the trash screen asks of the catalog and of the registry."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from artifact_tui.catalog import queries, trash
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.model import Alias, Result
from artifact_tui.query import compile_query, parse
from artifact_tui.text import plural, safe, size

if TYPE_CHECKING:
    import sqlite3
    from array import array
    from collections.abc import Iterable, Mapping, Sequence

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.model import Garbage, Outcome
    from artifact_tui.tui.services import Services


@runtime_checkable
class RemembersAliases(Protocol):
    """A client whose registry knows the aliases that versions in the trash had."""

    async def trashed_aliases(self, keys: Sequence[str]) -> Mapping[str, tuple[Alias, ...]]:
        """Aliases by key; versions without any are left out."""


@dataclass(frozen=True, slots=True)
class TrashRow:
    """One version in the trash."""

    version: VersionRow
    aliases: tuple[Alias, ...]
    """Those it had, where the registry remembers them."""


class TrashRows:
    """The trash by windows, the last deleted first, as it was when it was opened."""

    def __init__(self, services: Services, ids: array[int]) -> None:
        self._services = services
        self._ids = ids

    @classmethod
    async def open(cls, services: Services) -> TrashRows:
        """What is in the trash now."""
        return cls(services, await services.catalog.run(trash.ids))

    @property
    def count(self) -> int:
        """How many versions."""
        return len(self._ids)

    async def window(self, start: int, count: int) -> list[TrashRow]:
        """The rows from `start`; those that have gone meanwhile are left out."""
        ids = self._ids[start : start + count].tolist()

        def work(conn: sqlite3.Connection) -> tuple[VersionRow, ...]:
            return queries.rows_of(conn, ids)

        versions = await self._services.catalog.run(work)
        had = await self._aliases([version.key for version in versions])
        return [TrashRow(version, had.get(version.key, ())) for version in versions]

    async def _aliases(self, keys: Sequence[str]) -> Mapping[str, tuple[Alias, ...]]:
        client = self._services.client
        return await client.trashed_aliases(keys) if isinstance(client, RemembersAliases) else {}


async def forget_deleted(services: Services) -> None:
    """Take the marks of what is in the trash away; what failed to be deleted stays marked."""
    with suppress(ArtifactTuiError):  # such marks do no harm, and are tried again next time
        await services.catalog.unmark_where(compile_query(parse("state:trash"), services.now()))


def restored_words(outcomes: Iterable[Outcome], names: Mapping[str, str]) -> list[str]:
    """What a restore did: a sentence, then a line for each version that is not as it was; safe."""
    outcomes = list(outcomes)
    back = [one for one in outcomes if one.result is Result.DONE]
    lines = [f"{plural(len(back), 'version')} restored."]
    for one in outcomes:
        name = safe(names.get(one.key, one.key))
        if one.result is not Result.DONE:
            lines.append(f"{name} was not restored: {safe(one.message) or one.result}.")
        elif one.message:
            lines.append(f"{name} is back, but {safe(one.message)}.")
    return lines


def garbage_words(garbage: Garbage) -> str:
    """What a collection would do, in sentences."""
    parts = []
    if garbage.blobs:
        parts.append(f"{plural(garbage.blobs, 'stored object')} that no version needs")
    if garbage.leftovers:
        parts.append(f"{plural(garbage.leftovers, 'leftover')} of killed adds")
    return f"{' and '.join(parts)}: {size(garbage.freed)} freed. What is freed cannot come back."
