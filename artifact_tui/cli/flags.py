"""What may be said before the name of any command."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flags:
    """The options of `artifact-tui` itself."""

    read_only: bool = False
    """Refuse everything that would change a registry."""
