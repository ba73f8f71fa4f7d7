"""Who is at work, and when: what plans, the trash and the screens record of this moment."""

from __future__ import annotations

import getpass
import socket
import time


def now_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def actor() -> str:
    """`user@host`, as plans and the trash record it."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
