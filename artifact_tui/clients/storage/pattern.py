"""Which object belongs to which artifact: `artifacts/{type}/{id}.zip`, read both ways.

Only names that fit the whole pattern, and lead back to the same artifact, are ever touched: a
listing by prefix also brings siblings (`logs` brings `logs.json`), and those belong to nobody.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from artifact_tui.clients.http.keys import Ref
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACE = re.compile(r"\{([^{}]*)\}")
_KNOWN = frozenset({"type", "id"})
UNTYPED = "model"
"""The type of what a pattern without `{type}` names."""


class Pattern:
    """One pattern for object names."""

    def __init__(self, text: str) -> None:
        """Read a pattern.

        Raises:
            UsageError: it has no `{id}`, other places than `{type}` and `{id}`, one of them twice,
                or two without anything between them.
        """
        names = _PLACE.findall(text)
        touching = re.search(r"\}\{", text)
        if "id" not in names or set(names) - _KNOWN or len(set(names)) < len(names) or touching:
            raise UsageError(
                f"The storage pattern “{text}” cannot be used.",
                hint="Use {id} once, and {type} at most once, such as artifacts/{type}/{id}.zip.",
            )
        self.text = text
        parts = _PLACE.split(text)
        literal, places = parts[::2], parts[1::2]
        self.prefix = literal[0]
        """What every name starts with."""
        found = re.escape(literal[0])
        for place, following in zip(places, literal[1:], strict=True):
            found += f"(?P<{place}>[^/]+)" + re.escape(following)
        self._regex = re.compile(found, re.DOTALL)

    def name(self, ref: Ref) -> str | None:
        """The object of an artifact, or None when no name leads there and back again."""
        built = self.text.replace("{type}", "\0").replace("{id}", ref.id).replace("\0", ref.type)
        if "\0" in ref.id or {ref.id, ref.type} & {"", ".", ".."}:
            return None
        typed = ref if "{type}" in self.text else Ref(UNTYPED, ref.id)
        return built if self.ref(built) == typed == ref else None

    def ref(self, name: str) -> Ref | None:
        """The artifact of an object, or None when the name is not of this pattern."""
        fit = self._regex.fullmatch(name)
        if fit is None:
            return None
        found: Mapping[str, str] = fit.groupdict()
        ref = Ref(found.get("type", UNTYPED), found["id"])
        return None if {ref.type, ref.id} & {".", ".."} else ref
