"""Keys of artifacts that a registry tells apart by type and id.

A key is the type and the id in one text: `model/30` is the version key of artifact 30, `model/bert`
the collection key of all models named bert. Both parts are percent-encoded, so that the slash
between them is the only one, and a key is always written in exactly one way.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote


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


def parse_key(key: str) -> Ref | None:
    """The reverse of `Ref.key`; None for a text that is nobody's key."""
    kind, slash, name = key.partition("/")
    if not slash or not kind:
        return None
    try:
        ref = Ref(unquote(kind, errors="strict"), unquote(name, errors="strict"))
    except UnicodeError:
        return None
    return ref if ref.key == key else None


def any_type_key(identifier: str) -> str:
    """The key that asks for an id under whatever type; no version has it."""
    return f"*/{_encoded(identifier)}"


def any_type_id(key: str) -> str | None:
    """The id in such a key; None for any other text."""
    kind, _, name = key.partition("/")
    identifier = unquote(name, errors="replace")
    return identifier if kind == "*" and any_type_key(identifier) == key else None
