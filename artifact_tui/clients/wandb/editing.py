"""Changing aliases, tags and times to live of versions.

Each version is read first: what is already so is not sent, and only what changes is. A writing
request is sent once; when its answer is lost, a look tells whether it was done. Edits that add an
alias go one after another, because an alias moves within its collection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import decode, rules, targets
from artifact_tui.clients.wandb.outcomes import of_errors
from artifact_tui.clients.wandb.replies import Call
from artifact_tui.errors import RegistryError, UncertainError
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Edit, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.clients.wandb.fields import Asking
    from artifact_tui.clients.wandb.loader import Loader
    from artifact_tui.clients.wandb.replies import Reply
    from artifact_tui.clients.wandb.targets import Target

AT_ONCE = 32
"""Edits under way at once, at most; the pace may let fewer through."""

_ADD = "mutation($i:AddAliasesInput!){addAliases(input:$i){success}}"
_REMOVE = "mutation($i:DeleteAliasesInput!){deleteAliases(input:$i){success}}"
_UPDATE = (
    "mutation($i:UpdateArtifactInput!){updateArtifact(input:$i){artifact{id"
    " <Artifact.ttlDurationSeconds|ttlDurationSeconds> <Artifact.ttlIsInherited|ttlIsInherited>"
    " <Artifact.tags|tags{name}>}}}"
)
_UNCHANGED = (
    "W&B accepted the time to live and left it as it was: its team may let only admins change it"
)


class _Updated(decode.Said, frozen=True):
    artifact: decode.Artifact | None = None


class _Answer(decode.Said, frozen=True):
    update_artifact: _Updated | None = None
    add_aliases: _Success | None = None
    delete_aliases: _Success | None = None


class _Success(decode.Said, frozen=True):
    success: bool | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One writing request of an edit."""

    document: str
    variable: Mapping[str, object]
    what: str
    """What it does, as in `adding the alias best`."""


class Editor:
    """Edits on one connection."""

    def __init__(self, graph: Asking, loader: Loader) -> None:
        self._graph = graph
        self._loader = loader

    async def edit(self, edits: Sequence[Edit]) -> list[Outcome]:
        """One outcome for each edit, in the same order."""
        outcomes = [_refused(edit) for edit in edits]
        todo = [number for number, found in enumerate(outcomes) if found is None]
        try:
            known = await targets.read(self._loader, [edits[number].key for number in todo])
        except RegistryError as error:
            return [
                found or Outcome(edit.key, Result.FAILED, str(error))
                for edit, found in zip(edits, outcomes, strict=True)
            ]
        moving = deque(number for number in todo if edits[number].add_aliases)
        others = deque(number for number in todo if not edits[number].add_aliases)

        async def work(queue: deque[int]) -> None:
            while queue:
                number = queue.popleft()
                edit = edits[number]
                outcomes[number] = await self._one(edit, known.get(edit.key))

        async with asyncio.TaskGroup() as group:
            group.create_task(work(moving))
            for _ in range(min(AT_ONCE, len(others))):
                group.create_task(work(others))
        return [found for found in outcomes if found is not None]

    async def _one(self, edit: Edit, target: Target | None) -> Outcome:
        if target is None:
            return Outcome(edit.key, Result.ABSENT, "W&B does not show it (any more)")
        if why := _forbidden(edit, target):
            return Outcome(edit.key, Result.REFUSED, why)
        moved = await self._moved(edit, target)
        done: list[str] = []
        for step in steps(edit, target):
            outcome = await self._step(edit, step)
            if outcome.result is not Result.DONE:
                before = f"done: {', '.join(done)}; then, {step.what}: " if done else ""
                return Outcome(edit.key, outcome.result, before + outcome.message)
            done.append(step.what)
        return Outcome(edit.key, Result.DONE, ", ".join(moved))

    async def _moved(self, edit: Edit, target: Target) -> list[str]:
        """From which versions aliases are about to move, as far as W&B tells."""
        found = []
        for alias in edit.add_aliases:
            if alias not in target.aliases:
                try:
                    label = await targets.holder(self._loader, target, alias)
                except RegistryError:
                    continue
                if label:
                    found.append(f"{alias} moved from {label}")
        return found

    async def _step(self, edit: Edit, step: Step) -> Outcome:
        """Send one request; when its answer is lost, look whether it was done."""
        call = Call(step.document, {"i": step.variable}, writes=True, what=step.what)
        try:
            reply = await self._graph.ask(call)
        except UncertainError as error:
            return await self._look_again(edit, step, str(error))
        except RegistryError as error:
            return Outcome(edit.key, Result.FAILED, str(error))
        if reply.errors or reply.status >= 300:  # noqa: PLR2004 - no success
            found = of_errors(edit.key, reply.errors, reply.status)
            if found.result is Result.UNKNOWN:
                return await self._look_again(edit, step, found.message)
            return found
        return await self._believed(edit, step, reply)

    async def _believed(self, edit: Edit, step: Step, reply: Reply) -> Outcome:
        """A success, if the answer shows what was asked for."""
        try:
            said = decode.read(reply.data, _Answer, step.what)
        except RegistryError as error:
            return await self._look_again(edit, step, str(error))
        answer = said.add_aliases or said.delete_aliases
        if answer is not None and answer.success is False:
            return Outcome(edit.key, Result.REFUSED, "W&B says that it did not do it")
        updated = said.update_artifact.artifact if said.update_artifact else None
        if updated is None and answer is None:
            return await self._look_again(edit, step, "W&B answered without saying what it did")
        if updated is not None and edit.ttl_us is not None and _ttl_ignored(edit, updated):
            return Outcome(edit.key, Result.REFUSED, _UNCHANGED)
        return Outcome(edit.key, Result.DONE)

    async def _look_again(self, edit: Edit, step: Step, why: str) -> Outcome:
        try:
            target = (await targets.read(self._loader, [edit.key])).get(edit.key)
        except RegistryError:
            return Outcome(edit.key, Result.UNKNOWN, why)
        if target is None:
            return Outcome(edit.key, Result.ABSENT, "W&B does not show it (any more)")
        if step.what in {left.what for left in steps(edit, target)}:
            return Outcome(edit.key, Result.FAILED, f"{why} A look shows that it was not done.")
        return Outcome(edit.key, Result.DONE)


def steps(edit: Edit, target: Target) -> list[Step]:
    """The requests that an edit still needs, given what is so already."""
    gid = target.artifact.id
    found = []
    if fresh := [alias for alias in edit.add_aliases if alias not in target.aliases]:
        variable = {"artifactID": gid, "aliases": [target.named(alias) for alias in fresh]}
        found.append(Step(_ADD, variable, "adding aliases"))
    if old := [alias for alias in edit.remove_aliases if alias in target.aliases]:
        variable = {"artifactID": gid, "aliases": [target.named(alias) for alias in old]}
        found.append(Step(_REMOVE, variable, "removing aliases"))
    if changed := _changes(edit, target):
        found.append(Step(_UPDATE, {"artifactID": gid, **changed}, "changing tags or time to live"))
    return found


def _changes(edit: Edit, target: Target) -> dict[str, object]:
    """The keys of an `updateArtifact` that change something."""
    changed: dict[str, object] = {}
    if fresh := [tag for tag in edit.add_tags if tag not in target.tags]:
        changed["tagsToAdd"] = [{"tagName": tag} for tag in fresh]
    if old := [tag for tag in edit.remove_tags if tag in target.tags]:
        changed["tagsToDelete"] = [{"tagName": tag} for tag in old]
    if edit.ttl_us is not None and not target.has_ttl(seconds := rules.ttl_seconds(edit.ttl_us)):
        changed["ttlDurationSeconds"] = seconds
    return changed


def _ttl_ignored(edit: Edit, updated: decode.Artifact) -> bool:
    """Whether the answer shows another time to live than the one asked for."""
    now, inherited = updated.ttl_duration_seconds, updated.ttl_is_inherited
    seconds = rules.ttl_seconds(edit.ttl_us or 0)
    if seconds == TTL_INHERIT:
        return inherited is False
    if inherited:
        return True
    return (now or 0) > 0 if seconds == TTL_OFF else now is not None and now != seconds


def _refused(edit: Edit) -> Outcome | None:
    """What is refused before anything is read or sent."""
    why = rules.wrong(edit)
    return Outcome(edit.key, Result.REFUSED, why) if why else None


def _forbidden(edit: Edit, target: Target) -> str:
    """What W&B does not allow for this version, or would do to another one."""
    if target.link and (edit.add_tags or edit.remove_tags):
        return "a link has no tags of its own: change those of its source"
    if edit.ttl_us is None:
        return ""
    if target.link:
        return "a link has no time to live: set that of its source"
    if rules.automatic(target.type) or target.artifact.is_generated:
        return f"W&B has no time to live for versions of the type {target.type}"
    return ""
