"""Carrying out deletions, one try each, and what the answers mean.

MLflow deletes a version whatever carries or needs it, and drops its aliases in silence: without
consent they are asked for right before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from artifact_tui.clients.mlflow.mlflow_entries import (
    AliasTable,
    VersionEntry,
    parse_model,
    parse_version,
)
from artifact_tui.clients.transport import LostError, StaleError
from artifact_tui.errors import RegistryError
from artifact_tui.model import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.clients.mlflow.mlflow_entries import VersionRef
    from artifact_tui.clients.mlflow.mlflow_facts import MlflowFacts
    from artifact_tui.clients.mlflow.mlflow_requests import MlflowRequests
    from artifact_tui.clients.transport import HttpAnswer
    from artifact_tui.model import Alias, CollectionDeletion, Deletion

TROUBLE = 3
"""So many requests in a row without a usable answer end a batch."""


class MlflowDeletions:
    """Sends the deletions of one `delete` call, several at once."""

    def __init__(
        self, requests: MlflowRequests, facts: MlflowFacts, deletions: Sequence[Deletion]
    ) -> None:
        self._requests = requests
        self._facts = facts
        self._deletions = deletions
        self._waiting = deque({one.key: one for one in deletions}.values())
        self._outcomes: dict[str, Outcome] = {}
        self._aliases = AliasTable(())
        self._stopped = ""
        """Why nothing more is sent."""
        self._unsent = Result.FAILED
        """What becomes of the rest then."""
        self._troubles = 0

    async def outcomes(self) -> list[Outcome]:
        """One outcome for each deletion, in the same order; what comes again was sent once."""
        asking = [one for one in self._deletions if not one.delete_aliases]
        names = {ref.name for one in asking if (ref := parse_version(one.key)) is not None}
        try:
            self._aliases = AliasTable((await self._facts.models(names)).values())
        except RegistryError as error:
            words = f"not sent: {error}"
            return [Outcome(one.key, Result.FAILED, words) for one in self._deletions]
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._requests.transport.pacing.limit, len(self._waiting))):
                group.create_task(self._work())
        found: list[Outcome] = []
        sent: set[str] = set()
        for one in self._deletions:
            outcome = self._outcomes.get(one.key)
            if outcome is None:
                outcome = Outcome(one.key, self._unsent, f"not sent: {self._stopped}")
            elif one.key in sent and outcome.result is Result.DONE:
                outcome = Outcome(one.key, Result.ABSENT, "it was deleted a moment ago")
            sent.add(one.key)
            found.append(outcome)
        return found

    async def _work(self) -> None:
        """Delete one version after another, until none is left or going on is pointless."""
        while self._waiting and not self._stopped:
            one = self._waiting.popleft()
            ref = parse_version(one.key)
            if ref is None:
                outcome = Outcome(one.key, Result.ABSENT, "no version has such a key")
            else:
                outcome = await self._delete(one, ref)
            self._outcomes[one.key] = outcome

    async def _delete(self, one: Deletion, ref: VersionRef) -> Outcome:
        held = () if one.delete_aliases else self._aliases.of(VersionEntry(ref.name, ref.version))
        if held:
            return Outcome(one.key, Result.REFUSED, f"it carries an alias: {_listed(held)}")
        body = {"name": ref.name, "version": ref.version}
        try:
            answer = await self._requests.write(
                "DELETE", "model-versions/delete", body, until=one.until
            )
        except RegistryError as error:
            return self._unanswered(one.key, error)
        outcome = deletion_outcome(self._requests, one.key, answer)
        if answer.status in {401, 403}:
            self._stopped = self._stopped or outcome.message
        elif outcome.result in {Result.FAILED, Result.UNKNOWN}:
            self._trouble(outcome.message)
        else:
            self._troubles = 0
        return outcome

    def _unanswered(self, key: str, error: RegistryError) -> Outcome:
        outcome = unanswered(key, error)
        if outcome.result is Result.WAITED:
            self._stopped, self._unsent = str(error), Result.WAITED
        else:
            self._trouble(str(error))
        return outcome

    def _trouble(self, why: str) -> None:
        """Count a failure that may concern everything; enough of them in a row end the call."""
        self._troubles += 1
        if self._troubles >= TROUBLE:
            self._stopped = self._stopped or why


def unanswered(key: str, error: RegistryError) -> Outcome:
    """What became of a request that has no answer."""
    if isinstance(error, StaleError):
        return Outcome(key, Result.WAITED, str(error))
    result = Result.UNKNOWN if isinstance(error, LostError) else Result.FAILED
    return Outcome(key, result, str(error))


def deletion_outcome(requests: MlflowRequests, key: str, answer: HttpAnswer) -> Outcome:
    """What the answer to a deletion means."""
    if answer.good:
        return Outcome(key, Result.DONE)
    words, status = requests.words(answer), answer.status
    if status == 404 and not answer.html:  # noqa: PLR2004 - the statuses are the point here
        return Outcome(key, Result.ABSENT, words)
    if status in {401, 403}:
        return Outcome(key, Result.FAILED, f"MLflow refused our credentials: {words}")
    if status < 400:  # noqa: PLR2004
        return Outcome(key, Result.UNKNOWN, "MLflow sends us on to another place; not followed")
    if status in {409, 429, 503} or answer.later:
        return Outcome(key, Result.FAILED, words)
    return Outcome(key, Result.REFUSED if status < 500 else Result.UNKNOWN, words)  # noqa: PLR2004


def _listed(aliases: Sequence[Alias]) -> str:
    return ", ".join(one.name for one in aliases)


async def delete_model(
    requests: MlflowRequests, facts: MlflowFacts, deletion: CollectionDeletion
) -> Outcome:
    """Delete a registered model with all of its versions."""
    name = parse_model(deletion.key)
    if name is None:
        return Outcome(deletion.key, Result.ABSENT, "no registered model has such a key")
    try:
        if not deletion.delete_aliases:
            model = (await facts.models({name})).get(name)
            held = sorted(one.alias for one in model.aliases) if model is not None else []
            if held:
                words = f"versions in it carry aliases: {', '.join(held)}"
                return Outcome(deletion.key, Result.REFUSED, words)
        answer = await requests.write(
            "DELETE", "registered-models/delete", {"name": name}, until=deletion.until
        )
    except RegistryError as error:
        return unanswered(deletion.key, error)
    return deletion_outcome(requests, deletion.key, answer)
