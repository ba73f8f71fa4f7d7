"""See DESIGN: the catalog room."""
