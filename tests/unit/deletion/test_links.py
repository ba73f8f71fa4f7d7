"""Links: what the review says about them, and that nothing but the link ever goes with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion.checks import judge, recheck
from artifact_tui.deletion.items import Candidate, ItemState, Options, Reason, Verdict
from artifact_tui.deletion.plan import Status
from artifact_tui.model import Alias, Facts, Link, VersionState
from tests.servers.faulty.faulty import Rule, Script
from tests.unit.deletion.linked_world import LinkedWorld, by_key, run

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.deletion.checks import Judgement

BREAK = Options(break_links=True)
ALIASES = Options(delete_aliases=True)


@pytest.fixture
def world(tmp_path: Path) -> LinkedWorld:
    return LinkedWorld(tmp_path)


def source(
    *links: Link, aliases: tuple[Alias, ...] = (), kept: str = "", known: bool = True
) -> Facts:
    return Facts("s", "d", VersionState.LIVE, aliases, links=links, kept=kept, lineage_known=known)


def link(*aliases: Alias) -> Facts:
    return Facts("l", "d", VersionState.LIVE, aliases, source_key="s")


SHOWN = Link("l", "team/registry/model")


def judged(*facts: Facts, options: Options | None = None) -> list[Judgement]:
    found = [Candidate(f.key, "m", f.key, "model", 1, f) for f in facts]
    return judge(found, options or Options())


def test_a_link_needs_no_consent_for_the_aliases_of_its_source() -> None:
    (elsewhere,) = judged(link(Alias("latest", scope="team/p/m")))
    assert elsewhere.verdict is Verdict.DELETE
    (protected,) = judged(link(Alias("prod", protected=True, scope="team/p/m")))
    assert protected.verdict is Verdict.DELETE
    (own,) = judged(link(Alias("staging"), Alias("latest", scope="team/p/m")))
    assert (own.verdict, own.reason, own.detail) == (Verdict.CONSENT, Reason.ALIAS, "staging")
    (hard,) = judged(link(Alias("prod", protected=True)), options=ALIASES)
    assert (hard.verdict, hard.reason) == (Verdict.BLOCKED, Reason.PROTECTED)


def test_a_source_needs_consent_for_every_alias_wherever_it_is() -> None:
    (found,) = judged(source(aliases=(Alias("prod", scope="team/registry/model"),)))
    assert (found.verdict, found.reason) == (Verdict.CONSENT, Reason.ALIAS)
    assert found.detail == "prod in team/registry/model"


def test_a_link_that_stays_needs_consent_to_break_it() -> None:
    (found,) = judged(source(SHOWN))
    assert (found.verdict, found.reason) == (Verdict.CONSENT, Reason.LINKED)
    assert found.detail == "team/registry/model"
    assert found.broken == (SHOWN,)
    (agreed,) = judged(source(SHOWN), options=BREAK)
    assert (agreed.verdict, agreed.broken) == (Verdict.DELETE, (SHOWN,))


def test_a_link_in_the_plan_goes_first_and_needs_no_other_consent() -> None:
    first, second = judged(source(SHOWN), link())
    assert first.verdict is second.verdict is Verdict.DELETE
    assert first.level > second.level
    assert first.broken == ()


def test_a_link_whose_source_says_nothing_of_it_goes_first_all_the_same() -> None:
    first, second = judged(source(), link())
    assert first.level > second.level


def test_a_link_that_waits_for_consent_holds_its_source() -> None:
    first, second = judged(source(SHOWN), link(Alias("staging")))
    assert (first.reason, second.reason) == (Reason.LINKED, Reason.ALIAS)


def test_what_the_registry_keeps_is_blocked_with_its_words() -> None:
    everything = Options(delete_aliases=True, break_links=True, unknown_lineage=True)
    (found,) = judged(source(kept="it is made by W&B itself"), options=everything)
    assert (found.verdict, found.reason) == (Verdict.BLOCKED, Reason.KEPT)
    assert found.detail == "it is made by W&B itself"


def test_lineage_that_nobody_asked_for_needs_consent_and_a_link_has_none() -> None:
    (found,) = judged(source(known=False))
    assert (found.verdict, found.reason) == (Verdict.CONSENT, Reason.LINEAGE_UNKNOWN)
    (agreed,) = judged(source(known=False), options=Options(unknown_lineage=True))
    assert agreed.verdict is Verdict.DELETE
    assert judged(link())[0].verdict is Verdict.DELETE


def again(reviewed: Facts, now: Facts, options: Options | None = None) -> Reason:
    found = recheck(reviewed, now, options or Options(), lambda _: None)
    return Reason.NONE if found is None else found.reason


OTHER = Link("o", "team/registry/other")
PROD = Alias("prod", scope=SHOWN.name)


@pytest.mark.parametrize(
    ("reviewed", "now", "options", "reason"),
    [
        (source(), source(SHOWN), BREAK, Reason.LINKED_SINCE),
        (source(SHOWN), source(SHOWN, OTHER), BREAK, Reason.LINKED_SINCE),
        (source(SHOWN), source(SHOWN), BREAK, Reason.NONE),
        (source(SHOWN), source(SHOWN), Options(), Reason.LINKED),
        (source(SHOWN), source(), Options(), Reason.NONE),
        (source(SHOWN, aliases=(PROD,)), source(), ALIASES, Reason.NONE),
        (source(SHOWN, aliases=(PROD,)), source(SHOWN), BREAK, Reason.ALIASES_CHANGED),
        (source(), source(aliases=(PROD,)), ALIASES, Reason.ALIASES_CHANGED),
        (source(), source(kept="since then"), Options(), Reason.KEPT),
        (link(), link(Alias("latest", scope="m")), Options(), Reason.ALIASES_CHANGED),
        (link(Alias("latest", scope="m")), link(), Options(), Reason.NONE),
        (link(Alias("staging")), link(), ALIASES, Reason.ALIASES_CHANGED),
        (link(), Facts("l", "d", VersionState.LIVE), Options(), Reason.CONTENT_CHANGED),
        (
            source(),
            Facts("s", "d", VersionState.LIVE, source_key="x"),
            BREAK,
            Reason.CONTENT_CHANGED,
        ),
    ],
)
def test_what_changed_about_links_is_refused(
    reviewed: Facts, now: Facts, options: Options, reason: Reason
) -> None:
    assert again(reviewed, now, options) is reason


def test_the_review_counts_links_and_what_they_free(world: LinkedWorld) -> None:
    one, two = world.registry.add("mnist"), world.registry.add("mnist")
    first = world.registry.link("best", one)
    world.registry.link("other", one)
    world.registry.link("other", two)
    summary = world.draft([first]).summary
    assert (summary.deletes, summary.unlinks, summary.listed, summary.freed) == (1, 1, 0, 0)
    summary = world.draft([one, first], BREAK).summary
    assert (summary.deletes, summary.unlinks, summary.listed) == (2, 1, 100)
    assert summary.linked == (("other", 1),)
    assert (summary.freed, summary.charged) == (10, True)
    assert summary.freed_after == "It frees the bytes in its own time"
    assert summary.freeing
    assert summary.no_way_back
    summary = world.draft([one, two]).summary
    assert summary.consent_links == (("other", 2), ("best", 1))


def test_the_review_says_which_sources_of_its_links_stay(world: LinkedWorld) -> None:
    one, two = world.registry.add("mnist"), world.registry.add("mnist")
    links = [world.registry.link("best", key) for key in (one, two)]
    assert world.draft(links[:1]).summary.sources == "its source stays"
    assert world.draft(links).summary.sources == "their sources stay"
    assert world.draft([one, links[0]]).summary.sources == "its source goes too"
    assert world.draft([one, two, *links]).summary.sources == "their sources go too"
    some = world.draft([one, *links]).summary
    assert (some.unlinks, some.followed) == (2, 1)
    assert some.sources == "the sources of 1 stay, the others go too"


def test_an_alias_of_a_link_goes_once_with_its_source(world: LinkedWorld) -> None:
    one, two = world.registry.add("mnist", aliases=["latest"]), world.registry.add("mnist")
    link_ = world.registry.link("best", one, aliases=["production"])
    world.registry.link("best", two, aliases=["candidate"])
    every = Options(delete_aliases=True, break_links=True)
    both = world.draft([one, two, link_], every).summary
    assert both.aliases == (("candidate", 1), ("latest", 1), ("production", 1))
    assert world.draft([one], every).summary.aliases == (("latest", 1), ("production", 1))
    asked = world.draft([one, link_]).summary
    assert asked.consent_aliases == (("latest", 1), ("production", 1))


def test_links_are_unlinked_and_their_sources_stay(world: LinkedWorld) -> None:
    sources = [world.registry.add("mnist") for _ in range(3)]
    links = [world.registry.link("best", key) for key in sources]
    with world.plan(links) as plan:
        ending = run(plan, world.faulty())
        assert ending.status is Status.FINISHED
        assert plan.summary.states == {ItemState.UNLINKED: 3}
    assert world.registry.live() == set(sources)


def test_a_link_goes_before_its_source_and_takes_its_alias_along(
    world: LinkedWorld,
) -> None:
    key = world.registry.add("mnist")
    shown = world.registry.link("best", key, aliases=["prod"])
    with world.plan([key, shown], ALIASES) as plan:
        run(plan, world.faulty())
        states = {k: item.state for k, item in by_key(list(plan.every_item())).items()}
    assert states == {key: ItemState.VERIFIED, shown: ItemState.UNLINKED}
    assert [keys for _, keys in world.sent()] == [[shown], [key]]


def test_a_source_stays_when_its_link_was_to_go_first_and_did_not(
    world: LinkedWorld,
) -> None:
    key = world.registry.add("mnist")
    shown = world.registry.link("best", key)
    script = Script((Rule("delete", "refused", 1),))
    with world.plan([key, shown]) as plan:
        run(plan, world.faulty(script))
        items = by_key(list(plan.every_item()))
    assert (items[shown].state, items[shown].reason) == (
        ItemState.REFUSED, Reason.REGISTRY_REFUSED,
    )  # fmt: skip
    assert (items[key].state, items[key].reason) == (ItemState.REFUSED, Reason.LINKED)
    assert world.registry.live() == {key, shown}


def test_an_answer_that_was_lost_is_unlinked_only_after_a_look(world: LinkedWorld) -> None:
    key = world.registry.add("mnist")
    shown = world.registry.link("best", key)
    rules = (Rule("delete", "raise-after", 1), Rule("facts", "raise", 2), Rule("facts", "raise", 3))
    with world.plan([shown]) as plan:
        run(plan, world.faulty(Script(rules)))
        assert plan.summary.states == {ItemState.UNLINKED: 1}
    assert len(world.sent()) == 1
    assert world.registry.live() == {key}
