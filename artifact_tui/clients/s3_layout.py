"""The storage beside a registry: where it is, and which object belongs to which artifact.

A pattern such as `artifacts/{type}/{id}.zip` or `artifacts/{id}/…` is read both ways. Only names
that fit it whole, and can be read in one way only, are ever touched: a listing by prefix also
brings siblings (`logs` brings `logs.json`), and those belong to nobody. In a plan an object is
named `s3://BUCKET/KEY`, with `?versionId=ID` for one stored version of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

from artifact_tui.clients.artifact_keys import Ref, any_type_id, any_type_key, parse_key
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


PATTERN = "artifacts/{type}/{id}.zip"
"""Where the reference server puts the bytes of an artifact."""


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """The storage beside a registry; credentials come from boto3's own chain."""

    bucket: str
    pattern: str = PATTERN
    endpoint: str = ""
    region: str = ""
    grace_us: int = 24 * 3_600_000_000
    """Objects younger than this are no orphans."""


_VERSION_ID = "?versionId="


class ObjectRef(NamedTuple):
    """One object, or one stored version of it."""

    bucket: str
    name: str
    version: str = ""

    @property
    def key(self) -> str:
        """The one text for it."""
        version = f"{_VERSION_ID}{quote(self.version, safe='')}" if self.version else ""
        return f"s3://{quote(self.bucket, safe='')}/{quote(self.name, safe='/')}{version}"


def parse_object_key(key: str) -> ObjectRef | None:
    """The reverse of `ObjectRef.key`; None for a text that is no object's key."""
    if not key.startswith("s3://"):
        return None
    path, _, version = key.removeprefix("s3://").partition(_VERSION_ID)
    bucket, slash, name = path.partition("/")
    try:
        place = ObjectRef(*(unquote(part, errors="strict") for part in (bucket, name, version)))
    except UnicodeError:
        return None
    return place if slash and place.name and place.key == key else None


_PLACE = re.compile(r"\{([^{}]*)\}")
_KNOWN = frozenset({"type", "id", "name"})
_BELOW = re.compile(r"/(?:\{name\}|\*{1,2}|\.{3}|…)?\Z")
"""How a pattern ends that names a folder: everything below it belongs to the artifact."""
_DOTS = frozenset({".", ".."})


class ObjectOwner(NamedTuple):
    """Whose objects these are: an id with its type, or of whatever type when that is None."""

    type: str | None
    id: str

    @property
    def key(self) -> str:
        """The one text for it: `model/30`, or `*/30`."""
        return any_type_key(self.id) if self.type is None else Ref(self.type, self.id).key


class StoragePattern:
    """One pattern for object names."""

    def __init__(self, text: str) -> None:
        """Read a pattern.

        Raises:
            UsageError: it has no `{id}`, places that it may not have, one of them twice, or two
                without anything between them.
        """
        self.text = text
        below = _BELOW.search(text)
        body = text[: below.start()] if below else text
        names = _PLACE.findall(body)
        touching = re.search(r"\}\{", body)
        if "id" not in names or set(names) - _KNOWN or len(set(names)) < len(names) or touching:
            raise UsageError(
                f"The storage pattern “{text}” cannot be used.",
                hint="Use {id} once, and {type} at most once: artifacts/{type}/{id}.zip for one"
                " object each, artifacts/{id}/{name} for all that is below a folder.",
            )
        self.typed = "type" in names
        self.many = bool(below) or "name" in names
        """An artifact may have any number of objects."""
        self._example = body + "/x" if below else body
        self._start = (body + "/" if below else body).partition("{name}")[0]
        parts = _PLACE.split(body)
        literal, places = parts[::2], parts[1::2]
        self.prefix = literal[0]
        """What every name starts with."""
        greedy = lazy = re.escape(literal[0])
        for place, following in zip(places, literal[1:], strict=True):
            greedy += f"(?P<{place}>[^/]+)" + re.escape(following)
            lazy += f"(?P<{place}>[^/]+?)" + re.escape(following)
        rest = "/(?P<below>.*)" if below else ""
        self._regex = re.compile(greedy + rest, re.DOTALL)
        self._lazy = re.compile(lazy + rest, re.DOTALL)

    def owner(self, name: str) -> ObjectOwner | None:
        """Whose an object is; None when its name is not of this pattern, or could be several's."""
        fit, other = self._regex.fullmatch(name), self._lazy.fullmatch(name)
        if fit is None or other is None or fit.groups() != other.groups():
            return None
        found: Mapping[str, str] = fit.groupdict()
        segments = {*found.get("below", "").split("/"), *fit.groups()}
        return None if segments & _DOTS else ObjectOwner(found.get("type"), found["id"])

    def owner_of(self, version_key: str) -> ObjectOwner | None:
        """Whose the objects of a version are, or None when no name leads to it and back."""
        identifier = any_type_id(version_key)
        if identifier is not None:
            found = ObjectOwner(None, identifier)
        elif (ref := parse_key(version_key)) is not None:
            found = ObjectOwner(ref.type if self.typed else None, ref.id)
        else:
            return None
        if self.typed and found.type is None:
            return None
        return found if self.owner(_filled(self._example, found)) == found else None

    def start(self, owner: ObjectOwner) -> str:
        """What the name of each of its objects starts with; the whole name, unless `many`."""
        return _filled(self._start, owner)


def _filled(text: str, owner: ObjectOwner) -> str:
    values = {"type": owner.type or "", "id": owner.id, "name": "x"}
    return _PLACE.sub(lambda found: values[found[1]], text)
