"""See DESIGN: the tui/widgets room."""
