"""Changing aliases, tags and times to live of versions.

Each version is read first, with the collection that names it: what is already so is not sent, and
only what changes is. A writing request is sent once; when its answer is lost, or does not show
what was asked for, a look decides whether it was done. Edits that add an alias go one after
another, because an alias moves within its collection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msgspec import structs

from artifact_tui.clients.transport import together
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_documents import GraphQuestion
from artifact_tui.clients.wandb.wandb_replies import GraphCall, outcome_of_errors
from artifact_tui.errors import RegistryError, UncertainError
from artifact_tui.model import TTL_INHERIT, Edit, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.clients.wandb.wandb_documents import DocumentSender, QuestionLoader
    from artifact_tui.clients.wandb.wandb_replies import GraphReply


_COLLECTION_PLACE = "id name project{name entity{name}}"
_TARGET_VERSION = GraphQuestion(
    "artifact(id:$id){id state artifactType{name} <Artifact.isGenerated|isGenerated>"
    " <Artifact.tags|tags{name}> <Artifact.ttlDurationSeconds|ttlDurationSeconds>"
    " <Artifact.ttlIsInherited|ttlIsInherited>"
    f" artifactSequence{{{_COLLECTION_PLACE}}} aliases{{alias artifactCollection{{id}}}}}}",
    {"id": "ID!"},
    "",
    25,
    "a version",
)
_TARGET_PORTFOLIO = GraphQuestion(
    f"artifactCollection(id:$id){{{_COLLECTION_PLACE} <ArtifactCollection.state|state>}}",
    {"id": "ID!"},
    "",
    25,
    "a collection of links",
)
_ALIAS_HOLDER = GraphQuestion(
    "project(entityName:$e,name:$p){id <Project.artifactCollectionMembership"
    "|artifactCollectionMembership(name:$n){versionIndex}>}",
    {"e": "String!", "p": "String!", "n": "String!"},
    "",
    25,
    "who has an alias",
)


class _HolderAnswer(wandb_model.GraphObject, frozen=True):
    artifact_collection_membership: wandb_model.Membership | None = None


@dataclass(frozen=True, slots=True)
class EditTarget:
    """A version to be edited, as one collection shows it."""

    artifact: wandb_model.Artifact
    home: wandb_model.CollectionPlace | wandb_model.ArtifactSequence
    """Its sequence or, for a link, the portfolio."""
    link: bool

    @property
    def aliases(self) -> frozenset[str]:
        """The aliases that it has in this collection."""
        rows = (row for row in self.artifact.aliases or [] if row is not None)
        return frozenset(
            row.alias
            for row in rows
            if row.alias is not None
            and row.artifact_collection is not None
            and row.artifact_collection.id == self.home.id
            and not wandb_model.is_label(row.alias)
        )

    @property
    def tags(self) -> frozenset[str]:
        """Its tags; a link shows those of its source."""
        return frozenset(tag.name or "" for tag in self.artifact.tags or [] if tag is not None)

    def has_ttl(self, seconds: int) -> bool:
        """Whether its time to live is so already: seconds, -1 inherited, -2 off."""
        now, inherited = self.artifact.ttl_duration_seconds, self.artifact.ttl_is_inherited
        if seconds > 0:
            return now == seconds and not inherited
        return bool(inherited) if seconds == -1 else not inherited and (now or 0) <= 0

    def named(self, alias: str) -> dict[str, str]:
        """An alias in this collection, as requests name it."""
        project = self.home.project
        entity = project.entity if project else None
        return {
            "entityName": (entity.name if entity else None) or "",
            "projectName": (project.name if project else None) or "",
            "artifactCollectionName": self.home.name or "",
            "alias": alias,
        }


async def read_target(loader: QuestionLoader, key: str) -> EditTarget | None:
    """The version of a key; None when it is gone.

    Raises:
        RegistryError: it cannot be told.
    """
    ref = wandb_model.parse_version_key(key)
    if ref is None:
        return None
    home: wandb_model.CollectionPlace | wandb_model.ArtifactSequence | None
    if isinstance(ref, wandb_model.LinkKey):
        artifact, portfolio = await together(
            loader.ask(_TARGET_VERSION, wandb_model.Artifact, id=ref.artifact),
            loader.ask(_TARGET_PORTFOLIO, wandb_model.ArtifactCollection, id=ref.portfolio),
        )
        gone = portfolio is None or portfolio.state in wandb_model.GONE_STATES
        home = None if gone else portfolio
    else:
        artifact = await loader.ask(_TARGET_VERSION, wandb_model.Artifact, id=ref.artifact)
        home = artifact.artifact_sequence if artifact is not None else None
    if artifact is None or artifact.state in wandb_model.GONE_STATES or home is None:
        return None
    return EditTarget(artifact, home, isinstance(ref, wandb_model.LinkKey))


async def alias_holder(loader: QuestionLoader, target: EditTarget, alias: str) -> str:
    """Which version of the collection has an alias now: its label, or nothing.

    Raises:
        RegistryError: it cannot be told.
    """
    said = target.named(alias)
    name = f"{said['artifactCollectionName']}:{alias}"
    found = await loader.ask(
        _ALIAS_HOLDER, _HolderAnswer, e=said["entityName"], p=said["projectName"], n=name
    )
    member = found.artifact_collection_membership if found else None
    index = member.version_index if member else None
    return "" if index is None else f"v{index}"


ADD_ALIASES = "mutation($i:AddAliasesInput!){addAliases(input:$i){success}}"
REMOVE_ALIASES = "mutation($i:DeleteAliasesInput!){deleteAliases(input:$i){success}}"
UPDATE_VERSION = (
    "mutation($i:UpdateArtifactInput!){updateArtifact(input:$i){artifact{id"
    " <Artifact.ttlDurationSeconds|ttlDurationSeconds> <Artifact.ttlIsInherited|ttlIsInherited>"
    " <Artifact.tags|tags{name}>}}}"
)

CHANGING_TTL = "changing the time to live"
"""The part of a step that does so."""


@dataclass(frozen=True, slots=True)
class EditStep:
    """One writing request of an edit."""

    document: str
    variable: Mapping[str, object]
    what: str
    """What it does, as in `adding aliases`."""
    parts: tuple[str, ...]
    """What it does, change by change, as in `adding the alias best`."""


def edit_steps(edit: Edit, target: EditTarget) -> list[EditStep]:
    """The requests that an edit still needs, given what is so already."""
    gid = target.artifact.id
    found = []
    if fresh := [alias for alias in edit.add_aliases if alias not in target.aliases]:
        variable = {"artifactID": gid, "aliases": [target.named(alias) for alias in fresh]}
        parts = tuple(f"adding the alias {alias}" for alias in fresh)
        found.append(EditStep(ADD_ALIASES, variable, "adding aliases", parts))
    if old := [alias for alias in edit.remove_aliases if alias in target.aliases]:
        variable = {"artifactID": gid, "aliases": [target.named(alias) for alias in old]}
        parts = tuple(f"removing the alias {alias}" for alias in old)
        found.append(EditStep(REMOVE_ALIASES, variable, "removing aliases", parts))
    return found + _update_steps(edit, target)


def _update_steps(edit: Edit, target: EditTarget) -> list[EditStep]:
    """The `updateArtifact` with the keys that change something; none when none does."""
    changed: dict[str, object] = {}
    fresh = [tag for tag in edit.add_tags if tag not in target.tags]
    old = [tag for tag in edit.remove_tags if tag in target.tags]
    parts = [f"adding the tag {tag}" for tag in fresh] + [f"removing the tag {tag}" for tag in old]
    if fresh:
        changed["tagsToAdd"] = [{"tagName": tag} for tag in fresh]
    if old:
        changed["tagsToDelete"] = [{"tagName": tag} for tag in old]
    if edit.ttl_us is not None and not target.has_ttl(
        seconds := wandb_model.ttl_seconds(edit.ttl_us)
    ):
        changed["ttlDurationSeconds"] = seconds
        parts.append(CHANGING_TTL)
    if not changed:
        return []
    variable = {"artifactID": target.artifact.id, **changed}
    return [EditStep(UPDATE_VERSION, variable, "changing tags or time to live", tuple(parts))]


def remaining_parts(edit: Edit, step: EditStep, now: EditTarget) -> tuple[str, ...] | None:
    """The parts of a step that a version, as it is now, still lacks; None when that is not told."""
    if not _is_shown(edit, step, now):
        return None
    needed = {part for one in edit_steps(edit, now) for part in one.parts}
    return tuple(part for part in step.parts if part in needed)


def _is_shown(edit: Edit, step: EditStep, now: EditTarget) -> bool:
    """Whether the server tells what the step is about."""
    shown = now.artifact
    if step.document != UPDATE_VERSION:
        return shown.aliases is not None
    if shown.tags is None and step.parts != (CHANGING_TTL,):
        return False
    if CHANGING_TTL not in step.parts or shown.ttl_is_inherited is not None:
        return True
    return edit.ttl_us != TTL_INHERIT and shown.ttl_duration_seconds is not None


EDITS_AT_ONCE = 32
"""Edits under way at once, at most; the pace may let fewer through."""

_SILENT = "W&B answered without saying what it did."
_UNCHANGED = (
    "W&B accepted the time to live and left it as it was: its team may let only admins change it"
)


class _UpdateAnswer(wandb_model.GraphObject, frozen=True):
    artifact: wandb_model.Artifact | None = None


class _EditAnswer(wandb_model.GraphObject, frozen=True):
    update_artifact: _UpdateAnswer | None = None
    add_aliases: _SuccessAnswer | None = None
    delete_aliases: _SuccessAnswer | None = None


class _SuccessAnswer(wandb_model.GraphObject, frozen=True):
    success: bool | None = None


class _StepEnd:
    """How a step that is not done has ended, and what of it was done all the same."""

    def __init__(self, result: Result, why: str, left: Sequence[str] = ()) -> None:
        self.result = result
        self.why = why
        self.left = left
        """What is known not to be done, of a step that was done in part."""


class WandbEditor:
    """Edits on one connection."""

    def __init__(self, sender: DocumentSender, loader: QuestionLoader) -> None:
        self._sender = sender
        self._loader = loader

    async def edit(self, edits: Sequence[Edit]) -> list[Outcome]:
        """One outcome for each edit, in the same order."""
        faults = [wandb_model.edit_fault(edit) for edit in edits]
        outcomes = [
            Outcome(edit.key, Result.REFUSED, fault) if fault else None
            for edit, fault in zip(edits, faults, strict=True)
        ]
        todo = [number for number, wrong in enumerate(outcomes) if wrong is None]
        known = await together(*(self._read(edits[number].key) for number in todo))
        found = dict(zip(todo, known, strict=True))
        moving = deque(number for number in todo if edits[number].add_aliases)
        others = deque(number for number in todo if not edits[number].add_aliases)

        async def work(queue: deque[int]) -> None:
            while queue:
                number = queue.popleft()
                edit = edits[number]
                outcomes[number] = await self._edit_one(edit, found[number])

        async with asyncio.TaskGroup() as group:
            group.create_task(work(moving))
            for _ in range(min(EDITS_AT_ONCE, len(others))):
                group.create_task(work(others))
        return [one for one in outcomes if one is not None]

    async def _read(self, key: str) -> EditTarget | RegistryError | None:
        """A version as it is now; None when it is gone, an error when that is not told."""
        try:
            return await read_target(self._loader, key)
        except RegistryError as error:
            return error

    async def _edit_one(self, edit: Edit, target: EditTarget | RegistryError | None) -> Outcome:
        if isinstance(target, RegistryError):
            return Outcome(edit.key, Result.FAILED, str(target))
        if target is None:
            return Outcome(edit.key, Result.ABSENT, "W&B does not show it (any more)")
        if why := _forbidden(edit, target):
            return Outcome(edit.key, Result.REFUSED, why)
        if what := _unknown_part(edit, target):
            why = f"W&B does not tell the {what} that it has: nothing was sent"
            return Outcome(edit.key, Result.FAILED, why)
        moved = await self._moved(edit, target)
        done: list[str] = []
        for step in edit_steps(edit, target):
            end = await self._step(edit, step, target)
            if end is not None:
                done += [part for part in step.parts if part not in (end.left or step.parts)]
                left = ", ".join(end.left) or step.what
                before = f"done: {', '.join(done)}; then, {left}: " if done else ""
                return Outcome(edit.key, end.result, before + end.why)
            done.append(step.what)
        return Outcome(edit.key, Result.DONE, ", ".join(moved))

    async def _moved(self, edit: Edit, target: EditTarget) -> list[str]:
        """From which versions aliases are about to move, as far as W&B tells."""
        found = []
        for alias in edit.add_aliases:
            if alias not in target.aliases:
                try:
                    label = await alias_holder(self._loader, target, alias)
                except RegistryError:
                    continue
                if label:
                    found.append(f"{alias} moved from {label}")
        return found

    async def _step(self, edit: Edit, step: EditStep, target: EditTarget) -> _StepEnd | None:
        """Send one request, and look whether it was done when its answer does not tell.

        None when it was done.
        """
        call = GraphCall(step.document, {"i": step.variable}, writes=True, what=step.what)
        try:
            reply = await self._sender.ask(call)
        except UncertainError as error:
            return await self._look_again(edit, step, str(error))
        except RegistryError as error:
            return _StepEnd(Result.FAILED, str(error))
        if reply.errors or reply.status >= 300:  # noqa: PLR2004 - no success
            found = outcome_of_errors(edit.key, reply.errors, reply.status)
            if found.result is Result.UNKNOWN:
                return await self._look_again(edit, step, found.message)
            return _StepEnd(found.result, found.message)
        return await self._success_end(edit, step, target, reply)

    async def _success_end(
        self, edit: Edit, step: EditStep, target: EditTarget, reply: GraphReply
    ) -> _StepEnd | None:
        """How a request that was answered without an error ended; None: it was done."""
        try:
            said = wandb_model.read_answer(reply.data, _EditAnswer, step.what)
        except RegistryError as error:
            return await self._look_again(edit, step, str(error))
        if step.document in {ADD_ALIASES, REMOVE_ALIASES}:
            return await self._aliases_end(edit, step, said)
        return await self._update_end(edit, step, target, said.update_artifact)

    async def _aliases_end(self, edit: Edit, step: EditStep, said: _EditAnswer) -> _StepEnd | None:
        """How a change of aliases ended, as its answer says."""
        answer = said.add_aliases if step.document == ADD_ALIASES else said.delete_aliases
        if answer is None or answer.success is None:
            return await self._look_again(edit, step, _SILENT)
        return (
            None if answer.success else _StepEnd(Result.REFUSED, "W&B says that it did not do it")
        )

    async def _update_end(
        self, edit: Edit, step: EditStep, target: EditTarget, said: _UpdateAnswer | None
    ) -> _StepEnd | None:
        """How a change of tags or time to live ended, as the version in its answer shows."""
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
        left = remaining_parts(edit, step, replace(target, artifact=now))
        if left == (CHANGING_TTL,):
            return _StepEnd(Result.REFUSED, _UNCHANGED, left)
        return None if left == () else await self._look_again(edit, step, "W&B accepted it.")

    async def _look_again(self, edit: Edit, step: EditStep, why: str) -> _StepEnd | None:
        target = await self._read(edit.key)
        if isinstance(target, RegistryError):
            return _StepEnd(Result.UNKNOWN, why)
        if target is None:
            return _StepEnd(Result.ABSENT, "W&B does not show it (any more)")
        left = remaining_parts(edit, step, target)
        if left is None:
            return _StepEnd(Result.UNKNOWN, f"{why} A look does not tell whether it was done.")
        why = f"{why} A look shows that it was not done."
        return _StepEnd(Result.FAILED, why, left) if left else None


def _forbidden(edit: Edit, target: EditTarget) -> str:
    """What W&B does not allow for this version, or would do to another one."""
    if target.link and (edit.add_tags or edit.remove_tags):
        return "a link has no tags of its own: change those of its source"
    if edit.ttl_us is None:
        return ""
    if target.link:
        return "a link has no time to live: set that of its source"
    if wandb_model.is_automatic_type(target.artifact.type) or target.artifact.is_generated:
        return f"W&B has no time to live for versions of the type {target.artifact.type}"
    return ""


def _unknown_part(edit: Edit, target: EditTarget) -> str:
    """What the edit is about, and the server does not tell: what would change is not known."""
    if (edit.add_aliases or edit.remove_aliases) and target.artifact.aliases is None:
        return "aliases"
    if (edit.add_tags or edit.remove_tags) and target.artifact.tags is None:
        return "tags"
    return ""
