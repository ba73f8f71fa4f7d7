"""Opaque ids and cursors, as W&B writes them: base64 of a kind and a number."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode(kind: str, number: int) -> str:
    """The global id of an object."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def decode(gid: str) -> tuple[str, int]:
    """Kind and number of a global id; ("", 0) when it is none."""
    try:
        kind, _, number = base64.b64decode(gid, validate=True).decode().rpartition(":")
        return kind, int(number)
    except (binascii.Error, ValueError):
        return "", 0


def cursor_of(value: object) -> str:
    """A cursor around any JSON value."""
    text = f"arrayconnection:{value}" if isinstance(value, int) else json.dumps(value)
    return base64.b64encode(text.encode()).decode()


def cursor_value(cursor: str) -> Any:
    """What a cursor holds: an offset (int) or a sort key (list).

    Raises:
        ValueError: it is no cursor of this server.
    """
    text = base64.b64decode(cursor, validate=True).decode()
    offset = text.removeprefix("arrayconnection:")
    return json.loads(text) if offset == text else int(offset)


def moment(us: int | None) -> str | None:
    """A time in microseconds UTC as the server writes it."""
    if us is None:
        return None
    when = _EPOCH + timedelta(microseconds=us)
    return when.isoformat().replace("+00:00", "Z")
