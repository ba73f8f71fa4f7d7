"""Links: what the review says about them, and that nothing but the link ever goes with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion.checks import recheck
from artifact_tui.deletion.items import Options, Reason, Verdict
from artifact_tui.model import Alias, Facts, Link, VersionState
from tests.support.judge import Candidate, judge

if TYPE_CHECKING:
    from tests.support.judge import Judgement

BREAK = Options(break_links=True)
ALIASES = Options(delete_aliases=True)


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
