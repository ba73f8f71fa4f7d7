"""Carrying out deletions, one try each, and what the answers mean.

MLflow deletes whatever it is told to: it asks neither for aliases, which it drops in silence, nor
for what needs a thing, and answers "done" for a run that is deleted already. So aliases are asked
for right before, where they may not go, and so is whether a run or a logged model is still there.
An experiment takes its runs along, and comes back with all of them: it goes only once it is empty,
or as the whole collection of its runs.
"""

from __future__ import annotations

import asyncio
import shlex
from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui.clients.mlflow.mlflow_entries import (
    DATASET_STAYS,
    DEFAULT_EXPERIMENT,
    DEFAULT_STAYS,
    AliasTable,
    Things,
    VersionEntry,
    experiment_key,
    parse_dataset,
    parse_experiment,
    parse_logged,
    parse_model,
    parse_run,
    parse_runs_home,
    parse_version,
)
from artifact_tui.clients.transport import LostError, StaleError, together
from artifact_tui.errors import RegistryError
from artifact_tui.model import Outcome, Result, VersionState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

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

    async def refusal(self, key: str) -> Outcome | None:
        """Why nothing is to be sent for one, asked right before; None: it is."""
        del key
        return None

    async def send(self, key: str) -> HttpAnswer:
        """Send the request for one."""
        raise NotImplementedError

    async def _work(self) -> None:
        """Do one after another, until none is left or going on is pointless."""
        while self._waiting and not self._stopped:
            key = self._waiting.popleft()
            self._outcomes[key] = await self._outcome(key)

    async def _outcome(self, key: str) -> Outcome:
        try:
            refused = await self.refusal(key)
        except RegistryError as error:
            self._trouble(str(error))
            return Outcome(key, Result.FAILED, f"not sent: {error}")
        if refused is not None:
            return refused
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
        """Which aliases are held, and what is there."""
        asking = [key for key, one in self._deletions.items() if not one.delete_aliases]
        names = {ref.name for key in asking if (ref := parse_version(key)) is not None}
        self._aliases = AliasTable((await self._facts.models(names)).values())
        self._states = (await self._facts.things(self._keys)).states

    async def refusal(self, key: str) -> Outcome | None:
        """Whether it carries aliases that must stay, is gone already, or must stay itself.

        What is in an experiment is asked for each alone: what came there while others were deleted
        would go with it.
        """
        ref = parse_version(key)
        if ref is not None:
            wanted = not self._deletions[key].delete_aliases
            held = self._aliases.of(VersionEntry(ref.name, ref.version)) if wanted else ()
            words = f"it carries an alias: {_names(held)}"
            return Outcome(key, Result.REFUSED, words) if held else None
        if parse_dataset(key) is not None:
            return Outcome(key, Result.REFUSED, DATASET_STAYS)
        if key not in self._states:
            return Outcome(key, Result.ABSENT, "MLflow has nothing with such a key")
        if self._states[key] is VersionState.TRASH:
            return Outcome(key, Result.ABSENT, "it was deleted before")
        if (experiment := parse_experiment(key)) is None:
            return None
        words = await _held_by(self._requests, self._facts, experiment)
        return Outcome(key, Result.REFUSED, words) if words else None

    async def send(self, key: str) -> HttpAnswer:
        """Delete a version, a logged model, a run or an experiment."""
        until = self._deletions[key].until
        write = self._requests.write
        if (ref := parse_version(key)) is not None:
            body = {"name": ref.name, "version": ref.version}
            return await write("DELETE", "model-versions/delete", body, until=until)
        if (run := parse_run(key)) is not None:
            return await write("POST", "runs/delete", {"run_id": run}, until=until)
        if (experiment := parse_experiment(key)) is not None:
            body = {"experiment_id": experiment}
            return await write("POST", "experiments/delete", body, until=until)
        return await write("DELETE", f"logged-models/{parse_logged(key)}", {}, until=until)


class MlflowRestoring(MlflowChanges):
    """Brings runs and experiments back from the trash.

    A run whose experiment is in the trash comes back with it, once all of its runs are wanted back.
    """

    def __init__(
        self, requests: MlflowRequests, facts: MlflowFacts, keys: Sequence[str], *, registry: str
    ) -> None:
        super().__init__(requests, keys)
        self._facts = facts
        self._registry = registry
        """Its address, as it is typed."""
        self._things = Things({}, {}, {}, {})
        self._hidden: Mapping[str, str] = {}
        """The experiments in the trash of runs, by the keys of these."""
        self._partly: Mapping[str, str] = {}
        """Those of them with runs that are not wanted back, with their names."""
        self._besides = Counter[str]()
        """How many runs come back with an experiment that nobody asked for, by its key."""
        self._sent: dict[str, asyncio.Task[HttpAnswer]] = {}
        """The request for each experiment: with its runs it is sent once."""

    async def look(self) -> None:
        """What is in the trash, and whether it is with its experiment."""
        self._things = await self._facts.things(self._keys)
        places = self._things.places
        homes = {key: one.info.experiment_id for key, one in self._things.runs.items()}
        self._hidden = {key: home for key, home in homes.items() if places[home].trashed}
        wanted = {one.experiment_id for one in self._things.experiments.values() if one.trashed}
        inside = await self._facts.runs(wanted.union(self._hidden.values()), [""])
        infos = [one.info for one in inside if one.info.trashed]
        left = {one.experiment_id for one in infos if one.key not in self._hidden} - wanted
        self._partly = {home: places[home].name for home in left}
        unasked = (one.experiment_id for one in infos if one.key not in self._keys)
        self._besides = Counter(map(experiment_key, unasked))

    async def refusal(self, key: str) -> Outcome | None:
        """Whether it is not in the trash, or cannot come back from there."""
        if self._things.states.get(key) is not VersionState.TRASH:
            return Outcome(key, Result.ABSENT, "it is not in the trash")
        if key in self._things.logged:
            return Outcome(key, Result.REFUSED, LOGGED_STAYS)
        if (home := self._hidden.get(key, "")) in self._partly:
            whole = ["artifact-tui", "restore", self._registry, f"experiments:{self._partly[home]}"]
            words = "it comes back only with its experiment and all runs of that:"
            words = f"{words} `{shlex.join(whole)}`"
            return Outcome(key, Result.REFUSED, words)
        return None

    async def send(self, key: str) -> HttpAnswer:
        """Restore a run or an experiment."""
        home = parse_experiment(key) or self._hidden.get(key)
        if home is None:
            body = {"run_id": parse_run(key) or ""}
            return await self._requests.write("POST", "runs/restore", body)
        if home not in self._sent:
            write = self._requests.write("POST", "experiments/restore", {"experiment_id": home})
            self._sent[home] = asyncio.ensure_future(write)
        return await self._sent[home]

    async def outcomes(self) -> list[Outcome]:
        """One outcome for each, in the same order; what else came back with it is said."""
        found = await super().outcomes()
        return [
            replace(one, message=f"with it came back what was deleted in it, runs: {more:,}")
            if one.result is Result.DONE and (more := self._besides[one.key])
            else one
            for one in found
        ]


LOGGED_STAYS = "MLflow cannot restore a logged model"
"""Why one stays in the trash."""


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


async def _held_by(
    requests: MlflowRequests,
    facts: MlflowFacts,
    experiment: str,
    besides: AbstractSet[str] = frozenset(),
) -> str:
    """Why an experiment must stay: what lives in it `besides` these keys; empty: nothing does."""
    if experiment == DEFAULT_EXPERIMENT:
        return DEFAULT_STAYS
    inside, traces = await together(facts.inside({experiment}), requests.has_traces(experiment))
    there = inside.get(experiment_key(experiment), set())
    found = sorted(there - besides)
    if found:
        more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
        return f"what is in it would go with it: {found[0]}{more}"
    if traces:
        return "it has traces, which would go with it: delete it in MLflow if they may go"
    return ""


async def delete_whole(
    requests: MlflowRequests, facts: MlflowFacts, deletion: CollectionDeletion
) -> Outcome:
    """Delete a registered model with all of its versions, or an experiment with all of its runs."""
    name, experiment = parse_model(deletion.key), parse_runs_home(deletion.key)
    if name is None and experiment is None:
        return Outcome(deletion.key, Result.ABSENT, "no collection has such a key")
    reviewed = deletion.versions
    try:
        if experiment is not None:
            runs = await facts.of_runs(experiment) if reviewed is None else dict.fromkeys(reviewed)
            words = await _held_by(requests, facts, experiment, frozenset(runs or ()))
            what, method, body = "experiments/delete", "POST", {"experiment_id": experiment}
        else:
            words = await _held_in(facts, name or "", deletion)
            what, method, body = "registered-models/delete", "DELETE", {"name": name or ""}
        if words:
            return Outcome(deletion.key, Result.REFUSED, words)
        answer = await requests.write(method, what, body, until=deletion.until)
    except RegistryError as error:
        return unanswered(deletion.key, error)
    return outcome_of(requests, deletion.key, answer)


async def _held_in(facts: MlflowFacts, name: str, deletion: CollectionDeletion) -> str:
    """Why a registered model must stay: aliases, or a version that was not reviewed; or empty."""
    if not deletion.delete_aliases:
        model = (await facts.models({name})).get(name)
        if model is not None and model.aliases:
            names = sorted(one.alias for one in model.aliases)
            return f"versions in it carry aliases: {', '.join(names)}"
    if deletion.versions is not None:
        there = {one.key for one in await facts.versions_of(name)}
        if new := there - deletion.versions:
            return f"a version came into it that nobody reviewed: {min(new)}"
    return ""
