"""Changing what is said about versions: aliases, tags, times to live; previewed, then sent."""
