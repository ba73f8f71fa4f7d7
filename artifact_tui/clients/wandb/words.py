"""What W&B says in words that are published nowhere: every pattern, once.

An error may quote names that others gave, such as aliases: words that decide alone are read with
care for that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artifact_tui.clients.wandb.replies import GraphError

_THING = r"(?i:artifact(?: ?(?:collection|sequence|portfolio))?|collection|sequence|portfolio)"
_NAME = r"(?: (?i:with )?(?i:id )?(?!(?-i:[a-z]{3,})\b)[^\s;]+)?"
"""Which one; a plain word after it is the name of something that belongs to it."""

ABSENT = (
    rf"(?:^|: )(?i:the |an? )?{_THING}{_NAME}:? (?i:was |is )?"
    r"(?i:not.?found|does ?n[o']t exist|does not exist)"
    rf"|(?i:could not find|cannot find|no such) (?i:the |an? )?{_THING}{_NAME}\.?(?=$|;)"
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

_absent = re.compile(ABSENT)
_busy = re.compile(BUSY, re.IGNORECASE)
_stranger = re.compile(STRANGER, re.IGNORECASE)
_heavy = re.compile(rf"{LARGE}|{SLOW}|too (many|large|deep|long|much)|cost|limit", re.IGNORECASE)


def says_absent(error: GraphError) -> bool:
    """Whether an error says that a version or a collection itself is not there."""
    return error.code == "NOT_FOUND" or _absent.search(error.message) is not None


def says_busy(error: GraphError) -> bool:
    """Whether an error says: too many requests, nothing done.

    What is refused because of aliases quotes them, and they may have any name.
    """
    if error.code.upper() in _BUSY_CODES:
        return True
    return "alias" not in error.message.lower() and _busy.search(error.message) is not None


def says_stranger(error: GraphError) -> bool:
    """Whether an error says that it does not know who we are."""
    return _stranger.search(error.message) is not None


def says_heavy(error: GraphError) -> bool:
    """Whether a question may be answered when it asks for less: to try costs little."""
    return _heavy.search(error.message) is not None
