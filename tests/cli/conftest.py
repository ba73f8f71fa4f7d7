"""The command line, run in this process."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import uuid
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from artifact_tui import config
from artifact_tui.cli import main
from artifact_tui.clients import local
from artifact_tui.model import NewVersion
from tests.cli.shelf import Shelf
from tests.servers.wandb.process import fresh
from tests.servers.wandb.scenes import Company, Link, Series, Team, Version
from tests.support.forked_terminal import ForkedTerminal
from tests.support.sync_store import SyncStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.wandb.process import Server


@dataclass(frozen=True)
class Ran:
    """What a command returned and printed."""

    code: int
    out: str
    err: str

    @property
    def ageless(self) -> str:
        """Standard output without how old things are."""
        return re.sub(r"\d+ (s|min) old", "new", self.out)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON objects on standard output."""
        return [json.loads(line) for line in self.out.splitlines()]


class Cli(Protocol):
    """Runs one command line."""

    def __call__(self, *args: str | Path, code: int | None = 0) -> Ran:
        """Run it, and check its exit code unless it is None."""


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run command lines as the console script would."""

    def run(*args: str | Path, code: int | None = 0) -> Ran:
        capsys.readouterr()
        returned = main([str(arg) for arg in args])
        printed = capsys.readouterr()
        ran = Ran(returned, printed.out, printed.err)
        assert code is None or ran.code == code, ran
        return ran

    return run


def on_terminal(*args: object, typed: str = "") -> ForkedTerminal:
    """Run a command line in a terminal of its own, in which something may be typed already."""
    return ForkedTerminal(
        ["-m", "artifact_tui", *map(str, args)],
        size=(100, 24),
        env={**os.environ, "TERM": "xterm"},
        typed=typed,
        encoding="utf-8",
        timeout=100,
    )


@dataclass(frozen=True)
class Local:
    """A registry in a folder, filled through the client rather than the commands under test."""

    path: Path

    @property
    def address(self) -> str:
        """What a user types."""
        return f"local:{self.path}"

    def add(self, name: str, *, content: bytes = b"", **said: Any) -> str:
        """Add a version; gives its key."""
        source = self.path.parent / f"source-{uuid.uuid4().hex}"
        source.write_bytes(content or name.encode("utf-8") * 10)

        async def work() -> str:
            client = local.create(self.path)
            try:
                return await client.add(
                    source, NewVersion(**{"name": name, "type": "model", **said})
                )
            finally:
                await client.aclose()

        return asyncio.run(work())

    def change(self, work: Callable[[SyncStore], object]) -> None:
        """Do something to it, as another process would."""
        with closing(SyncStore.create(self.path)) as store:
            work(store)

    def keys(self) -> dict[str, str]:
        """NAME:V of each version by its key."""
        with closing(sqlite3.connect(self.path / "registry.db")) as conn:
            return dict(
                conn.execute(
                    "SELECT v.key, c.name || ':' || v.label FROM version v"
                    " JOIN collection c ON c.id = v.collection_id"
                )
            )

    def states(self) -> dict[str, str]:
        """The state of each version by NAME:V."""
        with closing(sqlite3.connect(self.path / "registry.db")) as conn:
            return dict(
                conn.execute(
                    "SELECT c.name || ':' || v.label, v.state FROM version v"
                    " JOIN collection c ON c.id = v.collection_id"
                )
            )


@pytest.fixture
def registry(tmp_path: Path) -> Local:
    """Five versions of `net`, the newest with `latest`; `tiny:v0` was made from `net:v1`."""
    made = Local(tmp_path / "reg")
    keys = [made.add("net", content=bytes([n]) * (n + 1) * 1000) for n in range(5)]
    made.add("tiny", parents=[keys[1]])
    made.change(lambda store: store.unalias(keys[4], "latest"))
    made.change(lambda store: store.alias(keys[3], "prod", protected=True))
    made.change(lambda store: store.alias(keys[2], "candidate"))
    return made


@pytest.fixture
def shelf(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """An empty registry of a third party's kind."""
    return Shelf.make(cli, tmp_path, monkeypatch)


@pytest.fixture
def wandb_process() -> Server:
    """One stand-in for W&B; each test fills it anew."""
    return fresh()


@pytest.fixture
def vision(wandb_process: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """The project acme/vision with a registry above it, configured as `vision`.

    Run 1jx2ud12 logged mnist:v3, mnist:v4 (`latest`) and net:v0; `mnist:v2` is `production` in
    the registry's collection `Prod`; `net:v1` was made from `mnist:v1`.
    """
    server = wandb_process
    server.seed(
        companies=[Company(name="acme", entity="acme-org")],
        teams=[Team(name="acme", organization="acme")],
        series=[
            Series(path="acme/vision/mnist", type="dataset", versions=[
                Version(size=1000), Version(size=2000, used_by=["2b"]), Version(size=3000),
                Version(size=4000, run="1jx2ud12"),
                Version(size=5000, run="1jx2ud12", aliases=["latest"]),
            ]),
            Series(path="acme/vision/net", versions=[
                Version(run="1jx2ud12", aliases=["candidate"]), Version(run="2b"),
            ]),
        ],
        links=[Link(portfolio="acme-org/wandb-registry-model/Prod",
                    version="acme/vision/mnist:v2", aliases=["production"])],
    )  # fmt: skip
    server.clear()
    monkeypatch.setenv("WANDB_BASE_URL", server.base_url)
    monkeypatch.setenv("WANDB_API_KEY", server.api_key)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (config.config_dir() / "config.toml").write_text(
        f'[registries.vision]\naddress = "{server.address()}"\n', encoding="utf-8"
    )
    return server
