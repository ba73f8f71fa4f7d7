"""What is asked of W&B and what comes back, whatever shape the answer has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.wandb.words import says_busy, says_stranger
from artifact_tui.clients.web.answers import TooLongError
from artifact_tui.clients.web.mending import mended

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST_MESSAGE = 2_000
"""Characters of one error that are kept."""

MOST_ERRORS = 1_000
_REFUSALS = frozenset({403, 409, 410, 422, 423, 451})
"""HTTP statuses that refuse one thing; others mean no W&B, or a document it will not have."""
_NULL = b"null"
_DEEPEST = 4
"""How far down an error is searched for its words."""


@dataclass(frozen=True, slots=True)
class Call:
    """One GraphQL document to send."""

    document: str
    variables: Mapping[str, object]
    """Those that are None are left out, as W&B's SDK does it."""
    writes: bool
    what: str
    """What it is for, as in "deleting versions": goes into sentences about failures."""
    throttles: int = 0
    """Be told after so many throttles in a row (it may cost too much at once); 0: never."""
    until: float = math.inf
    """The moment (`time.monotonic`) after which it is not to be sent any more."""


class StaleError(TooLongError):
    """It waited so long that what was found true before may not be so any more; nothing left."""


@dataclass(frozen=True, slots=True)
class GraphError:
    """One error of an answer, in the server's words: untrusted text, without our secrets."""

    message: str
    path: tuple[str | int, ...] = ()
    """Where in the answer; empty when it concerns everything."""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that GraphQL gave, with or without success."""

    data: bytes
    """The JSON of `data`; `null` when there is none."""
    errors: tuple[GraphError, ...]
    status: int
    """The HTTP status: errors come with 200 and with others."""
    left: float = -math.inf
    """When the request had left (`time.monotonic`), all waiting behind it."""

    @property
    def empty(self) -> bool:
        """Whether no field of `data` has a value: then nothing was carried out."""
        if self.data == _NULL:
            return True
        try:
            fields = msgspec.json.decode(self.data, type=dict[str, msgspec.Raw])
        except (msgspec.MsgspecError, RecursionError):
            return False
        return all(bytes(value) == _NULL for value in fields.values())

    @property
    def busy(self) -> bool:
        """Whether it says, within GraphQL: too many requests, nothing done."""
        return bool(self.errors) and self.empty and all(says_busy(one) for one in self.errors)

    @property
    def stranger(self) -> bool:
        """Whether it says that it does not know who we are."""
        return any(says_stranger(error) for error in self.errors)


class _Envelope(msgspec.Struct):
    """The top of an answer; its parts are decoded by whoever knows their types."""

    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    errors: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    message: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    detail: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_envelopes = msgspec.json.Decoder(_Envelope)


def parse(status: int, body: bytes, scrub: Callable[[str], str]) -> Reply | None:
    """The answer in a body; None when GraphQL did not make it.

    `{data, errors}`, `{"error": "text"}`, `{"error": {"message": …}}`, `{"errors": ["text"]}`; and
    of whoever refuses in front of it, `{"message": "text"}` and `{"detail": "text"}`.
    """
    try:
        found = _envelopes.decode(mended(body))
        errors = [*_listed(found.errors), *_single(found.error)]
        if not errors and status in _REFUSALS:
            errors = [*_single(found.message), *_single(found.detail)]
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    if found.data is msgspec.UNSET and not errors:
        return None
    data = _NULL if found.data is msgspec.UNSET else bytes(found.data)
    return Reply(data, tuple(_scrubbed(error, scrub) for error in errors), status)


def _scrubbed(error: GraphError, scrub: Callable[[str], str]) -> GraphError:
    path = tuple(scrub(part) if isinstance(part, str) else part for part in error.path)
    return GraphError(scrub(error.message)[:LONGEST_MESSAGE], path, scrub(error.code))


def _listed(raw: msgspec.Raw | msgspec.UnsetType) -> list[GraphError]:
    said: object = None if raw is msgspec.UNSET else msgspec.json.decode(raw)
    if said is None:
        return []
    many = said[:MOST_ERRORS] if isinstance(said, list) else [said]
    return [_error(one) for one in many]


def _single(raw: msgspec.Raw | msgspec.UnsetType) -> list[GraphError]:
    said: object = None if raw is msgspec.UNSET else msgspec.json.decode(raw)
    return [] if said is None else [_error(said)]


def _error(said: object) -> GraphError:
    if not isinstance(said, dict):
        return GraphError(_words(said))
    path = said.get("path")
    extensions = said.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else said.get("code")
    return GraphError(
        _words(said),
        tuple(part for part in path if isinstance(part, str | int))
        if isinstance(path, list)
        else (),
        code if isinstance(code, str) else "",
    )


def _words(said: object, depth: int = 0) -> str:
    """The words of an error, wherever it has them."""
    if isinstance(said, str):
        return said.strip()
    if isinstance(said, dict) and depth < _DEEPEST:
        for key in ("message", "error", "detail", "reason"):
            if key in said:
                return _words(said[key], depth + 1)
    return "an error without words"
