"""See DESIGN: the tui/screens room."""
