"""Every question that a screen or command asks a catalog: one place to import them from."""

from artifact_tui.catalog.coverage import lineage_coverage
from artifact_tui.catalog.detail import detail
from artifact_tui.catalog.fetch import rows_of, snapshot, tags_of, unique_of
from artifact_tui.catalog.names import by_keys, find, values
from artifact_tui.catalog.overview import matching, outline, synced_us, totals
from artifact_tui.catalog.paging import chunks, every, page
from artifact_tui.catalog.windows import position, window

__all__ = [
    "by_keys",
    "chunks",
    "detail",
    "every",
    "find",
    "lineage_coverage",
    "matching",
    "outline",
    "page",
    "position",
    "rows_of",
    "snapshot",
    "synced_us",
    "tags_of",
    "totals",
    "unique_of",
    "values",
    "window",
]
