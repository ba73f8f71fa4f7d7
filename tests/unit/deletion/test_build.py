from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from artifact_tui import catalog
from artifact_tui.catalog import marks
from artifact_tui.clients.local.sample import make_sample
from artifact_tui.deletion.draft_items import DraftItems, RequestedKeys
from artifact_tui.deletion.items import Action, Options, Reason, Verdict
from artifact_tui.deletion.plan import Plan
from artifact_tui.model import Identity
from artifact_tui.query import compile_query, parse
from tests.support.able import LIKE_LOCAL, Able
from tests.support.reviewing import draft_of, with_options
from tests.support.world import NOW_US

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.catalog.marks import Selection
    from artifact_tui.deletion.plan import Draft
    from tests.support.world import World

PURGE = Options(action=Action.PURGE)


def reasons(draft: Draft) -> dict[str, Reason]:
    return {item.key: item.reason for item in draft.items}


async def test_the_reviewed_facts_are_those_the_client_reads(world: World) -> None:
    a = world.add(aliases=["best", "zeta"], protected=["prod"])
    b = world.add(parents=[a])
    world.add(parents=[b])
    world.add(parents=[a, b])
    world.trash(b)
    draft = world.draft(sorted(world.live() | world.trashed()))
    now = await world.client.facts([item.key for item in draft.items])
    for item in draft.items:
        fresh = now[item.key]
        assert item.facts.dependents == fresh.dependents
        assert item.facts.aliases == fresh.aliases
        assert (item.facts.digest, item.facts.state) == (fresh.digest, fresh.state)


def test_dependents_join_when_asked_and_are_marked_as_such(world: World) -> None:
    base = world.add("base")
    tuned = world.add("tuned", parents=[base])
    small = world.add("small", parents=[tuned])
    world.add("other")
    alone = world.draft([base])
    assert reasons(alone) == {base: Reason.DEPENDENTS}
    assert alone.items[0].detail == "tuned:v0"
    joined = world.draft([base], Options(with_dependents=True))
    assert {i.key: (i.level, i.added_as_dependent) for i in joined.items} == {
        base: (2, False),
        tuned: (1, True),
        small: (0, True),
    }
    assert joined.summary.added == 2
    assert joined.request.selection == (base,)


def test_dependents_are_seen_through_the_trash(world: World) -> None:
    base = world.add("base")
    middle = world.add("middle", parents=[base])
    leaf = world.add("leaf", parents=[middle])
    world.trash(middle)
    assert world.draft([base]).items[0].facts.dependents == (leaf,)
    joined = world.draft([base], Options(with_dependents=True))
    assert {i.key for i in joined.items} == {base, leaf}


def test_other_consents_judge_the_same_selection_again(world: World) -> None:
    base = world.add("base", aliases=["best"])
    child = world.add("tuned", parents=[base])
    first = world.draft([base])
    with closing(catalog.connect(world.store.layout.db)) as conn:
        options = Options(delete_aliases=True, with_dependents=True)
        second = with_options(conn, first, options, now_us=NOW_US + 1)
        third = with_options(conn, second, Options(), now_us=NOW_US + 2)
    assert {i.key: i.verdict for i in second.items} == {
        base: Verdict.DELETE,
        child: Verdict.DELETE,
    }
    assert reasons(third) == reasons(first)
    assert len({first.head.id, second.head.id, third.head.id}) == 3
    assert second.head.registry == first.head.registry


def test_the_summary_counts_what_matters(world: World) -> None:
    shared, own = b"s" * 100, b"o" * 40
    a = world.add("base", data=own)
    world.add("base", data=shared)
    b = world.add("base", data=shared, aliases=["best"])
    c = world.add("keep", data=b"p", protected=["prod"])
    d = world.add("tuned", parents=[a], data=b"t")
    draft = world.draft([a, b, c], Options(orphan_dependents=True))
    s = draft.summary
    assert (s.items, s.deletes, s.consents, s.blocked) == (3, 1, 1, 1)
    assert (s.listed, s.freed, s.freed_now, s.freed_after) == (40, 40, False, "purge and gc")
    assert (s.aliases, s.consent_aliases, s.protected_aliases) == (
        (),
        (("best", 1),),
        (("prod", 1),),
    )
    assert isinstance(draft.items, DraftItems)
    assert (s.orphaned, draft.items.outside_names(draft.items[0])) == (1, {d: "tuned:v0"})
    assert dict(s.reasons) == {Reason.ALIAS: 1, Reason.PROTECTED: 1}
    more = world.draft([a, b], Options(orphan_dependents=True, delete_aliases=True)).summary
    assert (more.listed, more.freed, more.aliases) == (140, 40, (("best", 1),))


def test_a_collection_that_loses_every_version_is_named(world: World) -> None:
    keys = world.add_plain(3, "sweep")
    world.add_plain(2, "other")
    assert world.draft(keys[:2]).summary.emptied == ()
    assert world.draft(keys).summary.emptied == (("sweep", 3),)
    world.trash(keys[0])
    assert world.draft(keys[1:]).summary.emptied == (("sweep", 2),)
    assert world.draft(keys[:1], PURGE).summary.emptied == ()
    world.trash(*keys[1:])
    purge = world.draft(keys, PURGE).summary
    assert (purge.emptied, purge.freed_after) == ((("sweep", 3),), "gc")


def test_read_only_plans_can_be_made_and_delete_nothing(world: World) -> None:
    draft = world.draft(world.add_plain(2), read_only=True)
    assert (draft.summary.blocked, draft.summary.deletes) == (2, 0)
    assert {item.reason for item in draft.items} == {Reason.READ_ONLY}


def test_a_filter_and_the_marks_select(world: World, tmp_path: Path) -> None:
    keys = world.add_plain(3, "sweep")
    world.add_plain(2, "other")
    with closing(catalog.connect(world.store.layout.db, marks=tmp_path / "marks.db")) as conn:
        marks.mark_keys(conn, keys[:2])

        def requested(selection: Selection) -> set[str]:
            draft = draft_of(
                conn,
                identity=world.identity,
                name="here",
                selection=selection,
                options=Options(),
                now_us=NOW_US,
            )
            assert isinstance(draft.request.selection, RequestedKeys)
            return set(draft.request.selection)

        assert requested("marked") == set(keys[:2])
        where = compile_query(parse("name:sweep"), NOW_US)
        assert requested(where) == set(keys)
        assert requested(["not-there", keys[0]]) == {keys[0]}


@pytest.mark.parametrize(
    ("client", "after"),
    [
        (Able(), ""),
        (Able("purge", tells=("trash",)), "purge"),
        (Able(tells=("trash",)), "its own garbage collection"),
        (Able(tells=("trash",), freeing="W&B frees them."), "W&B frees them."),
        (Able("collect_garbage"), "gc"),
        (LIKE_LOCAL, "purge and gc"),
    ],
)
def test_when_bytes_are_free_depends_on_the_registry(
    world: World, client: Able, after: str
) -> None:
    with closing(catalog.connect(world.store.layout.db)) as conn:
        draft = draft_of(
            conn,
            identity=world.identity,
            name="here",
            selection=[],
            options=Options(),
            now_us=NOW_US,
            client=client,
        )
    assert draft.summary.freed_after == after
    assert draft.summary.freed_now is (after == "")


def test_no_version_of_a_plan_costs_a_question_of_its_own(tmp_path: Path) -> None:
    make_sample(tmp_path / "sample", versions=600)
    path = next((tmp_path / "sample").glob("*.db"))
    with closing(catalog.connect(path)) as conn:
        keys = [row[0] for row in conn.execute("SELECT key FROM version")]
        questions: list[str] = []
        conn.set_trace_callback(questions.append)
        draft = draft_of(
            conn,
            identity=Identity("local", "local:x", "uid"),
            name="sample",
            selection=keys,
            options=Options(with_dependents=True),
            now_us=NOW_US,
        )
        with Plan.create(tmp_path / "p.plan", draft) as plan:
            assert plan.summary.items == 600
    assert len(questions) < 300
