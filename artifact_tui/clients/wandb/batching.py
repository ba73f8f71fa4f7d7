"""Several deletions in one document, as far as the server bears it.

Nothing is published about W&B's limits on this, so the first documents find out: one deletion
alone, then two whose effect is looked at, then up to `MOST`. A server that will not have such a
document gets one deletion at a time from then on, for as long as the connection lasts.
"""

from __future__ import annotations

import functools

MOST = 20
"""Deletions in one document, at most."""

_PROBES = (1, 2)

_DELETE = ("DeleteArtifactInput", "deleteArtifact", "artifact{id state}")
_UNLINK = ("UnlinkArtifactInput", "unlinkArtifact", "success")


def name(position: int, count: int, *, link: bool) -> str:
    """The name under which one of `count` deletions is answered."""
    field = (_UNLINK if link else _DELETE)[1]
    return field if count == 1 else f"d{position}"


@functools.cache
def document(count: int, *, link: bool) -> str:
    """A document of so many deletions, or unlinkings; its variables are `i0`, `i1` and so on."""
    kind, field, selection = _UNLINK if link else _DELETE
    variables = ",".join(f"$i{n}:{kind}!" for n in range(count))
    parts = " ".join(
        f"{alias if (alias := name(n, count, link=link)) == field else f'{alias}:{field}'}"
        f"(input:$i{n}){{{selection}}}"
        for n in range(count)
    )
    return f"mutation({variables}){{{parts}}}"


class Batching:
    """How many deletions the next document holds, on one connection."""

    def __init__(self, *, on: bool) -> None:
        self._probe = 0 if on else len(_PROBES)
        self._size = MOST if on else 1

    @property
    def probing(self) -> bool:
        """Whether the next document is one of the first, which go alone."""
        return self._probe < len(_PROBES) and self._size > 1

    @property
    def size(self) -> int:
        """How many deletions the next document may hold."""
        return _PROBES[self._probe] if self.probing else self._size

    def proved(self, count: int) -> None:
        """A probe with so many deletions did what it said."""
        if self.probing and count == self.size:
            self._probe += 1

    def refuse(self) -> None:
        """The server will not have it: one at a time for good."""
        self._size = 1

    def lost(self, count: int) -> None:
        """A document of so many was lost, or the server fell over it: smaller ones from now on."""
        if count > 1:
            self._size = 1 if self.probing else max(1, min(self._size, count // 2))
