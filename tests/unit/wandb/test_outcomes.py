"""What errors mean, by the words of every server that was ever quoted."""

from __future__ import annotations

import pytest

from artifact_tui.clients.wandb.wandb_model import LinkKey, SourceKey
from artifact_tui.clients.wandb.wandb_replies import (
    DeletedThing,
    DeletionPayload,
    GraphError,
    alias_words,
    meaning_of_errors,
    outcome_of_errors,
    outcome_of_payload,
)
from artifact_tui.model import Alias, Facts, Result, VersionState

R = Result
GID = "QXJ0aWZhY3Q6MQ=="


@pytest.mark.parametrize(
    ("words", "code", "status", "result"),
    [
        ("cannot delete system managed artifact", "", 400, R.REFUSED),
        ("cannot delete X as its dependent artifacts must be removed first", "", 200, R.REFUSED),
        ("cannot delete artifact X because it has aliases: best", "CONFLICT", 409, R.REFUSED),
        ('cannot delete artifact with protected alias "production"', "", 200, R.REFUSED),
        ("permission denied", "PERMISSION_ERROR", 403, R.REFUSED),
        ("permission denied", "", 200, R.REFUSED),
        ("could not find artifact X", "NOT_FOUND", 404, R.ABSENT),
        ("artifact not found", "", 200, R.ABSENT),
        ("artifact was already deleted", "", 200, R.ABSENT),
        ("user is not logged in", "", 401, R.FAILED),
        ("Invalid API key", "", 200, R.FAILED),
        ("relogin required", "", 403, R.FAILED),
        ("rate limit exceeded", "", 200, R.FAILED),
        ("anything", "", 429, R.FAILED),
        ("internal server error", "", 200, R.UNKNOWN),
        ("context deadline exceeded", "", 200, R.UNKNOWN),
        ("whatever", "", 500, R.UNKNOWN),
        ("whatever", "", 503, R.UNKNOWN),
        ("not implemented", "", 501, R.REFUSED),
        ("not implemented", "", 200, R.REFUSED),
        ('Cannot query field "deleteArtifact" on type "Mutation".', "", 400, R.REFUSED),
        ("words that nobody has seen", "", 200, R.REFUSED),
        ("words that nobody has seen", "", 422, R.REFUSED),
        ("", "", 404, R.FAILED),
    ],
)  # fmt: skip
def test_what_errors_mean(words: str, code: str, status: int, result: Result) -> None:
    errors = [GraphError(words, ("deleteArtifact",), code)] if words else []
    outcome = outcome_of_errors("k", errors, status)
    assert (outcome.key, outcome.result) == ("k", result)
    assert words in outcome.message


@pytest.mark.parametrize(
    "words",
    ["too many operations: 20", "query too complex", "Query complexity 900 exceeds 500",
     "multiple mutations in one document are not supported", "document too large"],
)  # fmt: skip
def test_complaints_about_the_document(words: str) -> None:
    assert meaning_of_errors([GraphError(words)], 400).document


@pytest.mark.parametrize("alias", ["not found", "permission", "internal", "too many requests"])
def test_an_alias_with_telling_words_does_not_make_it_gone(alias: str) -> None:
    words = f"cannot delete artifact X because it has aliases: {alias}"
    found = meaning_of_errors([GraphError(words, code="CONFLICT")], 409)
    assert found.result is not R.ABSENT
    assert found.result is not R.UNKNOWN


@pytest.mark.parametrize(
    ("payload", "result"),
    [
        (DeletionPayload(DeletedThing(GID, "DELETED")), R.DONE),
        (DeletionPayload(DeletedThing(GID, "PENDING_DELETION")), R.DONE),
        (DeletionPayload(DeletedThing(GID, None)), R.DONE),
        (DeletionPayload(DeletedThing(None, "DELETED")), R.DONE),
        (DeletionPayload(DeletedThing("other", "DELETED")), R.UNKNOWN),
        (DeletionPayload(DeletedThing(GID, "COMMITTED")), R.UNKNOWN),
        (DeletionPayload(), R.UNKNOWN),
        (None, R.UNKNOWN),
    ],
)
def test_only_what_was_asked_for_and_is_gone_is_done(
    payload: DeletionPayload | None, result: Result
) -> None:
    assert outcome_of_payload("k", SourceKey(GID), payload).result is result


@pytest.mark.parametrize(
    ("payload", "result"),
    [
        (DeletionPayload(success=True), R.UNLINKED),
        (DeletionPayload(success=False), R.REFUSED),
        (DeletionPayload(DeletedThing(GID, "DELETED")), R.UNKNOWN),
        (None, R.UNKNOWN),
    ],
)
def test_an_unlinking_is_never_called_a_deletion(
    payload: DeletionPayload | None, result: Result
) -> None:
    assert outcome_of_payload("k", LinkKey("UA==", GID), payload).result is result


def test_aliases_in_words() -> None:
    aliases = tuple(Alias(f"a{n}", scope="acme/x/y" if n == 1 else "") for n in range(7))
    facts = Facts("k", "", VersionState.LIVE, aliases)
    assert alias_words(facts) == "a0, a1 in acme/x/y, a2, a3, a4 and 2 more"
    assert alias_words(None) == ""
