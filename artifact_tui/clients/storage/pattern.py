"""Which objects belong to which artifact: `artifacts/{type}/{id}.zip` or `artifacts/{id}/…`.

A pattern is read both ways. Only names that fit it whole, and can be read in one way only, are
ever touched: a listing by prefix also brings siblings (`logs` brings `logs.json`), and those
belong to nobody.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from artifact_tui.clients.http import keys
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACE = re.compile(r"\{([^{}]*)\}")
_KNOWN = frozenset({"type", "id", "name"})
_BELOW = re.compile(r"/(?:\{name\}|\*{1,2}|\.{3}|…)?\Z")
"""How a pattern ends that names a folder: everything below it belongs to the artifact."""
_DOTS = frozenset({".", ".."})


class Owner(NamedTuple):
    """Whose objects these are: an id with its type, or of whatever type when that is None."""

    type: str | None
    id: str

    @property
    def key(self) -> str:
        """The one text for it: `model/30`, or `*/30`."""
        return keys.any_type(self.id) if self.type is None else keys.Ref(self.type, self.id).key


class Pattern:
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

    def owner(self, name: str) -> Owner | None:
        """Whose an object is; None when its name is not of this pattern, or could be several's."""
        fit, other = self._regex.fullmatch(name), self._lazy.fullmatch(name)
        if fit is None or other is None or fit.groups() != other.groups():
            return None
        found: Mapping[str, str] = fit.groupdict()
        segments = {*found.get("below", "").split("/"), *fit.groups()}
        return None if segments & _DOTS else Owner(found.get("type"), found["id"])

    def owner_of(self, version_key: str) -> Owner | None:
        """Whose the objects of a version are, or None when no name leads to it and back."""
        identifier = keys.any_id(version_key)
        if identifier is not None:
            found = Owner(None, identifier)
        elif (ref := keys.parse(version_key)) is not None:
            found = Owner(ref.type if self.typed else None, ref.id)
        else:
            return None
        if self.typed and found.type is None:
            return None
        return found if self.owner(_filled(self._example, found)) == found else None

    def start(self, owner: Owner) -> str:
        """What the name of each of its objects starts with; the whole name, unless `many`."""
        return _filled(self._start, owner)


def _filled(text: str, owner: Owner) -> str:
    values = {"type": owner.type or "", "id": owner.id, "name": "x"}
    return _PLACE.sub(lambda found: values[found[1]], text)
