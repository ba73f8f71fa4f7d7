"""A registry of a third party's kind, with links and whole collections, as the commands see it.

It refuses almost nothing, so what the commands do not look at goes; and it says of a version
whatever a test wants. No server is needed: it is a file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifact_tui import config
from tests.servers.faulty import faulty
from tests.servers.faulty.linked import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from tests.cli.conftest import Cli, Ran

FAULTY = Path(faulty.__file__).parent


@dataclass(frozen=True)
class Shelf:
    """Such a registry, and the commands that are about it."""

    cli: Cli
    folder: Path
    registry: Registry
    name: str = ""
    """What it is called in the configuration; empty: it is not in there."""

    @classmethod
    def make(cls, cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
        """An empty one; the kind is installed as a third party's is."""
        monkeypatch.syspath_prepend(str(FAULTY))
        monkeypatch.setenv("PYTHONPATH", str(FAULTY))
        return cls(cli, folder, Registry(folder / "shelf.linked"))

    @property
    def address(self) -> str:
        return f"faulty:{self.registry.path}"

    def configured(self, name: str, **more: object) -> Shelf:
        """The same one, in the configuration."""
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in more.items()]
        head = f'[registries.{name}]\naddress = "{self.address}"\n'
        (config.config_dir() / "config.toml").write_text(head + "".join(lines), encoding="utf-8")
        return replace(self, name=name)

    @property
    def path(self) -> Path:
        """Where `plan` puts its plan."""
        return self.folder / "shelf.plan"

    def faults(self, *rules: dict[str, Any], **more: Any) -> None:
        """What goes wrong, as in `faulty.py`."""
        script = self.registry.path.with_name(f"{self.registry.path.name}.faults.json")
        script.write_text(json.dumps({"rules": rules, **more}), encoding="utf-8")

    def sent(self) -> list[tuple[str, list[str]]]:
        """Every deletion that was asked of the registry: the call, and its keys."""
        served = faulty.Served(
            self.registry.path.with_name(f"{self.registry.path.name}.served.jsonl")
        )
        writes = {"delete", "delete_collection"}
        lines = (line for line in served.lines() if line["at"] == "begin")
        return [(line["op"], line["keys"]) for line in lines if line["op"] in writes]

    def review(self, *words: str, code: int | None = None) -> dict[str, tuple[str, str, str]]:
        """What `plan --json` says of each version, by key: verdict, reason, detail."""
        self.path.unlink(missing_ok=True)
        ran = self.cli(
            "plan", self.name or self.address, *words, "--json", "-o", self.path, code=code
        )
        return {r["key"]: (r["verdict"], r["reason"], r["detail"]) for r in ran.records}

    def plan(self, *words: str) -> int:
        """Make a plan; how many items it deletes."""
        return sum(verdict == "delete" for verdict, _, _ in self.review(*words, code=0).values())

    def apply(self, count: int, *, code: int | None = 0) -> dict[str, tuple[str, str, str]]:
        """Apply the plan; what `report --json` says of each item that was to be deleted."""
        self.cli("apply", self.path, "--yes", "--expect", str(count), code=code)
        return self.report()

    def report(self) -> dict[str, tuple[str, str, str]]:
        """How each item has ended, by key: result, reason, detail or the registry's words."""
        records = self.cli("report", self.path, "--json", code=None).records
        return {
            r["key"]: (r["result"], r["reason"], r["detail"] or r["error"])
            for r in records
            if r["verdict"] == "delete"
        }

    def outcome(self, words: Sequence[str]) -> Ran:
        """Any other command about the plan."""
        return self.cli(*words, self.path, code=None)
