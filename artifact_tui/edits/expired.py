"""What a registry does with versions that have expired, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artifact_tui.model import Capabilities


def becomes(can: Capabilities, versions: int) -> str:
    """What becomes of that many of them, such as `the next gc moves them to the trash`."""
    what = "it" if versions == 1 else "them"
    if can.garbage_collection:
        then = f"moves {what} to the trash" if can.restore else f"deletes {what}"
        return f"the next gc {then}"
    restored = f", and can restore {what}" if can.restore else ""
    return f"the registry deletes {what} as soon as it looks{restored}"
