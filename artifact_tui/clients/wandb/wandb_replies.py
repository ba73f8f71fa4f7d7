"""What is asked of W&B, what comes back in whatever shape, and what it means.

W&B answers errors with 200 and with other codes, in words that are published nowhere; a code in
`extensions` is rare. So the words are read, the most telling first, and every pattern stands here.
An error may quote names that others gave, such as aliases: words that decide alone are read with
care for that.

For the item of a writing request an answer becomes an outcome. What stays doubtful is UNKNOWN
where the server itself failed, and REFUSED where it answered on purpose; a look at the version
decides in the end.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.servers import mended
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_model import LinkKey, PortfolioKey
from artifact_tui.model import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from artifact_tui.clients.wandb.wandb_model import Key
    from artifact_tui.model import Facts


_THING = r"(?i:artifact(?: ?(?:collection|sequence|portfolio))?|collection|sequence|portfolio)"
_THING_NAME = r"(?: (?i:with )?(?i:id )?(?!(?-i:[a-z]{3,})\b)[^\s;]+)?"
"""Which one; a plain word after it is the name of something that belongs to it."""

ABSENT = (
    rf"(?:^|: )(?i:the |an? )?{_THING}{_THING_NAME}:? (?i:was |is )?"
    r"(?i:not.?found|does ?n[o']t exist|does not exist)"
    rf"|(?i:could not find|cannot find|no such) (?i:the |an? )?{_THING}{_THING_NAME}\.?(?=$|;)"
    r"|(?i:invalid (?:global |artifact |collection )?id\b|illegal base64)"
)
"""A version or a collection itself is not there; errors stand one after the other, with `;`."""

BUSY = r"rate.?limit|too many requests|throttl|slow down"
"""Not now: nothing was done."""

STRANGER = (
    r"not logged in|log ?in again|relogin|invalid api.?key|invalid credential"
    r"|(?:api.?key|token|credential)s? (?:\w+ ){0,3}(?:invalid|expired|revoked)"
)
"""It does not know who we are."""

LARGE = (
    r"complex|too (many|large|deep|long).*(field|selection|mutation|operation|alias)"
    r"|too many.*(document|quer)|(document|query|body|entity).* too (large|deep|long)"
    r"|query (cost|limit)"
    r"|(batch\w*|multiple|more than \w+) (mutation|operation|selection|root|field)"
    r"|max\w* (depth|cost|operations|selections)"
)
"""A document asks for too much."""

SLOW = r"time.?out|timed out|deadline"
"""It took too long."""

_BUSY_CODES = frozenset({"RATE_LIMITED", "RATE_LIMIT", "RATE_LIMIT_EXCEEDED", "TOO_MANY_REQUESTS"})

_ABSENT_PATTERN = re.compile(ABSENT)
_BUSY_PATTERN = re.compile(BUSY, re.IGNORECASE)
_STRANGER_PATTERN = re.compile(STRANGER, re.IGNORECASE)
_HEAVY_PATTERN = re.compile(
    rf"{LARGE}|{SLOW}|too (many|large|deep|long|much)|cost|limit", re.IGNORECASE
)


def says_absent(error: GraphError) -> bool:
    """Whether an error says that a version or a collection itself is not there."""
    return error.code == "NOT_FOUND" or _ABSENT_PATTERN.search(error.message) is not None


def says_busy(error: GraphError) -> bool:
    """Whether an error says: too many requests, nothing done.

    What is refused because of aliases quotes them, and they may have any name.
    """
    if error.code.upper() in _BUSY_CODES:
        return True
    return "alias" not in error.message.lower() and _BUSY_PATTERN.search(error.message) is not None


def says_stranger(error: GraphError) -> bool:
    """Whether an error says that it does not know who we are."""
    return _STRANGER_PATTERN.search(error.message) is not None


def says_heavy(error: GraphError) -> bool:
    """Whether a question may be answered when it asks for less: to try costs little."""
    return _HEAVY_PATTERN.search(error.message) is not None


LONGEST_MESSAGE = 2_000
"""Characters of one error that are kept."""

MOST_ERRORS = 1_000
_REFUSING_STATUSES = frozenset({403, 409, 410, 422, 423, 451})
"""HTTP statuses that refuse one thing; others mean no W&B, or a document it will not have."""
_NULL = b"null"
_DEEPEST = 4
"""How far down an error is searched for its words."""


@dataclass(frozen=True, slots=True)
class GraphCall:
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


@dataclass(frozen=True, slots=True)
class GraphError:
    """One error of an answer, in the server's words: untrusted text, without our secrets."""

    message: str
    path: tuple[str | int, ...] = ()
    """Where in the answer; empty when it concerns everything."""
    code: str = ""


@dataclass(frozen=True, slots=True)
class GraphReply:
    """An answer that GraphQL gave, with or without success."""

    data: bytes
    """The JSON of `data`; `null` when there is none."""
    errors: tuple[GraphError, ...]
    status: int
    """The HTTP status: errors come with 200 and with others."""

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


def parse_reply(status: int, body: bytes, scrub: Callable[[str], str]) -> GraphReply | None:
    """The answer in a body; None when GraphQL did not make it.

    `{data, errors}`, `{"error": "text"}`, `{"error": {"message": …}}`, `{"errors": ["text"]}`; and
    of whoever refuses in front of it, `{"message": "text"}` and `{"detail": "text"}`.
    """
    try:
        found = _envelopes.decode(mended(body))
        errors = _errors_in(found.errors, found.error)
        if not errors and status in _REFUSING_STATUSES:
            errors = _errors_in(found.message, found.detail)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    if found.data is msgspec.UNSET and not errors:
        return None
    data = _NULL if found.data is msgspec.UNSET else bytes(found.data)
    scrubbed = [
        GraphError(
            scrub(error.message)[:LONGEST_MESSAGE],
            tuple(scrub(part) if isinstance(part, str) else part for part in error.path),
            scrub(error.code),
        )
        for error in errors
    ]
    return GraphReply(data, tuple(scrubbed), status)


def _errors_in(*parts: msgspec.Raw | msgspec.UnsetType) -> list[GraphError]:
    """The errors in parts of an answer: each a list of them, or one."""
    found: list[GraphError] = []
    for raw in parts:
        said: object = None if raw is msgspec.UNSET else msgspec.json.decode(raw)
        if said is not None:
            many = said[:MOST_ERRORS] if isinstance(said, list) else [said]
            found += [_error(one) for one in many]
    return found


def _error(said: object) -> GraphError:
    words = _words_in(said)
    if not isinstance(said, dict):
        return GraphError(words)
    path, extensions = said.get("path"), said.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else said.get("code")
    steps = path if isinstance(path, list) else ()
    return GraphError(
        words,
        tuple(step for step in steps if isinstance(step, str | int)),
        code if isinstance(code, str) else "",
    )


def _words_in(said: object, depth: int = 0) -> str:
    """The words of an error, wherever it has them."""
    if isinstance(said, str):
        return said.strip()
    if isinstance(said, dict) and depth < _DEEPEST:
        for key in ("message", "error", "detail", "reason"):
            if key in said:
                return _words_in(said[key], depth + 1)
    return "an error without words"


ALIASES_SHOWN = 5
"""How many aliases a sentence names."""

_SERVER_FAILED = 500
_NOT_IMPLEMENTED = 501


class DeletedThing(msgspec.Struct, frozen=True):
    """What the answer to a deletion says of the version or the collection."""

    id: str | None = None
    state: str | None = None


class DeletionPayload(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to one deletion, or with `success` to one unlinking."""

    artifact: DeletedThing | None = None
    artifact_collection: DeletedThing | None = None
    success: bool | None = None


_payloads = msgspec.json.Decoder(dict[str, DeletionPayload | None] | None)


def deletion_payloads(reply: GraphReply) -> dict[str, DeletionPayload | None]:
    """The answers to the deletions of a document, by name; none where they make no sense."""
    try:
        return _payloads.decode(reply.data) or {}
    except msgspec.MsgspecError:
        return {}


@dataclass(frozen=True, slots=True)
class ErrorMeaning:
    """What an error means for what was asked."""

    result: Result
    why: str
    """In our words; the server's come after it."""
    document: bool = False
    """The server would not have this document, whatever is in it."""


_MEANS_UNABLE = ErrorMeaning(Result.REFUSED, "this server cannot do it", document=True)
_MEANS_BUSY = ErrorMeaning(Result.FAILED, "W&B is too busy")
_MEANS_STRANGER = ErrorMeaning(Result.FAILED, "W&B refused our credentials")
_MEANS_ABSENT = ErrorMeaning(Result.ABSENT, "W&B says that it does not exist")
_MEANS_LARGE = ErrorMeaning(Result.REFUSED, "W&B calls the request too large", document=True)
_MEANS_REFUSED = ErrorMeaning(Result.REFUSED, "W&B refused")
_MEANS_FAILED = ErrorMeaning(Result.UNKNOWN, "W&B failed")

_MEANING_OF_CODE = {
    "NOT_FOUND": _MEANS_ABSENT,
    "PERMISSION_ERROR": _MEANS_REFUSED,
    "FORBIDDEN": _MEANS_REFUSED,
    "UNAUTHENTICATED": _MEANS_STRANGER,
    "GRAPHQL_VALIDATION_FAILED": _MEANS_UNABLE,
    "GRAPHQL_PARSE_FAILED": _MEANS_UNABLE,
}

_MEANING_OF_WORDS: tuple[tuple[ErrorMeaning, tuple[str, ...]], ...] = (
    (
        _MEANS_UNABLE,
        (
            r"cannot query field|unknown (argument|type|field|mutation)|undefined field",
            r"is not defined by type|syntax error|not implemented|unsupported mutation",
        ),
    ),
    (_MEANS_LARGE, (LARGE,)),
    (_MEANS_BUSY, (BUSY,)),
    (_MEANS_STRANGER, (STRANGER,)),
    (
        _MEANS_REFUSED,
        (r"system.managed|dependent artifacts|protected", r"(cannot|can not|can't) .*alias"),
    ),
    (
        _MEANS_ABSENT,
        (
            ABSENT,
            r"unknown (id|artifact)|already (been )?deleted",
        ),
    ),
    (
        _MEANS_REFUSED,
        (
            r"alias",
            r"permission|forbidden|not (allowed|authorized|permitted)|unauthorized|read.?only",
        ),
    ),
    (
        _MEANS_FAILED,
        (
            SLOW,
            r"internal|unavailable|try (it )?again|temporar|panic|lock wait|connection|upstream",
            r"context cancel|overloaded|\beof\b|no such host|\bdial\b|\blookup\b",
        ),
    ),
)
"""The most telling words first."""

_MEANING_OF_PATTERN = tuple(
    (re.compile("|".join(words), re.IGNORECASE), found) for found, words in _MEANING_OF_WORDS
)

_MEANING_OF_STATUS = {
    401: _MEANS_STRANGER,
    404: ErrorMeaning(Result.FAILED, "there is no W&B at this address"),
    413: _MEANS_LARGE,
    429: _MEANS_BUSY,
}


def meaning_of_errors(errors: Sequence[GraphError], status: int) -> ErrorMeaning:
    """What these errors (about one item, or about everything) and the HTTP status mean."""
    for error in errors:
        if error.code in _MEANING_OF_CODE:
            return _MEANING_OF_CODE[error.code]
    text = "; ".join(f"{error.code}: {error.message}" for error in errors)
    for pattern, found in _MEANING_OF_PATTERN:
        if pattern.search(text):
            return found
    if status in _MEANING_OF_STATUS:
        return _MEANING_OF_STATUS[status]
    if status >= _SERVER_FAILED and status != _NOT_IMPLEMENTED:
        return _MEANS_FAILED
    return _MEANS_REFUSED


def error_words(errors: Sequence[GraphError]) -> str:
    """The server's words, each once: untrusted text."""
    return "; ".join(dict.fromkeys(error.message for error in errors if error.message))


def outcome_of_errors(key: str, errors: Sequence[GraphError], status: int) -> Outcome:
    """The outcome of an item that was answered with errors."""
    found = meaning_of_errors(errors, status)
    words = error_words(errors)
    if not words and status >= 400:  # noqa: PLR2004 - what failure is
        words = f"status {status}"
    return Outcome(key, found.result, f"{found.why}: {words}" if words else found.why)


def outcome_of_payload(key: str, ref: Key, payload: DeletionPayload | None) -> Outcome:
    """The outcome of an item that was answered without an error.

    Only what was asked for, in a state of no return, is a success.
    """
    payload = payload or DeletionPayload()
    if isinstance(ref, LinkKey):
        if payload.success is None:
            words = "W&B answered without saying whether it unlinked it"
            return Outcome(key, Result.UNKNOWN, words)
        if payload.success:
            return Outcome(key, Result.UNLINKED)
        return Outcome(key, Result.REFUSED, "W&B says that it did not unlink it")
    thing = payload.artifact or payload.artifact_collection
    if thing is None:
        words = "W&B answered without saying what it deleted"
    elif thing.id not in {None, ref[-1]}:
        words = "W&B answered about another one"
    elif thing.state is not None and thing.state not in wandb_model.GONE_STATES:
        words = f"W&B answered, and still calls it {thing.state}"
    else:
        return Outcome(key, Result.UNLINKED if isinstance(ref, PortfolioKey) else Result.DONE)
    return Outcome(key, Result.UNKNOWN, words)


def alias_words(facts: Facts | None) -> str:
    """The aliases of a version, in a few words: untrusted text."""
    aliases = facts.aliases if facts else ()
    words = [f"{a.name} in {a.scope}" if a.scope else a.name for a in aliases[:ALIASES_SHOWN]]
    more = len(aliases) - ALIASES_SHOWN
    return ", ".join(words) + (f" and {more} more" if more > 0 else "")
