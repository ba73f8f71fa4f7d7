"""What the answer to a writing request means for its item. Pure: every row can be tested.

W&B answers errors with 200 and with other codes, in words that are published nowhere; a code in
`extensions` is rare. So the words are read, the most telling first. What stays doubtful is UNKNOWN
where the server itself failed, and REFUSED where it answered on purpose; a look at the version
decides in the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.wandb import states
from artifact_tui.clients.wandb.words import ABSENT, BUSY, LARGE, SLOW, STRANGER
from artifact_tui.model import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.clients.wandb.replies import GraphError
    from artifact_tui.model import Facts

ALIASES_SHOWN = 5
"""How many aliases a sentence names."""

_SERVER_FAILED = 500
_NOT_IMPLEMENTED = 501


class Artifact(msgspec.Struct, frozen=True):
    """What `deleteArtifact` says of the version."""

    id: str | None = None
    state: str | None = None


class Payload(msgspec.Struct, frozen=True):
    """The answer to one `deleteArtifact` or `unlinkArtifact`."""

    artifact: Artifact | None = None
    success: bool | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error means for what was asked."""

    result: Result
    why: str
    """In our words; the server's come after it."""
    credentials: bool = False
    """Our credentials are refused: nothing else will work either."""
    document: bool = False
    """The server would not have this document, whatever is in it."""
    aliases: bool = False
    """It has to do with aliases."""


_STRANGE = Meaning(Result.REFUSED, "this server cannot do it", document=True)
_BUSY = Meaning(Result.FAILED, "W&B is too busy")
_LOGIN = Meaning(Result.FAILED, "W&B refused our credentials", credentials=True)
_ABSENT = Meaning(Result.ABSENT, "W&B says that it does not exist")
_LARGE = Meaning(Result.REFUSED, "W&B calls the request too large", document=True)
_REFUSED = Meaning(Result.REFUSED, "W&B refused")
_FAILED = Meaning(Result.UNKNOWN, "W&B failed")

_ALIASES = Meaning(Result.REFUSED, "W&B refused", aliases=True)

_CODES = {
    "NOT_FOUND": _ABSENT,
    "PERMISSION_ERROR": _REFUSED,
    "FORBIDDEN": _REFUSED,
    "UNAUTHENTICATED": _LOGIN,
    "GRAPHQL_VALIDATION_FAILED": _STRANGE,
    "GRAPHQL_PARSE_FAILED": _STRANGE,
}

_ROWS: tuple[tuple[Meaning, tuple[str, ...]], ...] = (
    (
        _STRANGE,
        (
            r"cannot query field|unknown (argument|type|field|mutation)|undefined field",
            r"is not defined by type|syntax error|not implemented|unsupported mutation",
        ),
    ),
    (_LARGE, (LARGE,)),
    (_BUSY, (BUSY,)),
    (_LOGIN, (STRANGER,)),
    (_REFUSED, (r"system.managed|dependent artifacts|protected",)),
    (_ALIASES, (r"(cannot|can not|can't) .*alias",)),
    (
        _ABSENT,
        (
            ABSENT,
            r"unknown (id|artifact)|already (been )?deleted",
        ),
    ),
    (_ALIASES, (r"alias",)),
    (
        _REFUSED,
        (r"permission|forbidden|not (allowed|authorized|permitted)|unauthorized|read.?only",),
    ),
    (
        _FAILED,
        (
            SLOW,
            r"internal|unavailable|try (it )?again|temporar|panic|lock wait|connection|upstream",
            r"context cancel|overloaded|\beof\b|no such host|\bdial\b|\blookup\b",
        ),
    ),
)
"""The most telling words first."""

_READ = tuple((re.compile("|".join(words), re.IGNORECASE), found) for found, words in _ROWS)

_STATUSES = {
    401: _LOGIN,
    404: Meaning(Result.FAILED, "there is no W&B at this address"),
    413: _LARGE,
    429: _BUSY,
}


def meaning(errors: Sequence[GraphError], status: int) -> Meaning:
    """What these errors (about one item, or about everything) and the HTTP status mean."""
    for error in errors:
        if error.code in _CODES:
            return _CODES[error.code]
    text = "; ".join(f"{error.code}: {error.message}" for error in errors)
    for pattern, found in _READ:
        if pattern.search(text):
            return found
    if status in _STATUSES:
        return _STATUSES[status]
    if status >= _SERVER_FAILED and status != _NOT_IMPLEMENTED:
        return _FAILED
    return _REFUSED


def said(errors: Sequence[GraphError]) -> str:
    """The server's words, each once: untrusted text."""
    return "; ".join(dict.fromkeys(error.message for error in errors if error.message))


def of_errors(key: str, errors: Sequence[GraphError], status: int) -> Outcome:
    """The outcome of an item that was answered with errors."""
    found = meaning(errors, status)
    words = said(errors)
    if not words and status >= 400:  # noqa: PLR2004 - what failure is
        words = f"status {status}"
    return Outcome(key, found.result, f"{found.why}: {words}" if words else found.why)


def of_payload(key: str, asked: str, payload: Payload | None, *, link: bool) -> Outcome:
    """The outcome of an item that was answered without an error.

    Only the version that was asked for, in a state of no return, is a success.
    """
    if link:
        return _unlinked(key, None if payload is None else payload.success)
    artifact = None if payload is None else payload.artifact
    if artifact is None:
        return Outcome(key, Result.UNKNOWN, "W&B answered without saying what it deleted")
    if artifact.id not in {None, asked}:
        return Outcome(key, Result.UNKNOWN, "W&B answered about another version")
    if artifact.state is None or artifact.state in states.GONE:
        return Outcome(key, Result.DONE)
    return Outcome(key, Result.UNKNOWN, f"W&B answered, and still calls it {artifact.state}")


def _unlinked(key: str, success: bool | None) -> Outcome:  # noqa: FBT001 - as the server says it
    if success:
        return Outcome(key, Result.UNLINKED)
    if success is None:
        return Outcome(key, Result.UNKNOWN, "W&B answered without saying whether it unlinked it")
    return Outcome(key, Result.REFUSED, "W&B says that it did not unlink it")


def alias_words(facts: Facts | None) -> str:
    """The aliases of a version, in a few words: untrusted text."""
    aliases = facts.aliases if facts else ()
    words = [f"{a.name} in {a.scope}" if a.scope else a.name for a in aliases[:ALIASES_SHOWN]]
    more = len(aliases) - ALIASES_SHOWN
    return ", ".join(words) + (f" and {more} more" if more > 0 else "")
