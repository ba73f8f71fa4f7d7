"""What is true of versions now, in as few requests as there can be.

A server with authentication needs most of a second for each. So a batch is looked up in three
searches, whatever its size: the versions, the models that hold their aliases, the copies of them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from artifact_tui.clients.mlflow.mlflow_entries import (
    AliasTable,
    ModelEntry,
    VersionEntry,
    VersionRef,
    parse_version,
    version_facts,
)
from artifact_tui.clients.mlflow.mlflow_requests import IS_PROMPT, name_filters
from artifact_tui.clients.transport import together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from artifact_tui.clients.mlflow.mlflow_requests import MlflowRequests
    from artifact_tui.model import Facts

COPIES = "source_path LIKE 'models:/%/%'"
"""Versions that were copied from another version."""


class MlflowFacts:
    """Looks at what one server holds."""

    def __init__(self, requests: MlflowRequests) -> None:
        self._requests = requests

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions; those that are gone are left out."""
        refs = {key: ref for key in keys if (ref := parse_version(key)) is not None}
        if not refs:
            return {}
        names = {ref.name for ref in refs.values()}
        found = await self._facts(names, await self._versions(refs.values()))
        return {key: found[key] for key in refs if key in found}

    async def of_model(self, name: str) -> Mapping[str, Facts] | None:
        """What is true of every version of a registered model; None: there is no such model."""
        if not await self.models({name}):
            return None
        return await self._facts({name}, await self._search(name_filters([name])))

    async def _facts(self, names: set[str], rows: Iterable[VersionEntry]) -> dict[str, Facts]:
        models, copies = await together(self.models(names), self._requests.versions(COPIES))
        dependents = defaultdict[str, set[str]](set)
        for one in copies.model_versions:
            for parent in one.parents:
                dependents[parent].add(one.key)
        aliases = AliasTable(models.values())
        return {
            one.key: version_facts(one, models.get(one.name), aliases, dependents[one.key])
            for one in rows
            if one.name in names
        }

    async def models(self, names: Iterable[str]) -> dict[str, ModelEntry]:
        """The registered models and prompts of these names; MLflow tells prompts only as such."""
        missing, found = set(names), dict[str, ModelEntry]()
        for kind in ("", IS_PROMPT):
            conditions = (
                " AND ".join(filter(None, (one, kind))) for one in name_filters(sorted(missing))
            )
            parts = await together(*(self._requests.models(one) for one in conditions))
            found |= {one.name: one for part in parts for one in part if one.name in missing}
            missing -= found.keys()
        return found

    async def _versions(self, refs: Iterable[VersionRef]) -> list[VersionEntry]:
        """Some versions: of one model only what lies between the first and the last of them."""
        meant = set(refs)
        filters = name_filters(sorted({ref.name for ref in meant}))
        if len({ref.name for ref in meant}) == 1 and filters != [""]:
            numbers = [int(ref.version) for ref in meant]
            span = f"version_number >= {min(numbers)} AND version_number <= {max(numbers)}"
            filters = [f"{filters[0]} AND {span}"]
        found = await self._search(filters)
        return [one for one in found if VersionRef(one.name, one.version) in meant]

    async def _search(self, filters: Iterable[str]) -> list[VersionEntry]:
        asked = [
            " AND ".join(filter(None, (one, kind))) for one in filters for kind in ("", IS_PROMPT)
        ]
        parts = await together(*(self._requests.versions(one) for one in asked))
        return list({one.key: one for part in parts for one in part.model_versions}.values())
