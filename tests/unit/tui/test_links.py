"""Links, what is kept and what nobody asked for, as they are drawn."""

from __future__ import annotations

from artifact_tui.tui.registry_link import LineageState, LinkState
from artifact_tui.tui.terminal import UNICODE
from artifact_tui.tui.widgets.detail_pane import DetailLines
from tests.unit.tui.rows import NOW, detail, version
from tests.unit.tui.test_version_lines import text


def lines(row: object, told: LineageState = LineageState.KNOWN, **more: object) -> str:
    writer = DetailLines(60, UNICODE, NOW)
    return "\n".join(one.plain for one in writer.version(detail(row, **more), told))  # type: ignore[arg-type]


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


def test_an_inherited_time_to_live_is_told_apart() -> None:
    day = 86_400_000_000
    own = version(1, ttl_us=30 * day, expires_us=NOW + day)
    assert "30 d, until" in lines(own)
    inherited = version(1, ttl_us=30 * day, expires_us=NOW + day, ttl_inherited=True)
    assert "30 d inherited, until" in lines(inherited)
    assert "says its collection or team" in lines(version(1, ttl_inherited=True)).replace("\n", " ")


def test_the_header_says_what_holds_up_a_sync() -> None:
    state = LinkState(syncing=True, listed=20, pace="W&B asks to wait 23 s\x1b")
    assert state.words(NOW) == r"syncing 20 · W&B asks to wait 23 s\x1b"
