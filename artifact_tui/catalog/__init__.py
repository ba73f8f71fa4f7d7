"""The catalog: what every screen and command reads, as SQL over one SQLite file.

`connect` opens one; `queries`, `selection` and `marks` are plain functions over the connection;
`facade.Catalog` runs them in threads of its own for the screens; `sync` fills a catalog from a
client. The local registry's own database is a catalog too.
"""

from artifact_tui.catalog.catalog_file import connect
from artifact_tui.catalog.listing import Sort

__all__ = ["Sort", "connect"]
