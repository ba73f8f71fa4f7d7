"""What others change between a review and its apply, at each kind of registry."""

from __future__ import annotations

import io
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import Local
from tests.servers.rest.process import fresh
from tests.servers.rest.registry import Entry
from tests.servers.wandb.scenes import Link, Name, Series, Use, Version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Cli
    from tests.servers.rest.process import Server as Rest
    from tests.servers.wandb.process import Server as Wandb

    Ends = dict[str, tuple[str, str, str]]


class Slow(io.StringIO):
    """A terminal at which somebody thinks, while others write, and then types a line."""

    def __init__(self, typed: str, meanwhile: Callable[[], object]) -> None:
        super().__init__(f"{typed}\n")
        self._meanwhile = meanwhile

    def isatty(self) -> bool:
        return True

    def readline(self, *size: int) -> str:  # type: ignore[override]
        self._meanwhile()
        return super().readline(*size)


def ends(cli: Cli, path: Path | str) -> Ends:
    """How each item has ended, by `NAME:LABEL`."""
    records = cli("report", path, "--json", code=None).records
    return {
        f"{r['name']}:{r['version']}": (r["result"], r["reason"], r["detail"])
        for r in records
        if r["verdict"] == "delete"
    }


GONE = ("verified", "", "")
BEFORE_US = ("gone", "", "")


def refused(reason: str, detail: str = "") -> tuple[str, str, str]:
    return "refused", reason, detail


def set_row(made: Local, key: str, words: str) -> None:
    """Another program writes the registry."""
    with closing(sqlite3.connect(made.path / "registry.db")) as conn:
        conn.execute(f"UPDATE version SET {words} WHERE key=?", (key,))
        conn.commit()


@pytest.fixture
def shop(tmp_path: Path) -> tuple[Local, dict[str, str]]:
    """Versions in collections of their own; others were made from `used` and `lost`."""
    made = Local(tmp_path / "shop")
    names = ("same", "digest", "alias", "hard", "used", "lost", "gone", "label", "writing", "new")
    keys = {name: made.add(f"x-{name}") for name in names}
    for name in ("used", "lost"):
        made.add(f"y-{name}", parents=[keys[name]])
    for name in names:
        made.change(lambda store, key=keys[name]: store.unalias(key, "latest"))  # type: ignore[misc]
    return made, keys


def test_a_local_registry(cli: Cli, shop: tuple[Local, dict[str, str]], tmp_path: Path) -> None:
    made, keys = shop
    path = tmp_path / "p.plan"
    cli("plan", made.address, "name:x-*", "--orphan-dependents", "-o", path)
    set_row(made, keys["digest"], "digest='sha256:other'")
    made.change(lambda store: store.alias(keys["alias"], "new"))
    made.change(lambda store: store.alias(keys["hard"], "prod", protected=True))
    made.add("y-more", parents=[keys["new"]])
    for name, number in (("x-gone", 1), ("y-lost", 1)):
        cli("plan", made.address, f"name:{name}", "--delete-aliases", "-o", tmp_path / name)
        cli("apply", tmp_path / name, "--yes", "--expect", str(number))
    set_row(made, keys["label"], "label='v7'")
    set_row(made, keys["writing"], "state='pending'")
    cli("apply", path, "--yes", "--expect", "10", code=1)
    found = ends(cli, path)
    assert found == {
        "x-same:v0": GONE,
        "x-digest:v0": refused("content_changed"),
        "x-alias:v0": refused("aliases_changed", "+new"),
        "x-hard:v0": refused("protected_since", "prod"),
        "x-used:v0": GONE,
        "x-lost:v0": refused("dependent_lost", "y-lost:v0"),
        "x-gone:v0": BEFORE_US,
        "x-label:v0": refused("renamed", "it is x-label:v7"),
        "x-writing:v0": refused("state_changed"),
        "x-new:v0": refused("dependent_added", "y-more:v0"),
    }
    stay = {name for name, state in made.states().items() if state != "trash"}
    assert stay == {
        "x-digest:v0", "x-alias:v0", "x-hard:v0", "x-lost:v0", "x-label:v7", "x-writing:v0",
        "x-new:v0", "y-used:v0", "y-more:v0",
    }  # fmt: skip


def test_what_leaves_the_trash_while_one_is_asked_is_not_purged(
    cli: Cli, shop: tuple[Local, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, keys = shop
    path = tmp_path / "p.plan"
    cli("plan", made.address, "name:x-*", "--with-dependents", "--delete-aliases", "-o", path)
    cli("apply", path, "--yes", "--expect", "12")

    def meanwhile() -> None:
        cli("restore", made.address, "x-same:v0")
        set_row(made, keys["digest"], "digest='sha256:other'")
        set_row(made, keys["label"], "label='v7'")

    monkeypatch.setattr(sys, "stdin", Slow("shop", meanwhile))
    ran = cli("purge", made.address, "--all", code=None)
    (task, *_) = cli("tasks", "--json").records
    found = ends(cli, task["path"])
    assert ran.code == 1, ran
    assert {name: one for name, one in found.items() if one != GONE} == {
        "x-same:v0": refused("restored"),
        "x-digest:v0": refused("content_changed"),
        "x-label:v0": refused("renamed", "it is x-label:v7"),
    }
    assert set(made.states()) == {"x-same:v0", "x-digest:v0", "x-label:v7"}


@pytest.fixture
def process() -> Rest:
    return fresh()


def test_a_rest_registry(cli: Cli, process: Rest, tmp_path: Path) -> None:
    process.become(row_urls=True, other_urls=True)
    entries = [Entry(str(n), f"acme/x{n}") for n in range(1, 7)]
    pairs = [
        Entry("10", "acme/x10"), Entry("11", "acme/x11", parents=("10",)),
        Entry("12", "acme/x12"), Entry("13", "acme/x13", parents=("12",)),
        Entry("14", "acme/x14"), Entry("15", "acme/x15", parents=("14",)),
    ]  # fmt: skip
    process.seed([*entries, Entry("7", "acme/y", parents=("5",)), *pairs])
    path = tmp_path / "p.plan"
    cli("plan", process.address, "name:acme/x*", "--orphan-dependents", "-o", path)
    same, _, _, _, used, new = entries
    process.seed(
        [
            same,
            Entry("2", "acme/x2", url="https://example.org/other"),
            Entry("3", "acme/other"),
            used,
            new,
            Entry("7", "acme/y", parents=("5",)),
            Entry("8", "acme/late", parents=("6",)),
            *pairs[:2],
            pairs[2],
            Entry("13", "acme/x13", url="https://example.org/other", parents=("12",)),
            pairs[4],
        ]
    )
    cli("apply", path, "--yes", "--expect", "12", code=1)
    assert ends(cli, path) == {
        "acme/x1:1": GONE,
        "acme/x2:2": refused("content_changed"),
        "acme/x3:3": refused("renamed", "it is acme/other:3"),
        "acme/x4:4": BEFORE_US,
        "acme/x5:5": GONE,
        "acme/x6:6": GONE,  # such a registry tells no dependents: nothing shows that there is one
        "acme/x10:10": GONE,
        "acme/x11:11": GONE,
        "acme/x12:12": refused("dependent_stays", "acme/x13:13"),
        "acme/x13:13": refused("content_changed"),
        "acme/x14:14": GONE,
        "acme/x15:15": BEFORE_US,
    }
    assert process.ids() == {"2", "3", "7", "8", "12", "13"}


def test_wandb(cli: Cli, vision: Wandb, tmp_path: Path) -> None:
    x = "acme/vision/x"
    vision.add(
        series=[Series(path=x, versions=[Version(run="made") for _ in range(7)])],
        links=[Link(portfolio="acme-org/wandb-registry-model/Prod", version=f"{x}:v4")],
    )
    path = tmp_path / "p.plan"
    cli("plan", "vision", "name:x -latest:1", "--break-links", "-o", path)
    vision.add(
        names=[Name(at=f"{x}:v1", alias="new")],
        series=[Series(path="acme/vision/y", versions=[Version(run="late")])],
        uses=[Use(run="acme/vision/late", version=f"{x}:v3")],
        links=[
            Link(portfolio="acme-org/wandb-registry-model/Prod", version=f"{x}:v2"),
            Link(portfolio="acme-org/wandb-registry-model/Prod", version=f"{x}:v5",
                 aliases=["production"]),
        ],
    )  # fmt: skip
    cli("apply", path, "--yes", "--expect", "6", code=1)
    assert ends(cli, path) == {
        "x:v0": GONE,
        "x:v1": refused("aliases_changed", "+new"),
        "x:v2": refused("linked_since", "acme-org/wandb-registry-model/Prod"),
        "x:v3": refused("dependent_added", "y:v0"),
        "x:v4": GONE,
        "x:v5": refused("aliases_changed", "+production"),
    }
    assert {one for one in vision.alive() if one.startswith(x)} == {
        f"{x}:v{number}" for number in (1, 2, 3, 5, 6)
    }
