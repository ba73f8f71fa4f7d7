"""One reading of W&B's words, wherever they come: and none of a name that only sounds so."""

from __future__ import annotations

import pytest

from artifact_tui.clients.wandb import wandb_model, wandb_replies
from artifact_tui.clients.wandb.wandb_replies import GraphError, GraphReply, meaning_of_errors
from artifact_tui.model import Result, VersionState

ALIASES = "cannot delete artifact QXJ0 because it has aliases: {}"


@pytest.mark.parametrize(
    "message",
    ["rate limit exceeded", "RateLimit: slow down", "Too Many Requests", "request was throttled"],
)
def test_busy_is_busy_for_whoever_reads_it(message: str) -> None:
    error = GraphError(message)
    assert wandb_replies.says_busy(error)
    assert GraphReply(b"null", (error,), 200).busy
    assert meaning_of_errors([error], 200).result is Result.FAILED


@pytest.mark.parametrize("alias", ["rate limit", "throttled", "too many requests"])
def test_an_alias_of_any_name_does_not_have_a_deletion_sent_for_ever(alias: str) -> None:
    error = GraphError(ALIASES.format(alias), ("deleteArtifact",), "CONFLICT")
    assert not GraphReply(b'{"deleteArtifact":null}', (error,), 200).busy


def test_a_number_is_no_status() -> None:
    assert (
        meaning_of_errors([GraphError("cannot change artifact 429")], 200).result is Result.REFUSED
    )


@pytest.mark.parametrize(
    "message",
    ["user is not logged in", "Invalid API key", "relogin required", "access token has expired"],
)
def test_a_stranger_is_one_for_whoever_reads_it(message: str) -> None:
    error = GraphError(message)
    assert GraphReply(b"null", (error,), 403).stranger
    assert meaning_of_errors([error], 200).result is Result.FAILED


@pytest.mark.parametrize(
    "message",
    [
        "dial tcp: lookup mysql.internal on 10.0.0.10:53: no such host",
        "lookup redis: no such host",
        "context deadline exceeded",
    ],
)
def test_trouble_of_the_server_leaves_a_deletion_unknown(message: str) -> None:
    assert (
        meaning_of_errors([GraphError(message, ("deleteArtifact",))], 200).result is Result.UNKNOWN
    )


@pytest.mark.parametrize(
    "message",
    [
        "artifact not found",
        "could not find artifact QXJ0aWZhY3Q6MQ==",
        "Artifact with id Artifact:12 was not found",
        "artifact collection QXJ0 doesn't exist",
    ],
)
def test_an_absence_is_one_for_whoever_reads_it(message: str) -> None:
    error = GraphError(message)
    assert wandb_replies.says_absent(error)
    assert meaning_of_errors([error], 200).result is Result.ABSENT
    assert (
        meaning_of_errors([GraphError("more"), error, GraphError("more")], 200).result
        is Result.ABSENT
    )


@pytest.mark.parametrize("message", ["bucket not found", "artifact manifest not found", "no such"])
def test_another_absence_is_none_of_the_version(message: str) -> None:
    assert not wandb_replies.says_absent(GraphError(message))
    assert meaning_of_errors([GraphError(message)], 200).result is Result.REFUSED


@pytest.mark.parametrize("message", ["query too complex", "request timed out", "limit exceeded"])
def test_a_question_that_may_be_too_heavy(message: str) -> None:
    assert wandb_replies.says_heavy(GraphError(message))
    assert not wandb_replies.says_heavy(GraphError("permission denied"))


def test_states() -> None:
    def state(text: str | None) -> VersionState:
        return wandb_model.state_of(wandb_model.Artifact("x", state=text))

    assert {state(one) for one in wandb_model.GONE_STATES} == {VersionState.TRASH}
    assert state("PENDING") is VersionState.PENDING
    for one in (None, "", "COMMITTED", "SOMETHING_NEW"):
        assert state(one) is VersionState.LIVE
