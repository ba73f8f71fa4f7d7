"""The catalog: what every screen and command reads, as SQL over one SQLite file.

`connect` opens one. `listing`, `detail`, `lineage`, `marks`, `retention`, `version_names` and
`filter_doubts` are functions over one connection; `facade.Catalog` runs them in threads of its own
for the screens. `sync` fills a catalog from a client. The local registry's own database is a
catalog too.
"""

from artifact_tui.catalog.catalog_file import connect
from artifact_tui.catalog.listing import Sort

__all__ = ["Sort", "connect"]
