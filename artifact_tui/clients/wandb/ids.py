"""How versions and collections of W&B are named in a catalog or plan: by global ids, and by kind.

`artifact:ID` is a source version, `link:PORTFOLIO:ID` a version shown in another collection,
`sequence:ID` a collection of versions, `portfolio:ID` one of links. The kind decides what a
deletion of it becomes: see `deleting`. Ids are percent-encoded, so that a key is always written
in exactly one way.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote

_SAFE = "=+/"
"""What base64 has beside letters and digits."""


class SourceKey(NamedTuple):
    """A version where it was made: it can be deleted."""

    artifact: str

    @property
    def key(self) -> str:
        """The one text for it."""
        return f"artifact:{_encoded(self.artifact)}"


class LinkKey(NamedTuple):
    """A version shown in a collection of links: it can be unlinked, and nothing else."""

    portfolio: str
    artifact: str

    @property
    def key(self) -> str:
        """The one text for it."""
        return f"link:{_encoded(self.portfolio)}:{_encoded(self.artifact)}"

    @property
    def source(self) -> str:
        """The key of the version that it shows."""
        return SourceKey(self.artifact).key


class SequenceKey(NamedTuple):
    """A collection of versions."""

    collection: str

    @property
    def key(self) -> str:
        """The one text for it."""
        return f"sequence:{_encoded(self.collection)}"


class PortfolioKey(NamedTuple):
    """A collection of links."""

    collection: str

    @property
    def key(self) -> str:
        """The one text for it."""
        return f"portfolio:{_encoded(self.collection)}"


VersionKey = SourceKey | LinkKey
CollectionKey = SequenceKey | PortfolioKey
Key = VersionKey | CollectionKey


def parse(key: str) -> Key | None:
    """What a text is the key of; None for one that is nobody's key."""
    kind, *parts = key.split(":")
    try:
        ids = [unquote(part, errors="strict") for part in parts]
    except UnicodeError:
        return None
    found: Key | None = None
    match kind, ids:
        case "artifact", [artifact] if artifact:
            found = SourceKey(artifact)
        case "link", [portfolio, artifact] if portfolio and artifact:
            found = LinkKey(portfolio, artifact)
        case "sequence", [collection] if collection:
            found = SequenceKey(collection)
        case "portfolio", [collection] if collection:
            found = PortfolioKey(collection)
    return found if found is not None and found.key == key else None


def _encoded(identifier: str) -> str:
    """Percent-encoded where it is not plain base64; most ids need nothing."""
    if identifier.isascii() and identifier.isalnum():
        return identifier
    return quote(identifier, safe=_SAFE, errors="surrogatepass")
