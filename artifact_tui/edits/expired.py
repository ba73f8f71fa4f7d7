"""What a registry does with versions that have expired, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artifact_tui.model import Capabilities


def becomes(can: Capabilities, versions: int) -> str:
    """What becomes of that many of them, such as `the filter ttl:expired plans its deletion`."""
    what = "it" if versions == 1 else "them"
    if can.garbage_collection:
        whose = "its" if versions == 1 else "their"
        return f"the filter ttl:expired plans {whose} deletion"
    restored = f", and can restore {what}" if can.restore else ""
    return f"the registry deletes {what} as soon as it looks{restored}"
