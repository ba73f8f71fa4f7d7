"""What was made from what in a Hugging Face cache: models say it in their cards and adapters.

A card names repositories, not revisions: what says that it was made from a repository was made from
the revision that its name alone stands for.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from artifact_tui.clients.huggingface.hf_cache import (
    SNAPSHOTS,
    beginning_of,
    current,
    entries_in,
)

if TYPE_CHECKING:
    from collections.abc import Collection as Some
    from collections.abc import Iterable

    from artifact_tui.clients.huggingface.hf_cache import Cache, CachedVersion, Repository
    from artifact_tui.model import Facts

CARD = "README.md"
ADAPTER = "adapter_config.json"
_REPO_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


class CardLineage:
    """The lineage between the revisions of one cache."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self._sources: dict[str, frozenset[str]] = {}
        """What is said in blobs that were read: they never change."""

    def facts(self, versions: Iterable[CachedVersion]) -> list[Facts]:
        """What is true of these versions now, in the same order."""
        versions = list(versions)
        repositories = {one.repository.folder: one.repository for one in versions}
        by_name = {
            f"{folder}/{part}" for folder, one in repositories.items() for part in needed_parts(one)
        }
        made = self.dependents({one.repository.folder for one in versions if one.key in by_name})
        found = []
        for one in versions:
            others = made[one.repository.folder] if one.key in by_name else []
            found.append(one.facts(tuple(sorted({*one.forms, *others}))))
        return found

    def parents(self, repository: Repository) -> dict[str, frozenset[str]]:
        """The folders of what each revision says it was made from, by commit."""
        top = f"{self.cache.root}/{repository.folder}/{SNAPSHOTS}"
        return {
            commit: self._named_sources(f"{top}/{commit}") - {repository.folder}
            for commit, revision in repository.revisions.items()
            if CARD in revision.files or ADAPTER in revision.files
        }

    def dependents(self, folders: Some[str]) -> dict[str, list[str]]:
        """By these folders, the keys of the revisions that say they were made from it, sorted."""
        found: dict[str, list[str]] = {folder: [] for folder in folders}
        for child in self.cache.folders() if found else ():
            try:
                snapshots = entries_in(f"{self.cache.root}/{child}/{SNAPSHOTS}")
            except OSError:  # what it was made from is not listed either
                continue
            for entry in snapshots:
                for folder in self._named_sources(entry.path) & found.keys() - {child}:
                    found[folder].append(f"{child}/{SNAPSHOTS}/{entry.name}")
        return {folder: sorted(keys) for folder, keys in found.items()}

    def _named_sources(self, snapshot: str) -> frozenset[str]:
        """What the card and the adapter of a revision name, as folders that may be here."""
        found: frozenset[str] = frozenset()
        for name, read in ((CARD, _card_sources), (ADAPTER, _adapter_sources)):
            path = f"{snapshot}/{name}"
            try:
                known = os.path.normpath(os.path.join(snapshot, os.readlink(path)))
            except OSError:
                known = ""
            if known not in self._sources:
                said = read(path)
                if not known:
                    found |= said
                    continue
                self._sources[known] = said
            found |= self._sources[known]
        return found


def needed_parts(repository: Repository) -> list[str]:
    """What others were made from when they were made from a repository.

    The revision that its name alone stands for, with one of the forms of its weights.
    """
    commit = current(repository)
    if not commit:
        return []
    part = f"{SNAPSHOTS}/{commit}"
    apart = set(repository.revisions[commit].alternatives.values())
    return [part, *(f"{part}/{form}" for form in sorted(apart))]


def _card_sources(path: str) -> frozenset[str]:
    """The folders of what a model card calls its base model and its datasets."""
    text = beginning_of(path)
    if not text.startswith("---"):
        return frozenset()
    import yaml  # noqa: PLC0415 - takes as long as all else of this kind, and few caches have cards

    # makes text of every scalar, and merges nothing: a card cannot grow while it is read
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        card = yaml.load(text[3:].partition("\n---")[0], Loader=loader)  # noqa: S506 - only text
    except (yaml.YAMLError, ValueError, RecursionError):
        return frozenset()
    if not isinstance(card, dict):
        return frozenset()
    return _folders_of("models", card.get("base_model")) | _folders_of(
        "datasets", card.get("datasets")
    )


def _adapter_sources(path: str) -> frozenset[str]:
    """The folder of the model that an adapter was trained for."""
    try:
        adapter = json.loads(beginning_of(path) or "null")
    except (ValueError, RecursionError):
        return frozenset()
    named = adapter.get("base_model_name_or_path") if isinstance(adapter, dict) else None
    return _folders_of("models", named)


def _folders_of(prefix: str, names: object) -> frozenset[str]:
    """The folders of repositories of these names."""
    several = names if isinstance(names, list) else [names]
    plain = (name for name in several if isinstance(name, str) and _REPO_ID.fullmatch(name))
    return frozenset(f"{prefix}--{name.replace('/', '--')}" for name in plain)
