"""The detail of a row as lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.catalog.catalog_rows import DependentRef, VersionRef
from artifact_tui.model import Alias, File, VersionState
from artifact_tui.tui.terminal import UNICODE
from artifact_tui.tui.widgets.detail_pane import FILES_SHOWN, DetailLines, branches
from artifact_tui.tui.widgets.line_widgets import LABEL, fact, words
from tests.unit.tui.rows import DAY, NOW, collection, detail, version


def ref(number: int, **more: object) -> VersionRef:
    return VersionRef(number, f"k{number}", "made", f"v{number}", VersionState.LIVE, **more)  # type: ignore[arg-type]


def tree(*depths: int) -> tuple[DependentRef, ...]:
    return tuple(DependentRef(depth, ref(number)) for number, depth in enumerate(depths))


def drawn(*depths: int) -> list[str]:
    return [f"{stem}{one.label}" for stem, one in branches(tree(*depths), UNICODE)]


def test_the_branches_of_a_tree() -> None:
    assert drawn(1, 2, 3, 2, 1, 2) == [
        "├ v0",
        "│ ├ v1",
        "│ │ └ v2",
        "│ └ v3",
        "└ v4",
        "  └ v5",
    ]
    assert drawn() == []
    assert drawn(1) == ["└ v0"]


@given(st.lists(st.integers(1, 6), max_size=30))
def test_every_stem_is_as_deep_as_its_row(steps: list[int]) -> None:
    depths: list[int] = []
    for step in steps:
        depths.append(min(step, (depths[-1] if depths else 0) + 1))
    for (stem, _), depth in zip(branches(tree(*depths), UNICODE), depths, strict=True):
        assert len(stem) == 2 * depth
        assert stem[-2] in "├└"


def lines(width: int = 60, **more: object) -> list[str]:
    return [line.plain.rstrip() for line in DetailLines(width, UNICODE, NOW).version(more["of"])]  # type: ignore[arg-type]


def test_a_version_with_everything() -> None:
    row = version(
        7,
        aliases=(Alias("latest"), Alias("live", scope="prod"), Alias("gold", protected=True)),
        ttl_us=30 * DAY,
        expires_us=NOW + 28 * DAY,
        dependents=1,
        run="cat-7",
    )
    found = lines(
        of=detail(
            row,
            unique=41,
            tags=("a", "b"),
            parents=(ref(1, aliases=(Alias("x", protected=True),)), ref(2)),
            dependents=tree(1, 2),
            dependents_total=7,
            dependents_capped=True,
            files=tuple(File(f"f{number}", number, "d") for number in range(20)),
            files_total=300,
            used_us=NOW - DAY,
            note="a note",
        )
    )
    text = "\n".join(found)
    for expected in (
        "name-1 v7",
        "aliases     gold⚿ (protected) latest live in prod",
        "tags        a b",
        "size        1 KB, of which 41 B only here",
        "(2 d) by cat-7",
        "last used   ",
        "ttl         ◷ 30 d, until ",
        "(in 28 d)",
        "made from   made v1 x⚿",
        "            made v2",
        "dependents  1 direct, more than 7 in all",
        " └ made v0",
        "   └ made v1",
        " … 5 more",
        "files       300",
        "  … 292 more",
        "note        a note",
    ):
        assert expected in text, text
    assert sum(line.startswith("  f") for line in found) == FILES_SHOWN


def test_a_version_of_which_little_is_known() -> None:
    row = version(1, size=None, created_us=None)
    text = "\n".join(lines(of=detail(row)))
    assert "size        ?" in text
    assert "only here" not in text
    assert "created     ?" in text
    assert "aliases     none" in text
    assert "ttl         none, it is kept" in text


def test_states_and_times_that_passed() -> None:
    trash = version(1, state=VersionState.TRASH, deleted_us=NOW, deleted_by="ines")
    assert "♺ in the trash since" in "\n".join(lines(of=detail(trash)))
    pending = version(1, state=VersionState.PENDING, ttl_us=DAY)
    text = "\n".join(lines(of=detail(pending)))
    assert "◌ pending" in text
    assert "◷ 1 d" in text
    expired = version(1, ttl_us=DAY, expires_us=NOW - DAY)
    assert "⧖ 1 d, expired" in "\n".join(lines(of=detail(expired)))


@given(st.integers(20, 120), st.text(max_size=200))
def test_no_line_is_wider_than_it_may_be(width: int, text: str) -> None:
    row = version(1, label=text, collection=text, run=text, aliases=(Alias(text, protected=True),))
    shown = detail(
        row,
        note=text,
        tags=(text, text),
        parents=(ref(1),),
        files=(File(text, 1, text),),
        files_total=1,
    )
    for line in DetailLines(width, UNICODE, NOW).version(shown):
        assert line.cell_length <= width + 4
    for line in DetailLines(width, UNICODE, NOW).collection(collection(1, 3, name=text, marked=2)):
        assert line.cell_length <= width + 4


@given(st.text(st.characters(codec="ascii", categories=["L"]), max_size=300), st.integers(14, 90))
def test_a_fact_wraps_and_loses_nothing(text: str, width: int) -> None:
    found = fact("label", words(text), width)
    assert "".join(line.plain[LABEL:] for line in found).replace(" ", "") == text
    assert all(line.cell_length <= width for line in found)
    assert found[0].plain.startswith("label")
