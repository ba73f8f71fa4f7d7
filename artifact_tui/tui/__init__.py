"""See DESIGN: the tui room."""
