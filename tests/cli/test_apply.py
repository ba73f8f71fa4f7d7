"""`apply`: only what was reviewed, only when it was confirmed, and an honest exit code."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from artifact_tui.deletion import tasks
from artifact_tui.deletion.plan import Status
from tests.cli.conftest import Local, on_terminal
from tests.servers.rest.process import fresh
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Cli
    from tests.support.forked_terminal import ForkedTerminal

LIVE = {"net:v1", "net:v2", "net:v3", "tiny:v0"}
"""What stays when a plan for `name:net` is applied."""


@pytest.fixture
def plan(cli: Cli, registry: Local, tmp_path: Path) -> Path:
    """A plan that deletes `net:v0` and `net:v4`."""
    path = tmp_path / "p.plan"
    cli("plan", registry.address, "name:net", "-o", path)
    return path


def live(registry: Local) -> set[str]:
    return {name for name, state in registry.states().items() if state == "live"}


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 100
    while not true():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


@contextmanager
def locked(registry: Local) -> Iterator[None]:
    """Nobody else can write the registry meanwhile, so that an apply cannot end."""
    with closing(sqlite3.connect(registry.path / "registry.db", isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        yield
        conn.execute("ROLLBACK")


def on_terminal_locked(lock: ExitStack, registry: Local, *args: object) -> ForkedTerminal:
    """The same with the registry locked until `lock` is closed."""
    lock.enter_context(locked(registry))
    return on_terminal(*args)


def test_what_was_reviewed_is_deleted_and_nothing_else(
    cli: Cli, registry: Local, plan: Path
) -> None:
    ran = cli("apply", plan, "--yes", "--expect", "2")
    assert ran.out.startswith("finished: 2 versions to be deleted in reg\n")
    assert "  2 deleted, verified gone, 6 KB\n" in ran.out
    assert "Deleted: 6 KB listed, 6 KB would be freed after purge and gc." in ran.out
    assert live(registry) == LIVE
    out = cli("report", plan, "--items").out
    gone = "deleted, verified gone"
    assert f"    1  net:v0  1 KB  {gone}\n    5  net:v4  5 KB  {gone}\n" in out
    assert "applied already (finished)" in cli("apply", plan, "--yes", "--expect", "2", code=1).err


def test_the_report_of_each_item_says_why_one_stayed(cli: Cli, registry: Local, plan: Path) -> None:
    cli("alias", registry.address, "net:v0", "--add", "late", "--yes", "--expect", "1")
    cli("apply", plan, "--yes", "--expect", "2", code=1)
    out = cli("report", plan, "--items").out
    assert "net:v0  1 KB  refused: its aliases changed since the review" in out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--yes"], 2, "--yes needs --expect COUNT"),
        (["--expect", "2"], 2, "--expect goes with --yes"),
        (["--yes", "--expect", "3"], 1, "deletes 2 versions, not 3"),
        (["--yes", "--expect", "0"], 2, "--expect"),
        ([], 2, "no terminal to ask on"),
        (["--read-only"], 2, "No such option"),
    ],
)
def test_without_consent_nothing_is_deleted(  # noqa: PLR0917 - three are parameters
    cli: Cli, registry: Local, plan: Path, options: list[str], code: int, said: str
) -> None:
    ran = cli("apply", plan, *options, code=code)
    assert said in ran.err
    assert len(live(registry)) == 6
    if not options:
        assert f"artifact-tui apply {plan} --yes --expect 2" in ran.err


def test_read_only_means_read_only(cli: Cli, registry: Local, plan: Path, home: Path) -> None:
    words = ("apply", plan, "--yes", "--expect", "2")
    assert "may only be read" in cli("--read-only", *words, code=1).err
    assert "may only be read" in cli("--read-only", "resume", plan, code=1).err
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text(
        f'[registries.team]\naddress = "{registry.address}"\nproduction = true\n'
    )
    assert "“team” may only be read" in cli(*words, code=1).err
    assert len(live(registry)) == 6


def test_what_changed_since_the_review_stays(cli: Cli, registry: Local, plan: Path) -> None:
    (record,) = cli("show", registry.address, "net:v4", "--json").records
    registry.change(lambda store: store.alias(record["key"], "new"))
    ran = cli("apply", plan, "--yes", "--expect", "2", "--json", code=1)
    results = {r["version"]: (r["result"], r["reason"]) for r in ran.records}
    assert results["v0"] == ("verified", "")
    assert results["v4"] == ("refused", "aliases_changed")
    assert "its aliases changed since the review" in ran.err
    assert "Deleted so far: 1 KB listed, at most 1 KB would be freed after purge and gc." in ran.err
    assert live(registry) == LIVE | {"net:v4"}


def test_a_copy_is_not_applied_again(cli: Cli, registry: Local, plan: Path, tmp_path: Path) -> None:
    shutil.copy(plan, tmp_path / "copy.plan")
    cli("apply", plan, "--yes", "--expect", "2")
    cli("restore", registry.address, "--plan", plan)
    cli("apply", tmp_path / "copy.plan", "--yes", "--expect", "2", code=1)
    assert len(live(registry)) == 6


@pytest.mark.parametrize("typed", ["", "3", "yes", "net"])
def test_another_answer_deletes_nothing(registry: Local, plan: Path, typed: str) -> None:
    with on_terminal("apply", plan) as shell:
        shell.expect_exact("will be deleted: 2 versions")
        shell.expect_exact("type y to delete (Enter alone leaves everything as it is): ")
        shell.sendline(typed)
        shell.expect_exact("Nothing was deleted.")
        shell.expect(pexpect.EOF)
    assert shell.exitstatus == 1
    assert len(live(registry)) == 6


def test_the_right_answer_on_a_terminal(registry: Local, plan: Path) -> None:
    with on_terminal("apply", plan) as shell:
        shell.expect_exact("as it is): ")
        shell.sendline("y")
        shell.expect_exact("2 deleted, verified gone")
        shell.expect(pexpect.EOF)
    assert shell.exitstatus == 0
    assert live(registry) == LIVE


def test_what_was_typed_before_the_question_does_not_answer_it(registry: Local, plan: Path) -> None:
    with on_terminal("apply", plan, typed="y\ny\ny\n") as shell:
        shell.expect_exact("as it is): ")
        shell.sendline("")
        shell.expect_exact("Nothing was deleted.")
        shell.expect(pexpect.EOF)
    assert len(live(registry)) == 6


def test_ctrl_c_at_the_question_leaves(registry: Local, plan: Path) -> None:
    with on_terminal("apply", plan) as shell:
        shell.expect_exact("as it is): ")
        shell.sendintr()
        shell.expect_exact("interrupted")
        shell.expect(pexpect.EOF)
    assert shell.exitstatus == 130
    assert len(live(registry)) == 6


def test_ctrl_c_stops_it_cleanly_and_resume_goes_on(cli: Cli, registry: Local, plan: Path) -> None:
    with (
        ExitStack() as lock,
        on_terminal_locked(lock, registry, "apply", plan, "--yes", "--expect", "2") as shell,
    ):
        shell.expect_exact("0 of 2 deleted")
        shell.sendintr()
        shell.expect_exact("stopping after what is in flight")
        lock.close()
        shell.expect_exact(f"to go on: artifact-tui resume {plan}")
        shell.expect(pexpect.EOF)
    assert shell.exitstatus == 130
    assert len(live(registry)) in {5, 6}
    assert "interrupted" in cli("tasks").out
    assert "2 deleted, verified gone" in cli("resume").out
    assert live(registry) == LIVE
    assert "No plan was interrupted" in cli("resume", code=1).err


def test_kill_9_is_survived(cli: Cli, registry: Local, plan: Path) -> None:
    with locked(registry):
        out = cli("apply", plan, "--yes", "--expect", "2", "--detach").out
        assert "it goes on by itself" in out
        task = tasks.read_task(plan)
        assert task.alive
        assert task.pid is not None
        os.kill(task.pid, signal.SIGKILL)
        until(lambda: not tasks.read_task(plan).alive)
    (record,) = cli("tasks", "--json").records
    assert (record["status"], record["settled"], record["total"]) == ("interrupted", 0, 2)
    assert "2 deleted, verified gone" in cli("resume", record["id"][:6]).out
    assert live(registry) == LIVE


def test_closing_the_terminal_does_not_stop_it(registry: Local, plan: Path) -> None:
    with locked(registry):
        shell = on_terminal("apply", plan, "--yes", "--expect", "2")
        shell.expect_exact("0 of 2 deleted")
        shell.close(force=True)
        assert tasks.read_task(plan).alive
    until(lambda: not tasks.read_task(plan).alive)
    assert live(registry) == LIVE


def test_a_task_can_be_paused_and_cancelled(cli: Cli, registry: Local, plan: Path) -> None:
    with locked(registry):
        cli("apply", plan, "--yes", "--expect", "2", "--detach")
        assert "running" in cli("tasks").out
        cli("tasks", "--pause", plan)
        cli("tasks", "--cancel", plan)
    until(lambda: not tasks.read_task(plan).alive)
    assert "cancelled" in cli("tasks").out
    assert "There is nothing left" in cli("tasks", "--cancel", plan, code=1).err
    records: list[dict[str, Any]] = cli("report", plan, "--json").records
    assert {r["result"] for r in records if r["verdict"] == "delete"} <= {"verified", "not_tried"}


def test_a_plan_for_another_registry_is_refused(
    cli: Cli, registry: Local, plan: Path, tmp_path: Path
) -> None:
    shutil.rmtree(registry.path)
    registry.add("net")
    ran = cli("apply", plan, "--yes", "--expect", "2", code=1)
    assert "another one" in ran.err
    assert live(registry) == {"net:v0"}


def test_tasks_says_when_there_is_none(cli: Cli) -> None:
    assert cli("tasks").out == "no plan was made or applied here yet\n"
    assert cli("tasks", "--json").out == ""
    assert "No plan has an id" in cli("resume", "abc", code=1).err


def test_a_plan_that_cannot_be_read_is_listed(cli: Cli, registry: Local) -> None:
    cli("plan", registry.address, "name:net")
    (record,) = cli("tasks", "--json").records
    with open(record["path"], "r+b") as broken:  # noqa: PTH123 - in place
        broken.write(b"x" * 200)
    assert "unreadable" in cli("tasks").out
    assert json.loads(cli("tasks", "--json").out)["status"] == "unreadable"


@pytest.fixture
def family(tmp_path: Path) -> Local:
    """`data:v0` and `data:v1`; two models were made from each, `both:v0` from either of them."""
    made = Local(tmp_path / "family")
    first, second = (made.add("data", content=bytes([n]), type="dataset") for n in range(2))
    for name, parents in (
        ("a", [first]), ("b", [first]), ("c", [second]), ("d", [second]), ("both", [first, second]),
    ):  # fmt: skip
        made.add(name, parents=parents)
    return made


WITH_ALL = ("name:data", "--with-dependents", "--delete-aliases")


def test_what_joined_because_of_something_stays_in_the_review_when_that_stays(
    cli: Cli, family: Local, tmp_path: Path
) -> None:
    keys = {name: key for key, name in family.keys().items()}
    family.change(lambda store: store.alias(keys["data:v0"], "prod", protected=True))
    path = tmp_path / "p.plan"
    out = cli("plan", family.address, *WITH_ALL, "-o", path).out
    assert "will be deleted: 4 versions" in out
    assert "blocked, and stays: 3 versions" in out
    assert "  it joined because of a version that stays (2)\n" in out
    cli("apply", path, "--yes", "--expect", "4")
    assert live(family) == {"data:v0", "a:v0", "b:v0"}


def test_what_joined_because_of_something_stays_when_that_changed_since(
    cli: Cli, family: Local, tmp_path: Path
) -> None:
    path = tmp_path / "p.plan"
    assert "7 versions" in cli("plan", family.address, *WITH_ALL, "-o", path).out
    keys = {name: key for key, name in family.keys().items()}
    family.change(lambda store: store.alias(keys["data:v0"], "prod", protected=True))
    out = cli("apply", path, "--yes", "--expect", "7", code=1).out
    assert "1 refused: one of its aliases was protected since the review" in out
    assert "2 refused: it joined because of a version that stays" in out
    assert "a:v0 (data:v0)" in out
    assert live(family) == {"data:v0", "a:v0", "b:v0"}


def test_what_joined_stays_when_the_middle_of_a_chain_changed_since(
    cli: Cli, tmp_path: Path
) -> None:
    """`a` stays because `b` does: nothing else goes for its sake, before `b` or beside it."""
    chain = Local(tmp_path / "chain")
    keys: dict[str, str] = {}
    for name, parents in {"a": "", "b": "a", "c": "b", "d": "c", "e": "a", "z": ""}.items():
        keys[name] = chain.add(name, parents=[keys[one] for one in parents])
    words = ("plan", chain.address, "name:a|name:z", "--delete-aliases", "--with-dependents", "-o")
    for path in ("p", "q"):
        cli(*words, tmp_path / path)
    chain.change(lambda store: store.alias(keys["b"], "prod", protected=True))
    out = cli("apply", tmp_path / "p", "--yes", "--expect", "6", code=1).out
    assert "1 deleted, verified gone" in out
    assert "2 refused: it joined because of a version that stays" in out
    assert "1 refused: one of its aliases was protected since the review" in out
    assert live(chain) == {f"{name}:v0" for name in "abcde"}
    chain.change(lambda store: store.protect(keys["b"], "prod", protected=False))
    chain.change(lambda store: store.unalias(keys["b"], "prod"))
    chain.add("fresh", parents=[keys["b"]])
    out = cli("apply", tmp_path / "q", "--yes", "--expect", "6", code=1).out
    assert "1 refused: a version was made from it since the review" in out
    assert live(chain) == {f"{name}:v0" for name in ("a", "b", "c", "d", "e", "fresh")}


def test_a_new_dependent_is_refused_by_its_name(cli: Cli, registry: Local, plan: Path) -> None:
    keys = {name: key for key, name in registry.keys().items()}
    registry.add("fresh", parents=[keys["net:v0"]])
    out = cli("apply", plan, "--yes", "--expect", "2", code=1).out
    assert "a version was made from it since the review" in out
    assert "net:v0 (fresh:v0)" in out


def test_output_that_cannot_be_written_is_said_with_what_was_done(
    registry: Local, plan: Path, home: Path
) -> None:
    del home

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        with Path("/dev/full").open("w") as full:
            return subprocess.run(
                [sys.executable, "-m", "artifact_tui", *map(str, words)],
                stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True,
                check=False, timeout=100,
            )  # fmt: skip

    for words in (("ls", registry.address), ("--help",), ("review", plan), ("report", plan)):
        ran = run(*words)
        assert ran.returncode == 1
        assert ran.stderr == "error: standard output cannot be written: No space left on device.\n"
    made = plan.with_name("made.plan")
    ran = run("plan", registry.address, "name:net", "-o", made)
    assert f"The plan is in {made}. Nothing was deleted." in ran.stderr
    ran = run("apply", plan, "--yes", "--expect", "2")
    assert ran.returncode == 1
    assert "finished: 2 versions to be deleted in reg\n  2 deleted, verified gone" in ran.stderr
    assert "standard output cannot be written: No space left on device." in ran.stderr
    assert len(live(registry)) == 4


def test_a_plan_is_named_by_its_id_wherever_it_is_named(
    cli: Cli, registry: Local, tmp_path: Path
) -> None:
    cli("plan", registry.address, "name:net")
    (task,) = cli("tasks", "--json").records
    for name in (task["id"][:8], task["id"]):
        assert "will be deleted: 2 versions" in cli("review", name).out
        assert "2 not yet tried" in cli("report", name).out
    assert "begins with 0123abc" in cli("report", "0123abc", code=1).err
    cli("apply", task["id"][:8], "--yes", "--expect", "2")
    assert "2 deleted" in cli("report", task["id"][:8]).out
    cli("restore", "--plan", task["id"][:8])
    assert len(live(registry)) == 6
    assert not list(tmp_path.glob("*.plan"))


def test_to_look_needs_no_folder_that_can_be_written(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "file"
    place.touch()
    monkeypatch.setenv("ARTIFACT_TUI_STATE", str(place / "state"))
    assert "no plan was made or applied here yet" in cli("tasks").out
    assert "No plan was interrupted here" in cli("resume", code=1).err


def test_ctrl_c_right_after_the_confirmation_stops_it(registry: Local, plan: Path) -> None:
    with ExitStack() as lock:
        child = on_terminal_locked(lock, registry, "apply", plan)
        child.expect("type y to delete")
        child.sendline("y")
        until(lambda: tasks.read_task(plan).status is not Status.DRAFT)
        child.sendintr()
        child.expect(["It was stopped before it began", "to go on:"])
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 130
        child = on_terminal("resume", plan)
        until(lambda: tasks.read_task(plan).alive)
        child.kill(signal.SIGTERM)
        child.expect("to go on:")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 130
        child = on_terminal("resume", plan)
        until(lambda: tasks.read_task(plan).alive)
        child.kill(signal.SIGHUP)
        child.expect("it goes on by itself.*stop it with: artifact-tui tasks --cancel")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 129
        assert tasks.read_task(plan).alive
        assert len(live(registry)) == 6
    until(lambda: not tasks.read_task(plan).alive)
    assert len(live(registry)) == 4


def test_whatever_waits_says_for_what_and_how_it_is_left(
    cli: Cli, tmp_path: Path, home: Path
) -> None:
    path = tmp_path / "p.plan"
    server = fresh()
    server.seed([Entry(str(n), "acme/text", "dataset") for n in range(6)])
    cli("plan", server.address, "acme/text", "--unknown-lineage", "-o", path)
    server.become(quota=3, quota_path="DELETE", retry_after="500")
    child = on_terminal("apply", path, "--yes", "--expect", "6")
    child.expect(r"\d of 6 deleted · the registry asks to wait \d+ min · ctrl.c stops it")
    assert "asks to wait" in cli("tasks").out
    child.sendintr()
    child.expect("to go on: artifact-tui resume")
    assert "uncertain: sent, and no answer yet" in (child.before or "")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    server.become(Fault("503"))
    child = on_terminal("resume", path)
    child.expect(r"waits \d+ s: .*ctrl.c stops it")
    child.sendintr()
    child.expect("to go on: artifact-tui resume")
    child.expect(pexpect.EOF)
    server.become()
    cli("resume", path)
    assert server.entries() == []
    assert home.exists()


def test_a_plan_that_waits_can_be_cancelled_and_never_applied(
    cli: Cli, registry: Local, plan: Path
) -> None:
    assert "cannot be paused: nothing applies" in cli("tasks", "--pause", plan, code=1).err
    assert cli("resume", plan, code=None).code
    assert cli("resume", plan, "--retry-failed", code=None).code
    cli("tasks", "--cancel", plan)
    assert "cancelled: 2 versions to be deleted" in cli("report", plan).out
    records: list[dict[str, Any]] = cli("report", plan, "--json").records
    assert [r["result"] for r in records if r["verdict"] == "delete"] == ["not_tried"] * 2
    assert "applied already (cancelled)" in cli("apply", plan, "--yes", "--expect", "2", code=1).err
    assert "has ended" in cli("tasks", "--cancel", plan, code=1).err
    assert len(live(registry)) == 6
