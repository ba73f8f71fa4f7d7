"""`plan` and `review`: what would be done, what stays and why, and the command that does it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.catalog import connect, marks
from artifact_tui.cli import drafting, output

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Local
    from tests.cli.shelf import Shelf


def test_everything_is_judged_and_said(cli: Cli, registry: Local, tmp_path: Path) -> None:
    out = cli("plan", registry.address, "name:net", "-o", tmp_path / "p.plan").out
    assert out.startswith("delete 2 versions of 1 collection in reg\n  filter: name:net\n")
    assert (
        "will be deleted: 2 versions, 6 KB listed, 6 KB freed after purge and gc; in the trash"
        in out
    )
    assert "\n    1  net:v0  1 KB\n    5  net:v4  5 KB\n" in out
    assert (
        "needs your consent, and stays without it: 1 version\n  carry an alias: candidate (1)\n"
        in out
    )
    assert "blocked, and stays: 2 versions\n  " in out
    assert "  protected alias prod (1)\n      a protected alias must move or be unpr" in out
    assert "net:v1  2 KB  live versions outside this plan were made from it (tiny:v0)" in out
    assert "      --with-dependents: include those too; --orphan-dependents: let those " in out
    assert out.endswith(
        f"next: artifact-tui review {tmp_path}/p.plan\n"
        f"      artifact-tui apply {tmp_path}/p.plan --yes --expect 2\n"
    )
    assert set(registry.states().values()) == {"live"}


def test_dependents_are_offered_only_where_that_helps(cli: Cli, registry: Local) -> None:
    name = ("alias", registry.address, "tiny:v0", "--add", "prod", "--protect", "prod")
    cli(*name, "--yes", "--expect", "1")
    out = cli("plan", registry.address, "name:net|name:tiny", "--delete-aliases").out
    assert "a version of this plan that was made from it stays (1)\n" in out
    assert "--orphan-dependents: let those lose a parent\n" in out
    assert "--with-dependents" not in out


def test_of_many_names_the_first_are_told_and_how_many_more(shelf: Shelf) -> None:
    def line() -> str:
        out = shelf.cli("plan", shelf.address, "*", "--whole-collections").out
        return next(one for one in out.splitlines() if "one request each" in one)

    for number in range(12):
        shelf.registry.add(f"m{number:02}")
    assert line().endswith(", m11 (1 version)")
    for name in ("n", "o"):
        shelf.registry.add(name)
    assert line().endswith(", m11 (1 version) and 2 more")


def test_consents_widen_it(cli: Cli, registry: Local, tmp_path: Path) -> None:
    out = cli("plan", registry.address, "name:net", "--delete-aliases", "--with-dependents",
              "-o", tmp_path / "p.plan").out  # fmt: skip
    assert out.startswith("delete 5 versions of 2 collections in reg\n")
    assert "  dependents added    1  made from your selection, not in it\n" in out
    assert "  aliases that go     2  candidate, latest\n" in out
    assert "  lose every version  1  tiny (all 1)\n" in out
    assert "tiny:v0  40 B  joined as a dependent · aliases latest\n" in out
    out = cli("plan", registry.address, "name:net", "--orphan-dependents").out
    assert "  lose a parent  1  tiny:v0: made from 1 version of this plan, not in it\n" in out
    assert "net:v1  2 KB  1 version will lose this parent\n" in out


def test_a_reader_who_hangs_up_does_not_cost_the_plan(
    cli: Cli, registry: Local, tmp_path: Path
) -> None:
    path = tmp_path / "p.plan"
    words = ["plan", registry.address, "name:net", "-o", str(path)]
    command = [sys.executable, "-m", "artifact_tui", *words]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
    assert "will be deleted: 2 versions" in cli("review", path).out


def test_review_prints_the_same_and_more(cli: Cli, registry: Local, tmp_path: Path) -> None:
    path = tmp_path / "p.plan"
    planned = cli("plan", registry.address, "name:net", "--orphan-dependents", "-o", path).out
    out = cli("review", path).out
    assert out.startswith("plan made ")
    assert " · draft\n" in out
    assert planned.partition("\nnext:")[0].rstrip() in out
    assert "  tiny:v0 loses 1 of its parents\n" in out
    assert "\nto apply it: type reg to delete\n" in out
    assert out.endswith(f"      artifact-tui apply {path} --yes --expect 3\n")


def test_json_is_one_item_a_line(cli: Cli, registry: Local, tmp_path: Path) -> None:
    ran = cli("plan", registry.address, "name:net", "-o", tmp_path / "p.plan", "--json")
    assert [(r["version"], r["verdict"], r["reason"]) for r in ran.records] == [
        ("v0", "delete", ""),
        ("v1", "blocked", "dependents"),
        ("v2", "consent", "alias"),
        ("v3", "blocked", "protected"),
        ("v4", "delete", ""),
    ]
    assert "--expect 2" in ran.err
    assert cli("review", tmp_path / "p.plan", "--json").records == ran.records


def test_a_plan_without_a_name_is_found_by_tasks(cli: Cli, registry: Local) -> None:
    cli("plan", registry.address, "name:net")
    (made,) = config.plans_dir().iterdir()
    assert made.stat().st_mode & 0o077 == 0
    assert str(made) in cli("tasks").out


def test_many_items_are_cut_in_the_plan_only(cli: Cli, registry: Local, tmp_path: Path) -> None:
    for number in range(25):
        registry.add("many", content=b"%d" % number)
    out = cli("plan", registry.address, "many", "-latest:1", "-o", tmp_path / "p.plan").out
    assert "       and 4 more\n" in out
    assert "many:v23" in cli("review", tmp_path / "p.plan").out


def test_the_marks_of_the_screen_can_be_planned(cli: Cli, registry: Local) -> None:
    assert "nothing to delete" in cli("plan", registry.address, "--marked", code=1).err
    (record,) = cli("show", registry.address, "net:v0", "--json").records
    with connect(registry.path / "registry.db") as conn:
        (uid,) = conn.execute("SELECT value FROM meta WHERE name='uid'").fetchone()
    conn.close()
    conn = connect(registry.path / "registry.db", marks=config.marks_file(uid))
    marks.mark_keys(conn, [record["key"]])
    conn.close()
    out = cli("plan", registry.address, "--marked").out
    assert "    1  net:v0  1 KB\n" in out


@pytest.mark.parametrize("words", [[], [""], ["name:net", "--marked"]])
def test_what_it_is_about_must_be_said(cli: Cli, registry: Local, words: list[str]) -> None:
    assert "Say what the plan is about" in cli("plan", registry.address, *words, code=2).err


def test_nothing_to_delete_makes_no_plan(cli: Cli, registry: Local, tmp_path: Path) -> None:
    path = tmp_path / "p.plan"
    ran = cli("plan", registry.address, "nothing-like-this", "-o", path, code=1)
    assert "Nothing matches: nothing-like-this" in ran.err
    ran = cli("plan", registry.address, "alias:prod", "-o", path, code=1)
    assert "it carries a protected alias" in ran.out
    assert "nothing to delete" in ran.err
    ran = cli("--read-only", "plan", registry.address, "*", "-o", path, code=1)
    assert "  the registry is read-only (6)\n      the command or the configuration" in ran.out
    assert not path.exists()


def test_no_file_is_written_over(cli: Cli, registry: Local, tmp_path: Path) -> None:
    (tmp_path / "p.plan").write_text("precious")
    assert "already" in cli("plan", registry.address, "net", "-o", tmp_path / "p.plan", code=1).err
    assert (tmp_path / "p.plan").read_text() == "precious"


def test_what_is_no_plan_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello" * 1000)
    for command in (["review"], ["report"], ["apply", "--yes", "--expect", "1"]):
        assert "is not a plan" in cli(*command, tmp_path / "x", code=1).err
        assert "There is no plan" in cli(*command, tmp_path / "y", code=1).err


def test_what_takes_long_is_told_on_standard_error(
    cli: Cli, registry: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = cli("plan", registry.address, "name:net", "-o", tmp_path / "quiet.plan")
    assert "step" not in quiet.err
    monkeypatch.setattr(drafting, "QUIET_SECONDS", 0)
    monkeypatch.setattr(output, "_REPEAT", 0)
    told = cli("plan", registry.address, "name:net", "-o", tmp_path / "told.plan")
    assert "step 1 of 7: finding what is selected\n5 versions, step 2 of 7: what was" in told.err
    assert told.out.replace("told.plan", "quiet.plan") == quiet.out
