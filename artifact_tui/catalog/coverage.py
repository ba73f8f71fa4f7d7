"""How much of a registry's lineage is known, where it has to be scanned version by version."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3

SCANNED_TYPE = "model"
"""The only type whose versions have parents in the registries that must be scanned."""

_COVERAGE = """
SELECT count(s.version_id), count(*)
FROM collection c CROSS JOIN version v ON v.collection_id = c.id
LEFT JOIN lineage_scan s ON s.version_id = v.id
WHERE c.type = ? AND v.state = 'live'"""

_HIDDEN = "SELECT 1 FROM meta WHERE name = 'incomplete' AND value = '1'"

_SCANNED = "SELECT 1 FROM meta WHERE name = 'scanned_lineage' AND value = '1'"


class Coverage(NamedTuple):
    """Models whose parents were asked for, of all live models; 0 of 0 where nothing is scanned."""

    scanned: int
    total: int
    hidden: bool = False
    """The registry does not list everything: there may be more of them."""

    @property
    def complete(self) -> bool:
        """Whether the dependents that the catalog shows are all there are."""
        return self.scanned >= self.total and not self.hidden

    def words(self) -> str:
        """How far the scan is, for a sentence about dependents."""
        more = ", and the registry does not list everything" if self.hidden else ""
        return f"{self.scanned:,} of {self.total:,} models scanned{more}"


COMPLETE = Coverage(0, 0)
"""Where nothing has to be scanned."""


def lineage_coverage(conn: sqlite3.Connection) -> Coverage:
    """How far the scan of lineage got."""
    if conn.execute(_SCANNED).fetchone() is None:
        return Coverage(0, 0)
    hidden = conn.execute(_HIDDEN).fetchone() is not None
    scanned, total = conn.execute(_COVERAGE, (SCANNED_TYPE,)).fetchone()
    return Coverage(scanned, total, hidden)
