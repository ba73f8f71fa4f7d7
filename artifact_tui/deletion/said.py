"""What a registry said, or why it said nothing, fit to be kept: short and without secrets."""

from __future__ import annotations

import os

from artifact_tui.clients.base import Scrubbing
from artifact_tui.errors import ArtifactTuiError

ERROR_LIMIT = 500
"""How much of a registry's words is kept with an item."""


class UnreachableError(Exception):
    """A whole call came to nothing: nobody knows what it did."""


def redacted(words: str, client: object | None = None) -> str:
    """A registry's words, cut to size and without the secrets that we, or its client, know of."""
    token = os.environ.get("ARTIFACT_TUI_TOKEN", "")
    words = words.replace(token, "***") if token else words
    words = client.scrub(words) if isinstance(client, Scrubbing) else words
    return words[:ERROR_LIMIT]


def first(error: BaseException) -> BaseException:
    """The first error of a group, which tells what happened."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def error_words(error: BaseException, client: object | None = None) -> str:
    """What an error says; our own are sentences, others need their kind."""
    error = first(error)
    if isinstance(error, ArtifactTuiError):
        return redacted(str(error), client)
    return redacted(f"{type(error).__name__}: {error}", client)
