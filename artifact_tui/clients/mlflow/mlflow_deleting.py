"""Carrying out deletions, one try each, and what the answers mean.

MLflow deletes whatever it is told to: it asks neither for aliases, which it drops in silence, nor
for what needs a thing, and answers "done" for a run that is deleted already. So aliases are asked
for right before, where they may not go, and so is whether a run or a logged model is still there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from artifact_tui.clients.mlflow.mlflow_entries import (
    AliasTable,
    VersionEntry,
    parse_logged,
    parse_model,
    parse_run,
    parse_version,
)
from artifact_tui.clients.transport import LostError, StaleError
from artifact_tui.errors import RegistryError
from artifact_tui.model import Outcome, Result, VersionState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.clients.mlflow.mlflow_facts import MlflowFacts
    from artifact_tui.clients.mlflow.mlflow_requests import MlflowRequests
    from artifact_tui.clients.transport import HttpAnswer
    from artifact_tui.model import Alias, CollectionDeletion, Deletion

TROUBLE = 3
"""So many requests in a row without a usable answer end a batch."""


class MlflowChanges:
    """Sends one request for each of some things, several at once, each thing once."""

    def __init__(self, requests: MlflowRequests, keys: Sequence[str]) -> None:
        self._requests = requests
        self._keys = keys
        self._waiting = deque(dict.fromkeys(keys))
        self._outcomes: dict[str, Outcome] = {}
        self._stopped = ""
        """Why nothing more is sent."""
        self._unsent = Result.FAILED
        """What becomes of the rest then."""
        self._troubles = 0

    async def outcomes(self) -> list[Outcome]:
        """One outcome for each, in the same order; what comes again was sent once."""
        try:
            await self.look()
        except RegistryError as error:
            return [Outcome(key, Result.FAILED, f"not sent: {error}") for key in self._keys]
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._requests.transport.pacing.limit, len(self._waiting))):
                group.create_task(self._work())
        found: list[Outcome] = []
        sent: set[str] = set()
        for key in self._keys:
            outcome = self._outcomes.get(key)
            if outcome is None:
                outcome = Outcome(key, self._unsent, f"not sent: {self._stopped}")
            elif key in sent and outcome.result is Result.DONE:
                outcome = Outcome(key, Result.ABSENT, "it was done a moment ago")
            sent.add(key)
            found.append(outcome)
        return found

    async def look(self) -> None:
        """Find out what must be known before anything is sent."""

    def refusal(self, key: str) -> Outcome | None:
        """Why nothing is to be sent for one; None: it is."""
        raise NotImplementedError

    async def send(self, key: str) -> HttpAnswer:
        """Send the request for one."""
        raise NotImplementedError

    async def _work(self) -> None:
        """Do one after another, until none is left or going on is pointless."""
        while self._waiting and not self._stopped:
            key = self._waiting.popleft()
            self._outcomes[key] = self.refusal(key) or await self._outcome(key)

    async def _outcome(self, key: str) -> Outcome:
        try:
            answer = await self.send(key)
        except RegistryError as error:
            outcome = unanswered(key, error)
            if outcome.result is Result.WAITED:
                self._stopped, self._unsent = str(error), Result.WAITED
            else:
                self._trouble(str(error))
            return outcome
        outcome = outcome_of(self._requests, key, answer)
        if answer.status in {401, 403}:
            self._stopped = self._stopped or outcome.message
        elif outcome.result in {Result.FAILED, Result.UNKNOWN}:
            self._trouble(outcome.message)
        else:
            self._troubles = 0
        return outcome

    def _trouble(self, why: str) -> None:
        """Count a failure that may concern everything; enough of them in a row end the call."""
        self._troubles += 1
        if self._troubles >= TROUBLE:
            self._stopped = self._stopped or why


class MlflowDeletions(MlflowChanges):
    """The deletions of one `delete` call."""

    def __init__(
        self, requests: MlflowRequests, facts: MlflowFacts, deletions: Sequence[Deletion]
    ) -> None:
        super().__init__(requests, [one.key for one in deletions])
        self._facts = facts
        self._deletions = {one.key: one for one in deletions}
        self._aliases = AliasTable(())
        self._states: Mapping[str, VersionState] = {}

    async def look(self) -> None:
        """Which aliases are held, and which runs and logged models are there."""
        asking = [key for key, one in self._deletions.items() if not one.delete_aliases]
        names = {ref.name for key in asking if (ref := parse_version(key)) is not None}
        self._aliases = AliasTable((await self._facts.models(names)).values())
        self._states = (await self._facts.things(self._keys)).states

    def refusal(self, key: str) -> Outcome | None:
        """Whether it carries aliases that must stay, or is gone already."""
        ref = parse_version(key)
        if ref is not None:
            wanted = not self._deletions[key].delete_aliases
            held = self._aliases.of(VersionEntry(ref.name, ref.version)) if wanted else ()
            words = f"it carries an alias: {_names(held)}"
            return Outcome(key, Result.REFUSED, words) if held else None
        if key not in self._states:
            return Outcome(key, Result.ABSENT, "MLflow has nothing with such a key")
        if self._states[key] is VersionState.TRASH:
            return Outcome(key, Result.ABSENT, "it was deleted before")
        return None

    async def send(self, key: str) -> HttpAnswer:
        """Delete a version, a logged model or a run."""
        until = self._deletions[key].until
        write = self._requests.write
        if (ref := parse_version(key)) is not None:
            body = {"name": ref.name, "version": ref.version}
            return await write("DELETE", "model-versions/delete", body, until=until)
        if (run := parse_run(key)) is not None:
            return await write("POST", "runs/delete", {"run_id": run}, until=until)
        return await write("DELETE", f"logged-models/{parse_logged(key)}", {}, until=until)


class MlflowRestoring(MlflowChanges):
    """Brings runs back from the trash."""

    def __init__(self, requests: MlflowRequests, facts: MlflowFacts, keys: Sequence[str]) -> None:
        super().__init__(requests, keys)
        self._facts = facts
        self._states: Mapping[str, VersionState] = {}

    async def look(self) -> None:
        """Which runs are in the trash."""
        self._states = (await self._facts.things(self._keys)).states

    def refusal(self, key: str) -> Outcome | None:
        """Whether it is not in the trash."""
        if self._states.get(key) is VersionState.TRASH:
            return None
        return Outcome(key, Result.ABSENT, "it is not in the trash: MLflow keeps deleted runs only")

    async def send(self, key: str) -> HttpAnswer:
        """Restore a run."""
        return await self._requests.write("POST", "runs/restore", {"run_id": parse_run(key) or ""})


def unanswered(key: str, error: RegistryError) -> Outcome:
    """What became of a request that has no answer."""
    if isinstance(error, StaleError):
        return Outcome(key, Result.WAITED, str(error))
    result = Result.UNKNOWN if isinstance(error, LostError) else Result.FAILED
    return Outcome(key, result, str(error))


def outcome_of(requests: MlflowRequests, key: str, answer: HttpAnswer) -> Outcome:
    """What the answer to a writing request means."""
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


def _names(aliases: Sequence[Alias]) -> str:
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
    return outcome_of(requests, deletion.key, answer)
