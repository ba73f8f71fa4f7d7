"""Changing aliases, tags and times to live of versions.

Each version is read first, with the collection that names it: what is already so is not sent, and
only what changes is. A writing request is sent once; when its answer is lost, or does not show
what was asked for, a look decides whether it was done. Edits that add an alias go one after
another, because an alias moves within its collection.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from artifact_tui.clients.transport import together
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_graphql import GraphQuestion
from artifact_tui.clients.wandb.wandb_model import is_label
from artifact_tui.clients.wandb.wandb_replies import GraphCall, outcome_of_errors
from artifact_tui.errors import RegistryError, UncertainError
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Edit, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from artifact_tui.clients.wandb.wandb_graphql import Graph
    from artifact_tui.clients.wandb.wandb_replies import GraphReply


class _HolderAnswer(wandb_model.GraphObject, frozen=True):
    artifact_collection_membership: wandb_model.Membership | None = None


class _SuccessAnswer(wandb_model.GraphObject, frozen=True):
    success: bool | None = None


class _UpdateAnswer(wandb_model.GraphObject, frozen=True):
    artifact: wandb_model.Artifact | None = None


class _EditAnswer(wandb_model.GraphObject, frozen=True):
    update_artifact: _UpdateAnswer | None = None
    add_aliases: _SuccessAnswer | None = None
    delete_aliases: _SuccessAnswer | None = None


_COLLECTION_PLACE = "id name project{name entity{name}}"
_TARGET_VERSION = GraphQuestion(
    "artifact(id:$id){id state artifactType{name} <Artifact.isGenerated|isGenerated>"
    " <Artifact.tags|tags{name}> <Artifact.ttlDurationSeconds|ttlDurationSeconds>"
    " <Artifact.ttlIsInherited|ttlIsInherited>"
    f" artifactSequence{{{_COLLECTION_PLACE}}} aliases{{alias artifactCollection{{id}}}}}}",
    {"id": "ID!"}, "", 25, "a version", wandb_model.Artifact,
)  # fmt: skip
_TARGET_PORTFOLIO = GraphQuestion(
    f"artifactCollection(id:$id){{{_COLLECTION_PLACE} <ArtifactCollection.state|state>}}",
    {"id": "ID!"}, "", 25, "a collection of links", wandb_model.ArtifactCollection,
)  # fmt: skip
_ALIAS_HOLDER = GraphQuestion(
    "project(entityName:$e,name:$p){id <Project.artifactCollectionMembership"
    "|artifactCollectionMembership(name:$n){versionIndex}>}",
    {"e": "String!", "p": "String!", "n": "String!"}, "", 25, "who has an alias", _HolderAnswer,
)  # fmt: skip

ADD_ALIASES = "mutation($i:AddAliasesInput!){addAliases(input:$i){success}}"
REMOVE_ALIASES = "mutation($i:DeleteAliasesInput!){deleteAliases(input:$i){success}}"
UPDATE_VERSION = (
    "mutation($i:UpdateArtifactInput!){updateArtifact(input:$i){artifact{id"
    " <Artifact.ttlDurationSeconds|ttlDurationSeconds> <Artifact.ttlIsInherited|ttlIsInherited>"
    " <Artifact.tags|tags{name}>}}}"
)

CHANGING_TTL = "changing the time to live"
"""The part of a step that does so."""

LONGEST_ALIAS = 128
"""Characters."""

MOST_TAGS = 20
"""Tags that one request may add or remove."""

EDITS_AT_ONCE = 32
"""Edits under way at once, at most; the pace may let fewer through."""

_TAG = re.compile(r"[-\w]+([ ]+[-\w]+)*")
_SILENT = "W&B answered without saying what it did."
_UNCHANGED = (
    "W&B accepted the time to live and left it as it was: its team may let only admins change it"
)


def edit_fault(edit: Edit) -> str:
    """What W&B would not accept in an edit, as a sentence; empty when it is fine."""
    return next(chain(_alias_faults(edit), _other_faults(edit)), "")


def _alias_faults(edit: Edit) -> Iterator[str]:
    for alias in edit.add_aliases:
        signs = [sign for sign in "/:" if sign in alias]
        if not alias:
            yield "an alias needs at least one character"
        elif len(alias) > LONGEST_ALIAS:
            yield f"an alias has at most {LONGEST_ALIAS} characters, and this one {len(alias)}"
        elif signs:
            yield f"the alias {alias!r} cannot be used: it has a {signs[0]} in it"
        elif is_label(alias):
            yield f"{alias} is the name of a version: W&B gives these out itself"
    for alias in filter(is_label, edit.remove_aliases):
        yield f"{alias} is the name of a version: it cannot be removed"
    for alias in sorted(set(edit.add_aliases) & set(edit.remove_aliases)):
        yield f"the alias {alias!r} is to be added and removed at once"


def _other_faults(edit: Edit) -> Iterator[str]:
    for tag in (*edit.add_tags, *edit.remove_tags):
        if not _TAG.fullmatch(tag):
            rule = "a tag has letters, digits, - and _, and spaces between them"
            yield f"the tag {tag!r} cannot be used: {rule}"
    if max(len(edit.add_tags), len(edit.remove_tags)) > MOST_TAGS:
        yield f"W&B takes at most {MOST_TAGS} tags at a time"
    for tag in sorted(set(edit.add_tags) & set(edit.remove_tags)):
        yield f"the tag {tag!r} is to be added and removed at once"
    if edit.ttl_us is not None and edit.ttl_us <= 0 and edit.ttl_us not in {TTL_INHERIT, TTL_OFF}:
        yield "a time to live must be longer than nothing"


def ttl_seconds(ttl_us: int) -> int:
    """A time to live as W&B takes it: whole seconds, rounded up; -1 inherit, -2 off."""
    return ttl_us if ttl_us in {TTL_INHERIT, TTL_OFF} else -(-ttl_us // wandb_model.SECOND_US)


@dataclass(frozen=True, slots=True)
class EditTarget:
    """A version to be edited, as one collection shows it."""

    artifact: wandb_model.Artifact
    home: wandb_model.CollectionPlace
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
            and not is_label(row.alias)
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

    def alias_input(self, alias: str) -> dict[str, str]:
        """An alias in this collection, as requests name it."""
        project = self.home.project
        entity = project.entity if project else None
        return {
            "entityName": (entity.name if entity else None) or "",
            "projectName": (project.name if project else None) or "",
            "artifactCollectionName": self.home.name or "",
            "alias": alias,
        }

    def forbids(self, edit: Edit) -> str:
        """What W&B does not allow for this version, or would do to another one."""
        if self.link and (edit.add_tags or edit.remove_tags):
            return "a link has no tags of its own: change those of its source"
        if edit.ttl_us is None:
            return ""
        if self.link:
            return "a link has no time to live: set that of its source"
        if wandb_model.is_automatic_type(self.artifact.type) or self.artifact.is_generated:
            return f"W&B has no time to live for versions of the type {self.artifact.type}"
        return ""


@dataclass(frozen=True, slots=True)
class EditStep:
    """One writing request of an edit."""

    document: str
    variable: Mapping[str, object]
    what: str
    """What it does, as in `adding aliases`."""
    parts: tuple[str, ...]
    """What it does, change by change, as in `adding the alias best`."""


class StepEnd(NamedTuple):
    """How a step that is not done has ended."""

    result: Result
    why: str
    left: tuple[str, ...] = ()
    """The parts that are known not to be done, of a step that was done in part."""


def edit_steps(edit: Edit, target: EditTarget) -> list[EditStep]:
    """The requests that an edit still needs, given what is so already."""
    gid = target.artifact.id
    found = []
    fresh = [alias for alias in edit.add_aliases if alias not in target.aliases]
    old = [alias for alias in edit.remove_aliases if alias in target.aliases]
    for document, doing, aliases in (
        (ADD_ALIASES, "adding", fresh),
        (REMOVE_ALIASES, "removing", old),
    ):
        if aliases:
            inputs = [target.alias_input(alias) for alias in aliases]
            variable = {"artifactID": gid, "aliases": inputs}
            named = tuple(f"{doing} the alias {alias}" for alias in aliases)
            found.append(EditStep(document, variable, f"{doing} aliases", named))
    changed: dict[str, object] = {}
    parts = []
    for key, doing, tags in (
        ("tagsToAdd", "adding", [tag for tag in edit.add_tags if tag not in target.tags]),
        ("tagsToDelete", "removing", [tag for tag in edit.remove_tags if tag in target.tags]),
    ):
        if tags:
            changed[key] = [{"tagName": tag} for tag in tags]
            parts += [f"{doing} the tag {tag}" for tag in tags]
    seconds = None if edit.ttl_us is None else ttl_seconds(edit.ttl_us)
    if seconds is not None and not target.has_ttl(seconds):
        changed["ttlDurationSeconds"] = seconds
        parts.append(CHANGING_TTL)
    if changed:
        changed["artifactID"] = gid
        what = "changing tags or time to live"
        found.append(EditStep(UPDATE_VERSION, changed, what, tuple(parts)))
    return found


def remaining_parts(edit: Edit, step: EditStep, now: EditTarget) -> tuple[str, ...] | None:
    """The parts of a step that a version, as it is now, still lacks; None when that is not told."""
    shown = now.artifact
    if step.document != UPDATE_VERSION:
        told = shown.aliases is not None
    else:
        told = shown.tags is not None or step.parts == (CHANGING_TTL,)
        if CHANGING_TTL in step.parts and shown.ttl_is_inherited is None:
            told &= edit.ttl_us != TTL_INHERIT and shown.ttl_duration_seconds is not None
    if not told:
        return None
    needed = {part for one in edit_steps(edit, now) for part in one.parts}
    return tuple(part for part in step.parts if part in needed)


def answered_end(
    edit: Edit, step: EditStep, target: EditTarget, reply: GraphReply
) -> StepEnd | None:
    """How a step ended as its answer tells: None when it was done, UNKNOWN when a look must."""
    if reply.errors or reply.status >= 300:  # noqa: PLR2004 - no success
        found = outcome_of_errors(edit.key, reply.errors, reply.status)
        return StepEnd(found.result, found.message)
    try:
        answer = wandb_model.read_answer(reply.data, _EditAnswer, step.what)
    except RegistryError as error:
        return StepEnd(Result.UNKNOWN, str(error))
    if step.document != UPDATE_VERSION:
        payload = answer.add_aliases if step.document == ADD_ALIASES else answer.delete_aliases
        success = payload.success if payload is not None else None
        silent = StepEnd(Result.UNKNOWN, _SILENT)
        failed = StepEnd(Result.REFUSED, "W&B says that it did not do it")
        return None if success else silent if success is None else failed
    shown = answer.update_artifact.artifact if answer.update_artifact is not None else None
    if shown is None or shown.id != target.artifact.id:
        other = "W&B answered about another version."
        return StepEnd(Result.UNKNOWN, _SILENT if shown is None else other)
    now = structs.replace(
        target.artifact,
        tags=shown.tags,
        ttl_duration_seconds=shown.ttl_duration_seconds,
        ttl_is_inherited=shown.ttl_is_inherited,
    )
    left = remaining_parts(edit, step, replace(target, artifact=now))
    if left == (CHANGING_TTL,):
        return StepEnd(Result.REFUSED, _UNCHANGED, left)
    return None if left == () else StepEnd(Result.UNKNOWN, "W&B accepted it.")


class WandbEditor:
    """Edits on one connection."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    async def edit(self, edits: Sequence[Edit]) -> list[Outcome]:
        """One outcome for each edit, in the same order."""
        faults = [edit_fault(edit) for edit in edits]
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
                outcomes[number] = await self._edit_one(edits[number], found[number])

        async with asyncio.TaskGroup() as group:
            group.create_task(work(moving))
            for _ in range(min(EDITS_AT_ONCE, len(others))):
                group.create_task(work(others))
        return [one for one in outcomes if one is not None]

    async def _read(self, key: str) -> EditTarget | RegistryError | None:
        """A version as it is now; None when it is gone, an error when that is not told."""
        ref = wandb_model.parse_version_key(key)
        if ref is None:
            return None
        try:
            if isinstance(ref, wandb_model.LinkKey):
                artifact, portfolio = await together(
                    self._graph.ask(_TARGET_VERSION, id=ref.artifact),
                    self._graph.ask(_TARGET_PORTFOLIO, id=ref.portfolio),
                )
                if artifact is None or portfolio is None:
                    return None
                gone = {artifact.state, portfolio.state} & wandb_model.GONE_STATES
                return None if gone else EditTarget(artifact, portfolio, link=True)
            artifact = await self._graph.ask(_TARGET_VERSION, id=ref.artifact)
        except RegistryError as error:
            return error
        home = artifact.artifact_sequence if artifact is not None else None
        if artifact is None or artifact.state in wandb_model.GONE_STATES or home is None:
            return None
        return EditTarget(artifact, home, link=False)

    async def _edit_one(self, edit: Edit, target: EditTarget | RegistryError | None) -> Outcome:
        if isinstance(target, RegistryError):
            return Outcome(edit.key, Result.FAILED, str(target))
        if target is None:
            return Outcome(edit.key, Result.ABSENT, "W&B does not show it (any more)")
        if why := target.forbids(edit):
            return Outcome(edit.key, Result.REFUSED, why)
        for what, asked, shown in (
            ("aliases", edit.add_aliases + edit.remove_aliases, target.artifact.aliases),
            ("tags", edit.add_tags + edit.remove_tags, target.artifact.tags),
        ):
            if asked and shown is None:
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
            if alias in target.aliases:
                continue
            place = target.alias_input(alias)
            name = f"{place['artifactCollectionName']}:{alias}"
            try:
                answer = await self._graph.ask(
                    _ALIAS_HOLDER, e=place["entityName"], p=place["projectName"], n=name
                )
            except RegistryError:
                continue
            member = answer.artifact_collection_membership if answer else None
            if member is not None and member.version_index is not None:
                found.append(f"{alias} moved from v{member.version_index}")
        return found

    async def _step(self, edit: Edit, step: EditStep, target: EditTarget) -> StepEnd | None:
        """Send one request, and look whether it was done when its answer does not tell.

        None when it was done.
        """
        call = GraphCall(step.document, {"i": step.variable}, writes=True, what=step.what)
        try:
            end = answered_end(edit, step, target, await self._graph.send(call))
        except UncertainError as error:
            end = StepEnd(Result.UNKNOWN, str(error))
        except RegistryError as error:
            return StepEnd(Result.FAILED, str(error))
        if end is None or end.result is not Result.UNKNOWN:
            return end
        now = await self._read(edit.key)
        if isinstance(now, RegistryError):
            return end
        if now is None:
            return StepEnd(Result.ABSENT, "W&B does not show it (any more)")
        left = remaining_parts(edit, step, now)
        if left is None:
            why = f"{end.why} A look does not tell whether it was done."
            return StepEnd(Result.UNKNOWN, why)
        why = f"{end.why} A look shows that it was not done."
        return StepEnd(Result.FAILED, why, left) if left else None
