"""What must be typed before a change is sent: the greater the harm, the more."""

from __future__ import annotations

from artifact_tui.deletion.confirm import FEW, REGISTRY_LIMIT, Challenge, Kind, typeable
from artifact_tui.text import count


def challenge(
    total: int, *, at_once: int, undated: int, production: bool, registry: str
) -> Challenge:
    """What must be typed: `y`, the count, or the registry's name.

    Args:
        total: versions that will be changed.
        at_once: how many of them expire by it.
        undated: how many may do so: nobody here knows when they expire.
        production: whether the registry is marked so.
        registry: its name, untrusted text.
    """
    if not total:
        return Challenge(Kind.NOTHING, "", "nothing to change")
    why = ""
    if at_once:
        why = f"{count(at_once)} expire at once" if at_once > 1 else "it expires at once"
    elif undated:
        why = f"{count(undated)} may expire at once" if undated > 1 else "it may expire at once"
    name = typeable(registry, REGISTRY_LIMIT)
    if why and production and name:
        return Challenge(Kind.REGISTRY, name, f"type {name} to change", why)
    if why or total > FEW:
        return Challenge(Kind.COUNT, str(total), f"type {total} to change", why)
    return Challenge(Kind.YES, "y", "type y to change")
