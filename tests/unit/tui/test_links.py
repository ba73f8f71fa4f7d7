"""Links, what is kept and what nobody asked for, as they are drawn."""

from __future__ import annotations

from artifact_tui.model import Alias
from artifact_tui.tui.registry_link import LineageState, LinkState
from artifact_tui.tui.terminal import ASCII, UNICODE
from artifact_tui.tui.widgets.detail_pane import DetailLines
from tests.unit.tui.rows import NOW, collection, detail, version
from tests.unit.tui.test_version_lines import text


def lines(row: object, told: LineageState = LineageState.KNOWN, **more: object) -> str:
    writer = DetailLines(60, UNICODE, NOW)
    return "\n".join(one.plain for one in writer.version(detail(row, **more), told))  # type: ignore[arg-type]


def test_a_collection_of_links_has_its_sign() -> None:
    row = collection(1, 3, links=True)
    assert "▸ ↗ name-1" in text(80, row)
    assert "> @ name-1" in text(80, row, signs=ASCII)


def test_a_link_names_its_source_and_counts_no_dependents() -> None:
    row = version(1, source_key="artifact:1", source="mnist:v\x1b3", aliases=(Alias("staging"),))
    line = text(100, row)
    assert r"v1 ↗ mnist:v\x1b3 staging" in line
    assert "↳" not in line
    assert "v1 ↗ link" in text(100, version(1, source_key="artifact:1"))


def test_a_version_that_is_shown_elsewhere_says_how_often() -> None:
    row = version(1, links=("org/a", "org/b"), aliases=(Alias("prod", scope="org/a"), Alias("x")))
    assert "v1 ↗2 x prod↗" in text(100, row)
    assert "v1 @2 x prod@" in text(100, row, signs=ASCII)


def test_unknown_lineage_is_never_none() -> None:
    assert "↳?" in text(100, version(1, lineage_known=False))
    assert "↳2+" in text(100, version(1, lineage_known=False, dependents=2))
    assert "dependents  not asked yet" in lines(version(1, lineage_known=False))
    assert "dependents  2 known, not asked yet" in lines(
        version(1, lineage_known=False, dependents=2), dependents_total=2
    )
    asking = lines(version(1, lineage_known=False), LineageState.ASKING)
    assert "dependents  asking" in asking
    assert "made from   asking" in asking


def test_what_lies_below_may_be_unknown_too() -> None:
    found = lines(version(1, dependents=2), dependents_total=3, lineage_known=False)
    assert "2 direct, at least 3 in all" in found.replace("\n            ", " ")


def test_the_detail_says_what_is_charged_kept_and_shown() -> None:
    found = lines(
        version(1, stored=400, used_count=3, kept="a job\x1b", links=("org/reg/prod",) * 8)
    )
    assert "charged     400 B by the registry" in found
    assert "used by     3 runs" in found
    assert r"◇ the registry keeps it: a job\x1b" in found
    assert "shown in    ↗ org/reg/prod" in found
    assert "2 more" in found


def test_a_link_says_that_its_source_stays() -> None:
    found = lines(version(1, source_key="x", source="mnist:v3"))
    assert "↗ shows mnist:v3" in found
    assert "the source stays" in found
    assert "see its source" in found
    assert "ttl" not in found


def test_an_inherited_time_to_live_is_told_apart() -> None:
    day = 86_400_000_000
    own = version(1, ttl_us=30 * day, expires_us=NOW + day)
    assert "30 d, until" in lines(own)
    inherited = version(1, ttl_us=30 * day, expires_us=NOW + day, ttl_inherited=True)
    assert "30 d inherited, until" in lines(inherited)
    assert "says its collection or team" in lines(version(1, ttl_inherited=True)).replace("\n", " ")


def test_the_header_says_what_holds_up_a_sync() -> None:
    state = LinkState(syncing=True, found=20, pace="W&B asks to wait 23 s\x1b")
    assert state.words(NOW) == r"syncing 20 · W&B asks to wait 23 s\x1b"
