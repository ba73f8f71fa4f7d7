"""The embedded registry: SQLite and content-addressed blobs in one folder."""
