"""One request for a whole collection: it goes only when all in it is what was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.shelf import Shelf

GONE = ("verified", "", "")
UNLINKED = ("unlinked", "", "")
BEFORE_US = ("gone", "", "")
WHOLE = ("--whole-collections",)


def refused(reason: str, detail: str = "") -> tuple[str, str, str]:
    return "refused", reason, detail


def changed(detail: str) -> tuple[str, str, str]:
    return refused("collection_changed", detail)


def test_what_changed_in_one_is_left_and_the_rest_goes_one_by_one(shelf: Shelf) -> None:
    """Ten collections of three versions each; somebody changes one version of most of them."""
    registry = shelf.registry
    names = ("same", "added", "digest", "alias", "link", "used", "kept", "lost", "label", "gone")
    keys = {name: [registry.add(f"x-{name}") for _ in range(3)] for name in names}
    assert shelf.plan("name:x-*", *WHOLE) == 40
    registry.add("x-added")
    registry.tell(keys["digest"][1], digest="sha256:b")
    registry.alias("x-alias", keys["alias"][1], "best")
    registry.link("r", keys["link"][1])
    registry.add("y", parents=[keys["used"][1]])
    registry.tell(keys["kept"][1], kept="no")
    registry.trash(keys["lost"][1])
    registry.tell(keys["label"][1], label="v9")
    registry.drop("x-gone")
    found = shelf.apply(40, code=1)
    wholes = {name: found[f"x-{name}"] for name in names}
    second = {name: found[keys[name][1]] for name in names}
    assert wholes == {
        "same": GONE,
        "added": changed("1 version that nobody reviewed"),
        "digest": changed("x-digest:x-digest-1"),
        "alias": changed("x-alias:x-alias-1"),
        "link": changed("x-link:x-link-1"),
        "used": changed("x-used:x-used-1"),
        "kept": changed("x-kept:x-kept-1"),
        "lost": GONE,
        "label": changed("x-label:x-label-1"),
        "gone": BEFORE_US,
    }
    assert second == {
        "same": GONE,
        "added": GONE,
        "digest": refused("content_changed"),
        "alias": refused("aliases_changed", "+best"),
        "link": refused("linked_since", "r"),
        "used": refused("dependent_added", "y:y-0"),
        "kept": refused("kept", "no"),
        "lost": BEFORE_US,
        "label": refused("renamed", "it is x-label:v9"),
        "gone": BEFORE_US,
    }
    for name in names:
        gone = BEFORE_US if name == "gone" else GONE
        assert [found[keys[name][0]], found[keys[name][2]]] == [gone, gone], name
    left = {one for one in registry.live() if one.startswith("x-")}
    stay = ("digest", "alias", "link", "used", "kept", "label")
    assert left == {"x-added/3", *(keys[name][1] for name in stay)}
    assert registry.collections() == {"r", "y", "x-added", *(f"x-{name}" for name in stay)}
    asked = [key for op, [key, *_] in shelf.sent() if op == "delete_collection"]
    assert sorted(asked) == ["x-lost", "x-same"]


def test_one_that_is_called_otherwise_by_now_is_not_asked_for_as_a_whole(shelf: Shelf) -> None:
    registry = shelf.registry
    keys = [registry.add("x") for _ in range(2)]
    assert shelf.plan("name:x", *WHOLE) == 3
    registry.tell("x", name="prod")
    found = shelf.apply(3, code=1)
    assert found["x"] == refused("renamed", "it is prod")
    assert shelf.sent() == [("delete", [key]) for key in keys]
    assert registry.collections() == {"x"}
    assert [found[key] for key in keys] == [GONE, GONE]


def test_empty_ones_go_only_when_they_are_still_empty(shelf: Shelf) -> None:
    registry = shelf.registry
    for name in ("a", "b", "c"):
        registry.collection(name)
    words = [word for name in "abc" for word in ("--collection", name)]
    assert shelf.plan(*words) == 3
    said = shelf.cli("review", shelf.path).out
    assert "will be deleted: 3 whole collections\n  whole collections  3  one request" in said
    registry.add("b")
    registry.drop("c")
    found = shelf.apply(3, code=1)
    assert found == {
        "a": GONE, "b": changed("1 version that nobody reviewed"), "c": BEFORE_US,
    }  # fmt: skip
    assert registry.live() == {"b/0"}
    assert registry.collections() == {"b"}


def test_aliases_and_links_go_along_only_where_that_was_agreed(shelf: Shelf) -> None:
    registry = shelf.registry
    for name in ("x-plain", "x-aliased", "x-shown"):
        registry.add(name)
        registry.add(name)
    registry.alias("x-aliased", "x-aliased/0", "best")
    registry.link("r", "x-shown/0", aliases=["seen"])
    assert shelf.plan("name:x-*", *WHOLE) == 5
    shelf.path.unlink()
    assert shelf.plan("name:x-*", *WHOLE, "--delete-aliases", "--break-links") == 9
    found = shelf.apply(9)
    assert set(found.values()) == {GONE}
    assert registry.live() == set()
    assert registry.collections() == {"r"}
    assert sorted(shelf.sent()) == [
        ("delete_collection", [name]) for name in ("x-aliased", "x-plain", "x-shown")
    ]


def test_a_collection_of_links_goes_and_its_sources_stay(shelf: Shelf) -> None:
    registry = shelf.registry
    sources = [registry.add("mnist") for _ in range(3)]
    links = [registry.link("best", key) for key in sources]
    other = [registry.link("worst", key) for key in sources]
    assert shelf.plan("name:best|name:worst", *WHOLE) == 8
    registry.link("worst", registry.add("mnist"))
    found = shelf.apply(8, code=1)
    assert [found[key] for key in ("best", *links)] == [GONE, *[UNLINKED] * 3]
    assert found["worst"] == changed("1 version that nobody reviewed")
    assert [found[key] for key in other] == [UNLINKED] * 3
    assert registry.live() == {*sources, "mnist/3", "link:worst:mnist/3"}
    assert registry.collections() == {"mnist", "worst"}


def test_whole_ones_go_after_what_was_made_from_them(shelf: Shelf) -> None:
    registry = shelf.registry
    data = [registry.add("data") for _ in range(2)]
    models = [registry.add("model", parents=[key]) for key in data]
    assert shelf.plan("*", *WHOLE) == 6
    assert shelf.apply(6) == dict.fromkeys(["data", "model", *data, *models], GONE)
    assert shelf.sent() == [("delete_collection", ["model"]), ("delete_collection", ["data"])]


def test_whole_ones_that_need_each_other_to_go_first_go_one_by_one(shelf: Shelf) -> None:
    """`a:1` was made from `b:0`, and `b:1` from `a:0`."""
    registry = shelf.registry
    first = [registry.add("a"), registry.add("b")]
    second = [registry.add("a", parents=[first[1]]), registry.add("b", parents=[first[0]])]
    registry.add("c")
    assert shelf.plan("*", *WHOLE) == 6
    found = shelf.apply(6)
    assert found == dict.fromkeys([*first, *second, "c", "c/0"], GONE)
    calls = [op for op, _ in shelf.sent()]
    assert calls.count("delete_collection") == 1


@pytest.mark.parametrize("lost", [False, True])
def test_what_joined_keeps_its_collection_when_what_it_joined_for_stays(
    shelf: Shelf, *, lost: bool
) -> None:
    registry = shelf.registry
    top = registry.add("top")
    low = registry.add("low", parents=[top])
    assert shelf.plan("name:top", "--with-dependents", *WHOLE) == 4
    if lost:
        registry.tell(top, digest="sha256:b")
    found = shelf.apply(4, code=int(lost))
    if lost:
        assert found == {
            "top": changed("top:top-0"), top: refused("content_changed"),
            "low": changed("low:low-0"), low: refused("asked_stays", "top:top-0"),
        }  # fmt: skip
        assert registry.live() == {top, low}
    else:
        assert set(found.values()) == {GONE}
        assert registry.live() == set()
