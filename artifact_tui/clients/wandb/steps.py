"""The writing requests of an edit, and what of them a version shows to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import rules
from artifact_tui.model import TTL_INHERIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.clients.wandb.targets import Target
    from artifact_tui.model import Edit

ADD = "mutation($i:AddAliasesInput!){addAliases(input:$i){success}}"
REMOVE = "mutation($i:DeleteAliasesInput!){deleteAliases(input:$i){success}}"
UPDATE = (
    "mutation($i:UpdateArtifactInput!){updateArtifact(input:$i){artifact{id"
    " <Artifact.ttlDurationSeconds|ttlDurationSeconds> <Artifact.ttlIsInherited|ttlIsInherited>"
    " <Artifact.tags|tags{name}>}}}"
)

TTL = "changing the time to live"
"""The part of a step that does so."""


@dataclass(frozen=True, slots=True)
class Step:
    """One writing request of an edit."""

    document: str
    variable: Mapping[str, object]
    what: str
    """What it does, as in `adding aliases`."""
    parts: tuple[str, ...]
    """The same, change by change, as in `adding the alias best`."""


def steps(edit: Edit, target: Target) -> list[Step]:
    """The requests that an edit still needs, given what is so already."""
    gid = target.artifact.id
    found = []
    if fresh := [alias for alias in edit.add_aliases if alias not in target.aliases]:
        variable = {"artifactID": gid, "aliases": [target.named(alias) for alias in fresh]}
        parts = tuple(f"adding the alias {alias}" for alias in fresh)
        found.append(Step(ADD, variable, "adding aliases", parts))
    if old := [alias for alias in edit.remove_aliases if alias in target.aliases]:
        variable = {"artifactID": gid, "aliases": [target.named(alias) for alias in old]}
        parts = tuple(f"removing the alias {alias}" for alias in old)
        found.append(Step(REMOVE, variable, "removing aliases", parts))
    return found + _update(edit, target)


def _update(edit: Edit, target: Target) -> list[Step]:
    """The `updateArtifact` with the keys that change something; none when none does."""
    changed: dict[str, object] = {}
    fresh = [tag for tag in edit.add_tags if tag not in target.tags]
    old = [tag for tag in edit.remove_tags if tag in target.tags]
    parts = [f"adding the tag {tag}" for tag in fresh] + [f"removing the tag {tag}" for tag in old]
    if fresh:
        changed["tagsToAdd"] = [{"tagName": tag} for tag in fresh]
    if old:
        changed["tagsToDelete"] = [{"tagName": tag} for tag in old]
    if edit.ttl_us is not None and not target.has_ttl(seconds := rules.ttl_seconds(edit.ttl_us)):
        changed["ttlDurationSeconds"] = seconds
        parts.append(TTL)
    if not changed:
        return []
    variable = {"artifactID": target.artifact.id, **changed}
    return [Step(UPDATE, variable, "changing tags or time to live", tuple(parts))]


def remaining(edit: Edit, step: Step, now: Target) -> tuple[str, ...] | None:
    """The parts of a step that a version, as it is now, still lacks; None when that is not told."""
    if not _told(edit, step, now):
        return None
    needed = {part for one in steps(edit, now) for part in one.parts}
    return tuple(part for part in step.parts if part in needed)


def _told(edit: Edit, step: Step, now: Target) -> bool:
    """Whether the server tells what the step is about."""
    shown = now.artifact
    if step.document != UPDATE:
        return shown.aliases is not None
    if shown.tags is None and step.parts != (TTL,):
        return False
    if TTL not in step.parts or shown.ttl_is_inherited is not None:
        return True
    return edit.ttl_us != TTL_INHERIT and shown.ttl_duration_seconds is not None
