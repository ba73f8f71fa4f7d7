"""Changing aliases and tags of versions, and tags of runs and logged models.

An alias of MLflow's own, `latest` or a version number, cannot be set, and MLflow says so. A tag is
written `KEY=VALUE`, or `KEY` alone: to add one whose key is there gives it another value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from artifact_tui.clients.mlflow.mlflow_deleting import outcome_of, unanswered
from artifact_tui.clients.mlflow.mlflow_entries import (
    OWN_TAGS,
    STAGE,
    AliasEntry,
    TagEntry,
    parse_logged,
    parse_run,
    parse_version,
)
from artifact_tui.errors import RegistryError
from artifact_tui.model import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from artifact_tui.clients.mlflow.mlflow_entries import ModelEntry, ModelVersionName, Shown
    from artifact_tui.clients.mlflow.mlflow_facts import MlflowFacts
    from artifact_tui.clients.mlflow.mlflow_requests import MlflowRequests
    from artifact_tui.model import Edit


class EditCall(NamedTuple):
    """One request of an edit, and what else it changes, for people."""

    method: str
    what: str
    body: dict[str, Any]
    also: str = ""


class RefusedEditError(Exception):
    """What cannot be changed so: nothing of the edit was sent."""


class MlflowEdits:
    """Carries out the edits of one `edit` call, one after the other."""

    def __init__(self, requests: MlflowRequests, facts: MlflowFacts, edits: Sequence[Edit]) -> None:
        self._requests = requests
        self._facts = facts
        self._edits = edits
        self._models: dict[str, ModelEntry] = {}

    async def outcomes(self) -> list[Outcome]:
        """One outcome for each edit, in the same order."""
        keys = [one.key for one in self._edits]
        names = {ref.name for key in keys if (ref := parse_version(key)) is not None}
        try:
            there, self._models = await self._facts.shown(keys), await self._facts.models(names)
        except RegistryError as error:
            return [Outcome(key, Result.FAILED, f"not sent: {error}") for key in keys]
        return [await self._outcome(one, there) for one in self._edits]

    async def _outcome(self, edit: Edit, there: Mapping[str, Shown]) -> Outcome:
        if edit.key not in there:
            return Outcome(edit.key, Result.ABSENT, "MLflow has nothing with such a key")
        try:
            calls = list(self._calls(edit, there[edit.key]))
        except RefusedEditError as error:
            return Outcome(edit.key, Result.REFUSED, str(error))
        words = []
        for call in calls:
            try:
                answer = await self._requests.write(call.method, call.what, call.body)
            except RegistryError as error:
                return unanswered(edit.key, error)
            found = outcome_of(self._requests, edit.key, answer)
            if found.result is not Result.DONE:
                return found
            self._note(call)
            words += [call.also] if call.also else []
        return Outcome(edit.key, Result.DONE, ", ".join(words))

    def _calls(self, edit: Edit, now: Shown) -> Iterator[EditCall]:
        """The requests of an edit; all that is refused is refused before the first is sent."""
        ref = parse_version(edit.key)
        for text in (*edit.add_tags, *edit.remove_tags):
            if not text or text.startswith((OWN_TAGS, "=")):
                raise RefusedEditError(f"no tag can be called “{text}”: MLflow keeps those")
        if ref is None:
            if edit.add_aliases:
                raise RefusedEditError("only versions of registered models have aliases")
        else:
            yield from self._alias_calls(edit, ref)
        there = set(now.version.tags)
        added = {_tag(text).key for text in edit.add_tags}
        for text in edit.remove_tags:
            if text in there and _tag(text).key not in added:
                yield _tag_call(edit.key, _tag(text), remove=True)
        for text in edit.add_tags:
            if text not in there:
                yield _tag_call(edit.key, _tag(text))

    def _alias_calls(self, edit: Edit, ref: ModelVersionName) -> Iterator[EditCall]:
        for name in edit.add_aliases:
            if not _ALIAS.fullmatch(name) or _OWN_ALIAS.fullmatch(name):
                raise RefusedEditError(
                    f"“{name}” cannot be an alias: MLflow takes letters, digits, - and _, and keeps"
                    " latest and version numbers for itself"
                )
        if any(name.startswith(STAGE) for name in edit.remove_aliases):
            raise RefusedEditError("a stage is changed in MLflow")
        model = self._models[ref.name]
        held = {one.alias: one.version for one in model.aliases}
        for name in edit.remove_aliases:
            if held.get(name) == ref.version and name not in edit.add_aliases:
                yield EditCall("DELETE", _ALIASES, {"name": ref.name, "alias": name})
        for name in edit.add_aliases:
            if held.get(name) != ref.version:
                body = {"name": ref.name, "alias": name, "version": ref.version}
                moved = f"{name} moved from v{held[name]}" if name in held else ""
                yield EditCall("POST", _ALIASES, body, moved)

    def _note(self, call: EditCall) -> None:
        """Remember which alias is where now, for the edits that follow."""
        if call.what == _ALIASES:
            model, name = self._models[str(call.body["name"])], str(call.body["alias"])
            model.aliases = [one for one in model.aliases if one.alias != name]
            if "version" in call.body:
                model.aliases.append(AliasEntry(name, str(call.body["version"])))


def _tag(text: str) -> TagEntry:
    """The tag that a text means."""
    key, _, value = text.partition("=")
    return TagEntry(key, value)


def _tag_call(key: str, tag: TagEntry, *, remove: bool = False) -> EditCall:
    """The request that sets a tag of a version, a logged model or a run, or takes it off."""
    value = {} if remove else {"value": tag.value}
    if (ref := parse_version(key)) is not None:
        body = {"name": ref.name, "version": ref.version, "key": tag.key, **value}
        place = "model-versions/delete-tag" if remove else "model-versions/set-tag"
        return EditCall("DELETE" if remove else "POST", place, body)
    if (run := parse_run(key)) is not None:
        place = "runs/delete-tag" if remove else "runs/set-tag"
        return EditCall("POST", place, {"run_id": run, "key": tag.key, **value})
    place = f"logged-models/{parse_logged(key)}/tags"
    if remove:
        return EditCall("DELETE", f"{place}/{quote(tag.key, safe='')}", {})
    return EditCall("PATCH", place, {"tags": [{"key": tag.key, "value": tag.value}]})


_ALIASES = "registered-models/alias"
_ALIAS = re.compile(r"[\w-]+")
_OWN_ALIAS = re.compile(r"latest|v[0-9]+", re.IGNORECASE)
