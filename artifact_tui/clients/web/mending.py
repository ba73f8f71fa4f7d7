r"""Text that is not Unicode, in what a server sends: spelled out, so that the rest can be read.

A half of a surrogate pair becomes `\ud800`, a byte that is not UTF-8 `\xff`: text that can be
shown, kept and told apart, and that is no name to ask the server for.
"""

from __future__ import annotations

import re

_SUSPECT = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPES = re.compile(
    rb"(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
_BYTES = re.compile("[\udc80-\udcff]")
_SPELLED = re.compile(r"\\(?:x[89a-f][0-9a-f]|u[dD][89a-fA-F][0-9a-fA-F]{2})")


def mended(body: bytes) -> bytes:
    """JSON with its broken texts spelled out; the same object when there is none."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            text = body.decode("utf-8", "surrogateescape")
            body = _BYTES.sub(lambda found: rf"\\x{ord(found[0]) - 0xDC00:02x}", text).encode()
    if _SUSPECT.search(body):
        fixed = _ESCAPES.sub(lambda found: b"\\" * bool(found["half"]) + found[0], body)
        return fixed if fixed != body else body
    return body


def is_spelled(text: str) -> bool:
    """Whether a text looks as if `mended` had spelled out a part of it."""
    return _SPELLED.search(text) is not None
