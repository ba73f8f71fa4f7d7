"""What several screens use: lists, dialogs, lines, the detail of a version."""
