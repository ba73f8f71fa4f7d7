from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import marks
from artifact_tui.catalog.detail import (
    DEPENDENTS_COUNTED,
    DEPENDENTS_SHOWN,
    FILES_SHOWN,
    version_detail,
)
from artifact_tui.errors import NotFoundError
from tests.support import reference
from tests.support.catalogs import NOW, Maker

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    Opened = Callable[[Maker], sqlite3.Connection]


def test_everything_about_a_version(opened: Opened) -> None:
    maker = Maker()
    source = maker.version("data", type="dataset")
    gone = maker.version("data", state="trash")
    made = maker.version(
        "model",
        parents=[source, gone],
        files={"b/x.bin": ("shared", 7), "a.txt": ("own", 3)},
        tags=["z", "a"],
        note="a note",
        used_us=NOW,
    )
    maker.version("model", files={"x.bin": ("shared", 7)})
    found = version_detail(opened(maker), made.id)
    assert found.row.key == made.key
    assert (found.note, found.tags, found.unique, found.used_us) == ("a note", ("a", "z"), 3, NOW)
    assert [(ref.key, ref.state) for ref in found.parents] == [
        ("data/v1", "live"),
        ("data/v2", "trash"),
    ]
    assert [(file.path, file.size, file.digest) for file in found.files] == [
        ("a.txt", 3, "own"),
        ("b/x.bin", 7, "shared"),
    ]
    assert (found.files_total, found.dependents, found.dependents_total) == (2, (), 0)


def test_a_version_that_is_gone(opened: Opened) -> None:
    with pytest.raises(NotFoundError, match="gone"):
        version_detail(opened(Maker()), 7)


def test_tree_is_walked_in_depth_and_through_the_trash(opened: Opened) -> None:
    maker = Maker()
    root = maker.version("root")
    a = maker.version("a", parents=[root], aliases=["production"])
    trashed = maker.version("t", parents=[root], state="trash")
    b = maker.version("b", parents=[root, a])
    c = maker.version("c", parents=[a])
    maker.version("d", parents=[trashed])
    maker.version("e", parents=[c, b])
    found = version_detail(opened(maker), root.id)
    lines = [(line.depth, line.ref.collection) for line in found.dependents]
    assert lines == [(1, "a"), (2, "b"), (3, "e"), (2, "c"), (1, "d")]
    assert [alias.name for alias in found.dependents[0].ref.aliases] == ["production"]
    assert (found.dependents_total, found.dependents_capped) == (5, False)
    assert found.row.dependents == 3


def test_what_is_elsewhere_is_seen_through_the_trash_as_in_a_review(opened: Opened) -> None:
    maker = Maker()
    root = maker.version("root")
    trashed = maker.version("t", parents=[root], state="trash")
    maker.elsewhere(root, "other/made:v3")
    maker.elsewhere(trashed, "other/made:v3")
    maker.elsewhere(trashed, "other/more:v1")
    conn = opened(maker)
    found = version_detail(conn, root.id)
    assert [line.ref.label for line in found.dependents] == ["v3", "v1"]
    assert (found.row.dependents, found.dependents_total) == (2, 2)
    marks.pick(conn, [root.key])
    (judged,) = reference.read_candidates(conn, {root.key}).candidates
    assert len(judged.facts.dependents) == 2


def test_circles_end(opened: Opened) -> None:
    maker = Maker()
    a, b, c = (maker.version(name) for name in "abc")
    trashed = maker.version("t", state="trash")
    for parent, child in ((a, b), (b, c), (c, a), (c, trashed), (trashed, c), (trashed, a)):
        maker.edge(parent, child)
    conn = opened(maker)
    found = version_detail(conn, a.id)
    assert [(line.depth, line.ref.collection) for line in found.dependents] == [(1, "b"), (2, "c")]
    assert found.dependents_total == 2
    assert version_detail(conn, c.id).row.dependents == 1


@pytest.mark.parametrize(
    ("count", "total", "capped"),
    [
        (DEPENDENTS_SHOWN - 1, DEPENDENTS_SHOWN - 1, False),
        (DEPENDENTS_COUNTED, DEPENDENTS_COUNTED, False),
        (DEPENDENTS_COUNTED + 1, DEPENDENTS_COUNTED, True),
    ],
)
@pytest.mark.parametrize("deep", [False, True])
def test_many_dependents_are_capped(
    opened: Opened, count: int, total: int, *, capped: bool, deep: bool
) -> None:
    maker = Maker()
    root = last = maker.version("root")
    for _ in range(count):
        last = maker.version("child", parents=[last if deep else root])
    found = version_detail(opened(maker), root.id)
    assert (found.dependents_total, found.dependents_capped) == (total, capped)
    assert len(found.dependents) == min(count, DEPENDENTS_SHOWN)
    assert [line.depth for line in found.dependents[:3]] == ([1, 2, 3] if deep else [1, 1, 1])
    assert found.row.dependents == (1 if deep else count)


def test_many_files_are_counted_and_the_first_shown(opened: Opened) -> None:
    maker = Maker()
    maker.version("a", files={f"{n:05}": (f"d{n}", n) for n in range(FILES_SHOWN + 5)})
    maker.version("b", size=9, file_count=12)
    conn = opened(maker)
    found = version_detail(conn, 1)
    assert (len(found.files), found.files_total) == (FILES_SHOWN, FILES_SHOWN + 5)
    assert [file.path for file in found.files[:2]] == ["00000", "00001"]
    said = version_detail(conn, 2)
    assert (said.files, said.files_total, said.unique) == ((), 12, None)


def test_an_empty_version_has_nothing_of_its_own_and_that_is_known(opened: Opened) -> None:
    maker = Maker()
    maker.version("a", files={})
    found = version_detail(opened(maker), 1)
    assert (found.unique, found.files_total, found.row.size) == (0, 0, 0)
