"""See DESIGN: the deletion room."""
