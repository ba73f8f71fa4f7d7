from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion import plan_file
from artifact_tui.deletion.items import ItemState, Options, Reason, Verdict
from artifact_tui.deletion.plan import Plan, Status, Want, new_path
from artifact_tui.errors import NotFoundError, PlanError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World


@pytest.fixture
def saved(world: World) -> Path:
    """A plan of four items, closed: two go, one needs consent, one is blocked."""
    base = world.add("base")
    child = world.add("base", parents=[base])
    alias = world.add("named", aliases=["best"])
    hard = world.add("hard", protected=["prod"])
    with world.plan([base, child, alias, hard], confirmed=False) as plan:
        return plan.path


def edit(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute(sql)
        conn.commit()


def test_what_was_drafted_is_what_is_read(world: World, tmp_path: Path) -> None:
    base = world.add("base", aliases=["best"])
    world.add("tuned", parents=[base])
    draft = world.draft([base], Options(delete_aliases=True, orphan_dependents=True))
    with Plan.create(tmp_path / "a.plan", draft):
        pass
    with Plan.open(tmp_path / "a.plan") as plan:
        assert plan.head == draft.head
        assert tuple(plan.every_item()) == draft.items
        assert plan.summary == replace(draft.summary, states={ItemState.PLANNED: 1})
        assert plan.orphans() == [("tuned:v0", 1)]
        assert plan.status is Status.DRAFT
        plan.check_hash()


@pytest.mark.parametrize("alias", ["best", "größe", "del\x7f", 'quo"te\\', "tab\t", "\U0001f389"])
def test_the_hash_is_of_the_same_lines_whoever_made_the_plan(world: World, alias: str) -> None:
    keys = [world.add("base"), world.add("named", aliases=[alias]), *world.add_plain(300, "more")]
    with world.plan(keys, Options(delete_aliases=True), confirmed=False) as plan:
        lines = hashlib.sha256()
        for sql in (
            "SELECT name, value FROM plan WHERE name <> 'hash' ORDER BY name",
            "SELECT * FROM item ORDER BY seq",
            "SELECT * FROM outside ORDER BY seq, key",
        ):
            for row in plan.conn.execute(sql):
                lines.update(json.dumps(row, separators=(",", ":")).encode() + b"\n")
        assert plan.hash == lines.hexdigest()


def test_a_plan_is_for_its_owner_alone_and_one_file(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in saved.parent.glob(saved.name + "*")] == [saved.name]


def test_a_plan_never_replaces_a_file(world: World, saved: Path, tmp_path: Path) -> None:
    before = saved.read_bytes()
    draft = world.draft([])
    with pytest.raises(PlanError, match="already"):
        Plan.create(saved, draft)
    link = tmp_path / "link.plan"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PlanError, match="already"):
        Plan.create(link, draft)
    with pytest.raises(PlanError, match="cannot be made"):
        Plan.create(tmp_path / "no" / "folder" / "p.plan", draft)
    assert saved.read_bytes() == before


def test_items_are_found_by_verdict_state_reason_and_page(saved: Path) -> None:
    with Plan.open(saved) as plan:
        assert [i.seq for i in plan.items()] == [1, 2, 3, 4]
        assert [i.seq for i in plan.items(after=2, limit=1)] == [3]
        assert [i.label for i in plan.items(verdict=Verdict.DELETE)] == ["v0", "v1"]
        assert len(plan.items(state=ItemState.PLANNED)) == 2
        assert [i.collection for i in plan.items(reason=Reason.PROTECTED)] == ["hard"]
        assert plan.items(state=ItemState.SENT) == []


def test_nothing_can_be_written_through_a_reader(saved: Path) -> None:
    with Plan.open(saved) as plan, pytest.raises(PlanError):
        plan.ask(Want.CANCEL)
    with Plan.open(saved, write=True) as plan:
        plan.ask(Want.CANCEL)
        assert plan.want is Want.CANCEL


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE item SET key='other' WHERE seq=1",
        "UPDATE item SET verdict='delete' WHERE verdict='blocked'",
        "UPDATE item SET facts=replace(facts, 'live', 'pending') WHERE seq=1",
        "UPDATE item SET level=0",
        "UPDATE item SET seq=9 WHERE seq=4",
        "DELETE FROM item WHERE seq=3",
        "INSERT INTO outside VALUES(1, 'k', 'n')",
        """UPDATE plan SET value=replace(value, '"delete_aliases":false', '"delete_aliases":true')
           WHERE name='head'""",
        "UPDATE plan SET value=replace(value, 'here', 'there') WHERE name='head'",
        "UPDATE plan SET value='0' WHERE name='hash'",
    ],
)
def test_an_edited_plan_is_found_out(saved: Path, sql: str) -> None:
    edit(saved, "PRAGMA foreign_keys=OFF")
    edit(saved, sql)
    with Plan.open(saved) as plan, pytest.raises(PlanError, match="changed after it was reviewed"):
        plan.check_hash()


def test_the_hash_is_that_of_the_rows_as_json(saved: Path) -> None:
    every = "".join(map(chr, range(1, 128)))
    with Plan.open(saved, write=True) as plan:
        plan.conn.execute("UPDATE item SET detail=? WHERE seq=1", (every,))
        plan.conn.execute("UPDATE item SET detail='“ü” 😀' WHERE seq=2")
        digest = hashlib.sha256()
        for sql in plan_file.REVIEWED:
            for row in plan.conn.execute(sql):
                digest.update(f"{json.dumps(row, separators=(',', ':'))}\n".encode())
        assert plan_file.content_hash(plan.conn) == digest.hexdigest()


def test_its_journal_may_change(saved: Path) -> None:
    edit(saved, "UPDATE progress SET state='sent', attempts=3")
    with Plan.open(saved) as plan:
        plan.check_hash()


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER t AFTER UPDATE ON progress BEGIN DELETE FROM item; END",
        "CREATE VIEW more AS SELECT * FROM item",
        "CREATE TABLE extra(x)",
        "DROP INDEX item_order",
        "DROP TABLE run",
        "ALTER TABLE item ADD COLUMN extra TEXT",
    ],
)
def test_a_file_with_other_tables_is_not_a_plan(saved: Path, sql: str) -> None:
    edit(saved, sql)
    with pytest.raises(PlanError, match="tables of a plan"):
        Plan.open(saved)


def test_other_formats_are_refused(saved: Path) -> None:
    for version, age in ((plan_file.FORMAT + 1, "newer"), (0, "older")):
        edit(saved, f"PRAGMA user_version={version}")
        with pytest.raises(PlanError, match=age):
            Plan.open(saved)


def test_a_plan_that_says_more_of_itself_is_read_all_the_same(saved: Path) -> None:
    edit(saved, "UPDATE plan SET value = json_set(value, '$.requests', 3) WHERE name = 'summary'")
    with Plan.open(saved) as plan:
        assert plan.summary.deletes == 2


def test_other_files_are_not_plans(world: World, tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    for content in (b"", b"\0" * 4096, b"not a database at all" * 300):
        junk.write_bytes(content)
        with pytest.raises(PlanError, match="not a plan"):
            Plan.open(junk)
    with pytest.raises(PlanError, match="not a plan"):
        Plan.open(world.store.layout.db)
    with pytest.raises(NotFoundError):
        Plan.open(tmp_path / "nowhere")
    with pytest.raises(PlanError, match="not a plan"):
        Plan.open(tmp_path)


def test_a_damaged_plan_is_an_error_and_not_a_crash(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    hurt = tmp_path / "hurt.plan"
    for start in range(0, len(whole), 4096):
        hurt.write_bytes(whole[:start] + b"\xff" * 512 + whole[start + 512 :])
        try:
            with Plan.open(hurt) as plan:
                list(plan.every_item())
                plan.check_hash()
        except PlanError:
            continue
        assert start > 0
    hurt.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PlanError):
        Plan.open(hurt).check_hash()


def test_a_plan_opens_from_a_folder_that_cannot_be_written(saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "fixed"
    folder.mkdir()
    copy = folder / "p.plan"
    shutil.copy(saved, copy)
    copy.chmod(0o400)
    folder.chmod(0o500)
    try:
        with Plan.open(copy) as plan:
            assert plan.summary.deletes == 2
    finally:
        folder.chmod(0o700)


def test_a_plan_without_a_name_gets_one_by_time(world: World) -> None:
    path = new_path(world.draft([]).head)
    assert path.name.startswith("20231114-221320-")
    assert path.suffix == ".plan"


def test_items_come_over_several_pages(world: World, tmp_path: Path) -> None:
    draft = world.draft(world.add_plain(1_200))
    with Plan.create(tmp_path / "big.plan", draft) as plan:
        assert sum(1 for _ in plan.every_item()) == 1_200
        assert plan.summary.states == {ItemState.PLANNED: 1_200}
