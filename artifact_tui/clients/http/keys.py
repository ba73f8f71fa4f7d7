"""How an artifact is named in a catalog or plan: its type and its id, in one text.

`model/30` is the version key of artifact 30; `model/bert` the collection key of all models named
bert. Both parts are percent-encoded, so that the slash between them is the only one, and a key
is always written in exactly one way.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import quote, unquote

ORDINAL_LIMIT = 1 << 62
"""Counted ids stay below it; ordinals of other ids lie between it and the end of 63 bits."""


class Ref(NamedTuple):
    """A type with an id (of a version) or a name (of a collection)."""

    type: str
    id: str

    @property
    def key(self) -> str:
        """The one text for it."""
        return f"{_encoded(self.type)}/{_encoded(self.id)}"


def _encoded(text: str) -> str:
    """Percent-encoded, all of it; most ids need nothing."""
    return text if text.isascii() and text.isalnum() else quote(text, safe="")


def parse(key: str) -> Ref | None:
    """The reverse of `Ref.key`; None for a text that is nobody's key."""
    kind, slash, name = key.partition("/")
    if not slash or not kind:
        return None
    try:
        ref = Ref(unquote(kind, errors="strict"), unquote(name, errors="strict"))
    except UnicodeError:
        return None
    return ref if ref.key == key else None


def ordinal(identifier: str) -> int:
    """Where an id stands among those of its name.

    Counted ids ("1", "2", …) are their own ordinal: they grow with time and are not used again.
    For others (uuids, hashes) nothing is known about their age: the ordinal is a fixed number
    drawn from the id, above all counted ones, so that it never moves when a neighbour goes.
    """
    if (
        identifier.isascii()
        and identifier.isdigit()
        and str(number := int(identifier[:20])) == (identifier)
        and number < ORDINAL_LIMIT
    ):
        return number
    drawn = int.from_bytes(blake2b(identifier.encode(), digest_size=8).digest(), "big")
    return ORDINAL_LIMIT + drawn % ORDINAL_LIMIT


def fingerprint(*parts: str) -> str:
    """A short stable digest of some texts, in which no two lists of texts run together."""
    whole = "".join([f"{len(part)}:{part}" for part in parts])
    return blake2b(whole.encode(), digest_size=16).hexdigest()
