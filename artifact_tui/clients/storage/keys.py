"""How a stored object is named in a plan: `s3://BUCKET/KEY`, maybe with `?versionId=ID`."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote

_VERSION = "?versionId="


class Place(NamedTuple):
    """One object, or one stored version of it."""

    bucket: str
    name: str
    version: str = ""

    @property
    def key(self) -> str:
        """The one text for it."""
        version = f"{_VERSION}{quote(self.version, safe='')}" if self.version else ""
        return f"s3://{quote(self.bucket, safe='')}/{quote(self.name, safe='/')}{version}"


def parse(key: str) -> Place | None:
    """The reverse of `Place.key`; None for a text that is no object's key."""
    if not key.startswith("s3://"):
        return None
    path, _, version = key.removeprefix("s3://").partition(_VERSION)
    bucket, slash, name = path.partition("/")
    try:
        place = Place(*(unquote(part, errors="strict") for part in (bucket, name, version)))
    except UnicodeError:
        return None
    return place if slash and place.name and place.key == key else None
