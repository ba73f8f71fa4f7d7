"""Changing aliases, tags and times to live of versions.

Each version is read first: what is already so is not sent, and only what changes is. A writing
request is sent once; when its answer is lost, or does not show what was asked for, a look tells
whether it was done. Edits that add an alias go one after another, because an alias moves within
its collection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import structs

from artifact_tui.clients.wandb import decode, rules, targets
from artifact_tui.clients.wandb.outcomes import of_errors
from artifact_tui.clients.wandb.replies import Call
from artifact_tui.clients.wandb.steps import ADD, REMOVE, TTL, remaining, steps
from artifact_tui.clients.web.together import together
from artifact_tui.errors import RegistryError, UncertainError
from artifact_tui.model import Edit, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.clients.wandb.fields import Asking
    from artifact_tui.clients.wandb.loader import Loader
    from artifact_tui.clients.wandb.replies import Reply
    from artifact_tui.clients.wandb.steps import Step
    from artifact_tui.clients.wandb.targets import Target

AT_ONCE = 32
"""Edits under way at once, at most; the pace may let fewer through."""

_SILENT = "W&B answered without saying what it did."
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


class _End:
    """How a step that is not done has ended, and what of it was done all the same."""

    def __init__(self, result: Result, why: str, left: Sequence[str] = ()) -> None:
        self.result = result
        self.why = why
        self.left = left
        """What is known not to be done, of a step that was done in part."""


class Editor:
    """Edits on one connection."""

    def __init__(self, graph: Asking, loader: Loader) -> None:
        self._graph = graph
        self._loader = loader

    async def edit(self, edits: Sequence[Edit]) -> list[Outcome]:
        """One outcome for each edit, in the same order."""
        outcomes = [_refused(edit) for edit in edits]
        todo = [number for number, wrong in enumerate(outcomes) if wrong is None]
        known = await together(*(self._read(edits[number].key) for number in todo))
        found = dict(zip(todo, known, strict=True))
        moving = deque(number for number in todo if edits[number].add_aliases)
        others = deque(number for number in todo if not edits[number].add_aliases)

        async def work(queue: deque[int]) -> None:
            while queue:
                number = queue.popleft()
                edit = edits[number]
                outcomes[number] = await self._one(edit, found[number])

        async with asyncio.TaskGroup() as group:
            group.create_task(work(moving))
            for _ in range(min(AT_ONCE, len(others))):
                group.create_task(work(others))
        return [one for one in outcomes if one is not None]

    async def _read(self, key: str) -> Target | RegistryError | None:
        """A version as it is now; None when it is gone, an error when that is not told."""
        try:
            return (await targets.read(self._loader, [key])).get(key)
        except RegistryError as error:
            return error

    async def _one(self, edit: Edit, target: Target | RegistryError | None) -> Outcome:
        if isinstance(target, RegistryError):
            return Outcome(edit.key, Result.FAILED, str(target))
        if target is None:
            return Outcome(edit.key, Result.ABSENT, "W&B does not show it (any more)")
        if why := _forbidden(edit, target):
            return Outcome(edit.key, Result.REFUSED, why)
        if what := _untold(edit, target):
            why = f"W&B does not tell the {what} that it has: nothing was sent"
            return Outcome(edit.key, Result.FAILED, why)
        moved = await self._moved(edit, target)
        done: list[str] = []
        for step in steps(edit, target):
            end = await self._step(edit, step, target)
            if end is not None:
                done += [part for part in step.parts if part not in (end.left or step.parts)]
                left = ", ".join(end.left) or step.what
                before = f"done: {', '.join(done)}; then, {left}: " if done else ""
                return Outcome(edit.key, end.result, before + end.why)
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

    async def _step(self, edit: Edit, step: Step, target: Target) -> _End | None:
        """Send one request, and look whether it was done when its answer does not tell.

        None when it was done.
        """
        call = Call(step.document, {"i": step.variable}, writes=True, what=step.what)
        try:
            reply = await self._graph.ask(call)
        except UncertainError as error:
            return await self._look_again(edit, step, str(error))
        except RegistryError as error:
            return _End(Result.FAILED, str(error))
        if reply.errors or reply.status >= 300:  # noqa: PLR2004 - no success
            found = of_errors(edit.key, reply.errors, reply.status)
            if found.result is Result.UNKNOWN:
                return await self._look_again(edit, step, found.message)
            return _End(found.result, found.message)
        return await self._believed(edit, step, target, reply)

    async def _believed(self, edit: Edit, step: Step, target: Target, reply: Reply) -> _End | None:
        """A success, if the answer shows what was asked for."""
        try:
            said = decode.read(reply.data, _Answer, step.what)
        except RegistryError as error:
            return await self._look_again(edit, step, str(error))
        if step.document in {ADD, REMOVE}:
            return await self._named(edit, step, said)
        return await self._updated(edit, step, target, said.update_artifact)

    async def _named(self, edit: Edit, step: Step, said: _Answer) -> _End | None:
        """What an answer about aliases says."""
        answer = said.add_aliases if step.document == ADD else said.delete_aliases
        if answer is None or answer.success is None:
            return await self._look_again(edit, step, _SILENT)
        return None if answer.success else _End(Result.REFUSED, "W&B says that it did not do it")

    async def _updated(
        self, edit: Edit, step: Step, target: Target, said: _Updated | None
    ) -> _End | None:
        """What an answer that shows the version shows to be done."""
        shown = said.artifact if said is not None else None
        if shown is None:
            return await self._look_again(edit, step, _SILENT)
        if shown.id != target.artifact.id:
            return await self._look_again(edit, step, "W&B answered about another version.")
        now = structs.replace(
            target.artifact,
            tags=shown.tags,
            ttl_duration_seconds=shown.ttl_duration_seconds,
            ttl_is_inherited=shown.ttl_is_inherited,
        )
        left = remaining(edit, step, replace(target, artifact=now))
        if left == (TTL,):
            return _End(Result.REFUSED, _UNCHANGED, left)
        return None if left == () else await self._look_again(edit, step, "W&B accepted it.")

    async def _look_again(self, edit: Edit, step: Step, why: str) -> _End | None:
        target = await self._read(edit.key)
        if isinstance(target, RegistryError):
            return _End(Result.UNKNOWN, why)
        if target is None:
            return _End(Result.ABSENT, "W&B does not show it (any more)")
        left = remaining(edit, step, target)
        if left is None:
            return _End(Result.UNKNOWN, f"{why} A look does not tell whether it was done.")
        why = f"{why} A look shows that it was not done."
        return _End(Result.FAILED, why, left) if left else None


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


def _untold(edit: Edit, target: Target) -> str:
    """What the edit is about, and the server does not tell: what would change is not known."""
    if (edit.add_aliases or edit.remove_aliases) and target.artifact.aliases is None:
        return "aliases"
    if (edit.add_tags or edit.remove_tags) and target.artifact.tags is None:
        return "tags"
    return ""
