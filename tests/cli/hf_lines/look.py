"""Run with a line of huggingface_hub: what it finds in caches, and reads without a network.

Standard input: the snapshots that must be whole, as for `download.py`, by cache. Standard output:
what it found, by cache.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from huggingface_hub import __version__, scan_cache_dir, snapshot_download


def look(cache: str, snapshots: list[list[str]]) -> dict[str, object]:
    """One cache: warnings, revisions, and the files of snapshots by what they hold."""
    whole = {}
    for kind, repository, revision in snapshots:
        folder = snapshot_download(
            repository, repo_type=kind, revision=revision, cache_dir=cache, local_files_only=True
        )
        whole[revision] = {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }
    found = scan_cache_dir(cache)
    return {
        "version": __version__,
        "warnings": [str(warning).replace(cache, "") for warning in found.warnings],
        "revisions": [one.commit_hash for each in found.repos for one in each.revisions],
        "whole": whole,
    }


json.dump(
    {cache: look(cache, wanted) for cache, wanted in json.load(sys.stdin).items()}, sys.stdout
)
