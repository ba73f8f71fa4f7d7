"""A review built in SQL says, item by item, what the rules say of objects in memory."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import connect
from artifact_tui.deletion.items import Action, Options, Reason
from artifact_tui.deletion.plan import Plan
from artifact_tui.deletion.review import NOBODY
from artifact_tui.errors import PlanError
from artifact_tui.model import Holders, Identity, schema_sql
from tests.support.able import Able
from tests.support.reference import Freeing, reference_review
from tests.support.reviewing import draft_of, with_options

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.deletion.plan import Draft

DAY_US = 86_400_000_000
NOW_US = 1_800_000_000_000_000
CONSENTS = tuple(
    field.name
    for field in fields(Options)
    if field.name not in {"action", "storage", "storage_versions", "empty_registry"}
)
CAN = Able("purge", "collect_garbage", "delete_collection", tells=("trash",))


def _make_registry(path: Path, chance: random.Random) -> tuple[int, int]:
    """A small registry in which everything occurs that a verdict depends on."""
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(schema_sql())
        collections, versions = chance.randint(1, 4), chance.randint(1, 9)
        for number in range(1, collections + 1):
            conn.execute(
                "INSERT INTO collection(id, key, name, type) VALUES(?, ?, ?, ?)",
                (
                    number,
                    f"c{number}",
                    f"{chance.choice('abc')}{number}",
                    chance.choice(["model", "dataset"]),
                ),
            )
        conn.executemany(
            "INSERT INTO meta VALUES(?, ?)",
            [
                ("synced_us", "5"),
                ("asked_lineage", str(int(chance.random() < 0.3))),
                ("scanned_lineage", str(int(chance.random() < 0.2))),
            ],
        )
        for number in range(1, versions + 1):
            _add_version(conn, chance, number, versions, collections)
        conn.execute(
            """UPDATE collection SET links = 1 WHERE id IN (SELECT collection_id
            FROM version WHERE state <> 'trash' GROUP BY collection_id
            HAVING sum(source_key IS NULL) = 0)"""
        )
        backwards = chance.random() < 0.35
        for _ in range(chance.randint(0, 2 * versions)):
            one, other = chance.randint(1, versions), chance.randint(1, versions)
            edge = (one, other) if backwards else (min(one, other), max(one, other))
            if one != other:
                conn.execute("INSERT OR IGNORE INTO edge VALUES(?, ?)", edge)
        conn.commit()
        return versions, collections


def _add_version(
    conn: sqlite3.Connection, chance: random.Random, number: int, versions: int, collections: int
) -> None:
    source = f"k{chance.randint(1, versions)}" if chance.random() < 0.15 else None
    conn.execute(
        """INSERT INTO version(id, key, collection_id, ordinal, label, digest, state, size,
        created_us, source_key, kept, generated) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            number,
            f"k{number}",
            chance.randint(1, collections),
            number,
            f"v{number}",
            f"d{number}",
            chance.choices(["live", "trash", "pending"], [8, 2, 1])[0],
            chance.choice([None, 5, 70]),
            chance.choice([None, NOW_US, NOW_US - 30 * DAY_US]),
            None if source == f"k{number}" else source,
            "kept so" if chance.random() < 0.05 else "",
            int(chance.random() < 0.08),
        ),
    )
    for _ in range(chance.choice([0, 0, 0, 1, 1, 2, 7])):
        conn.execute(
            "INSERT OR IGNORE INTO alias VALUES(?, ?, ?, ?)",
            (
                number,
                chance.choice(["", "", "other"]),
                chance.choice("pqrstuvwxyz"),
                int(chance.random() < 0.2),
            ),
        )
    if chance.random() < 0.15:
        key = chance.choice([f"k{chance.randint(1, versions)}", f"x{number}"])
        conn.execute("INSERT INTO link VALUES(?, ?, ?)", (number, key, f"to/{chance.choice('ab')}"))
    if chance.random() < 0.1:
        conn.execute(
            "INSERT INTO relative VALUES(?, 0, ?, 'far:r')", (number, f"r{chance.randint(1, 3)}")
        )
    if chance.random() < 0.5:
        conn.execute("INSERT INTO lineage_scan VALUES(?, 1)", (number,))


@pytest.mark.parametrize("part", range(10))
def test_sql_says_what_the_rules_say(tmp_path: Path, part: int) -> None:
    for seed in range(part * 25, part * 25 + 25):
        chance = random.Random(seed)  # noqa: S311 - the same registries each time
        path = tmp_path / f"{seed}.db"
        versions, collections = _make_registry(path, chance)
        keys = [f"k{n}" for n in range(1, versions + 1) if chance.random() < 0.7]
        named = [f"c{n}" for n in range(1, collections + 1) if chance.random() < 0.1]
        with closing(connect(path)) as conn:
            for _ in range(3):
                options = Options(
                    action=Action.PURGE if chance.random() < 0.15 else Action.DELETE,
                    **{name: chance.random() < 0.5 for name in CONSENTS},
                )
                read_only = chance.random() < 0.03
                _compare(conn, keys, named, options, _holders(chance, keys), read_only=read_only)


@pytest.mark.parametrize("part", range(4))
def test_other_consents_give_what_a_new_review_with_them_gives(tmp_path: Path, part: int) -> None:
    for seed in range(1000 + part * 15, 1015 + part * 15):
        chance = random.Random(seed)  # noqa: S311 - the same registries each time
        path = tmp_path / f"{seed}.db"
        versions, collections = _make_registry(path, chance)
        keys = [f"k{n}" for n in range(1, versions + 1) if chance.random() < 0.8]
        named = [f"c{n}" for n in range(1, collections + 1) if chance.random() < 0.1]
        with closing(connect(path)) as conn:
            draft = _draft(conn, keys, named, Options(), _holders(chance, keys))
            for turn in range(4):
                options = Options(
                    action=Action.DELETE, **{name: chance.random() < 0.5 for name in CONSENTS}
                )
                before, holders = draft, _holders(chance, keys)
                draft = with_options(
                    conn, draft, options, now_us=NOW_US, client=CAN, holders=holders
                )
                expected = _draft(conn, keys, named, options, holders)
                for item, right in zip(draft.items, expected.items, strict=True):
                    assert asdict(item) == asdict(right)
                assert asdict(draft.summary) == asdict(expected.summary)
                with Plan.create(tmp_path / f"{seed}-{turn}.plan", draft) as plan:
                    assert list(plan.every_item()) == list(draft.items)
                    plan.check_hash()
                if before.items is draft.items:
                    with pytest.raises(PlanError, match="Nothing was saved"):
                        Plan.create(tmp_path / "old.plan", before)
                    assert not (tmp_path / "old.plan").exists()


def test_a_catalog_that_changed_since_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with closing(sqlite3.connect(path)) as other:
        other.executescript(schema_sql())
        other.execute("INSERT INTO collection(id, key, name, type) VALUES(1, 'c', 'a', 'model')")
        other.executemany(
            """INSERT INTO version(id, key, collection_id, ordinal, label, digest)
            VALUES(?1, 'k' || ?1, 1, ?1, 'v' || ?1, 'd')""",
            [(1,), (2,)],
        )
        other.commit()
        with closing(connect(path)) as conn:
            first = _draft(conn, ["k1", "k2"], [], Options())
            other.execute("INSERT INTO alias(version_id, name) VALUES(1, 'best')")
            other.commit()
            second = with_options(conn, first, Options(generated=True), now_us=NOW_US + 1)
    assert [item.reason for item in first.items] == [Reason.NONE, Reason.NONE]
    assert [item.reason for item in second.items] == [Reason.ALIAS, Reason.NONE]
    assert second.head.facts_us > first.head.facts_us


def _holders(chance: random.Random, keys: list[str]) -> Holders:
    """Who uses some of the versions: it changes from one look to the next."""
    by = {
        key: tuple(f"p{n} (pid {n})" for n in range(chance.choice([1, 1, 2, 7])))
        for key in keys
        if chance.random() < 0.15
    }
    return Holders(by, unseen=chance.random() < 0.1)


def _draft(
    conn: sqlite3.Connection,
    keys: list[str],
    named: list[str],
    options: Options,
    holders: Holders = NOBODY,
) -> Draft:
    return draft_of(
        conn,
        identity=Identity("local", "u", "a"),
        name="x",
        selection=keys,
        options=options,
        now_us=NOW_US,
        collections=named,
        client=CAN,
        holders=holders,
    )


def _compare(
    conn: sqlite3.Connection,
    keys: list[str],
    named: list[str],
    options: Options,
    holders: Holders,
    *,
    read_only: bool,
) -> None:
    draft = draft_of(
        conn,
        identity=Identity("local", "u", "a"),
        name="x",
        selection=keys,
        options=options,
        read_only=read_only,
        now_us=NOW_US,
        collections=named,
        client=CAN,
        holders=holders,
    )
    summary = draft.summary
    freeing = Freeing(
        freed=summary.freed,
        untold=summary.freed_untold,
        charged=summary.charged,
        after=summary.freed_after,
        own_words=summary.freeing,
        no_way_back=summary.no_way_back,
    )
    expected = reference_review(
        conn, draft.head, keys, named, client=CAN, freeing=freeing, holders=holders
    )
    for item, right in zip(draft.items, expected.items, strict=True):
        assert asdict(item) == asdict(right)
    assert asdict(summary) == asdict(replace(expected.summary, states=summary.states))
