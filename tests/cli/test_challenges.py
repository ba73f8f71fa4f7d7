"""The greater the harm of a plan, the more `apply` wants typed; anything else deletes nothing."""

from __future__ import annotations

import io
import re
import shutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config

if TYPE_CHECKING:
    from tests.cli.shelf import Shelf


class Terminal(io.StringIO):
    """A terminal at which somebody types one line, once asked."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Desk:
    """A shelf, and somebody at a terminal."""

    shelf: Shelf
    patch: pytest.MonkeyPatch

    def asked(self, typed: str = "") -> tuple[str, str]:
        """Apply the plan and type this: the question, and why so much is asked."""
        self.patch.setattr(sys, "stdin", Terminal(f"{typed}\n"))
        ran = self.shelf.cli("apply", self.shelf.path, code=None)
        found = re.search(r"\n(?:([^\n]+)\n)?(type [^\n]+) \(Enter alone leaves", ran.err)
        assert found, ran
        return found[2], found[1] or ""


@pytest.fixture
def desk(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(shelf.configured("team"), monkeypatch)


@dataclass(frozen=True)
class Harm:
    """So many versions of each collection, which of them have what, and the plan for them."""

    expected: str
    why: str
    versions: dict[str, int]
    words: tuple[str, ...] = ("*",)
    aliases: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    empty: tuple[str, ...] = ()
    verb: str = field(default="delete")


NO_LAST = ("*", "-latest:1")
WHOLE = ("*", "--whole-collections")
LONG = "m" * 41

HARMS = {
    "few": Harm("y", "", {"x": 4}, NO_LAST),
    "ten": Harm("y", "", {"x": 11}, NO_LAST),
    "eleven": Harm("11", "", {"x": 12}, NO_LAST),
    "alias": Harm("3", "aliases go too", {"x": 4}, (*NO_LAST, "--delete-aliases"),
                  aliases=("x/0",)),
    "links": Harm("3", "links in other collections break", {"x": 4},
                  ("name:x", "-latest:1", "--break-links"), links=(("r", "x/0"),)),
    "links and aliases": Harm("3", "links in other collections break", {"x": 4},
                              ("name:x", "-latest:1", "--break-links", "--delete-aliases"),
                              aliases=("x/1",), links=(("r", "x/0"),)),
    "collection": Harm("x", "the collection loses every version", {"x": 3}),
    "collection with aliases": Harm("x", "the collection loses every version", {"x": 3},
                                    ("*", "--delete-aliases"), aliases=("x/0",)),
    "whole": Harm("x", "the whole collection goes", {"x": 3}, WHOLE),
    "empty": Harm("x", "the whole collection goes", {}, ("--collection", "x"), empty=("x",)),
    "collections": Harm("team", "2 collections lose every version", {"x": 1, "y": 1}),
    "wholes": Harm("team", "2 collections go with all in them", {"x": 2, "y": 2}, WHOLE),
    "empty ones": Harm("team", "2 collections go with all in them", {"x": 1, "z": 1},
                       ("--collection", "y", "--collection", "x", "--whole-collections"),
                       empty=("y",)),
    "parent": Harm("team", "1 live version will lose a parent", {"x": 2, "y": 1},
                   ("name:x", "-latest:1", "--orphan-dependents"), edges=(("x/0", "y/0"),)),
    "parents": Harm("team", "2 live versions will lose a parent", {"x": 3, "y": 2},
                    ("name:x", "-latest:1", "--orphan-dependents"),
                    edges=(("x/0", "y/0"), ("x/1", "y/0"), ("x/1", "y/1"))),
    "unlink": Harm("y", "", {"x": 3}, ("name:r", "-latest:1"),
                   links=(("r", "x/0"), ("r", "x/1"), ("r", "x/2")), verb="unlink"),
    "unlink and delete": Harm("r", "the collection loses every version", {"x": 3},
                              ("name:r|name:x", "-latest:1"),
                              links=(("r", "x/0"), ("r", "x/1"))),
    "long name": Harm("team", "the collection loses every version", {LONG: 3}),
    "longest name": Harm(LONG[1:], "the collection loses every version", {LONG[1:]: 3}),
    "name with a blank": Harm("team", "the collection loses every version", {"a\u200b[2J": 3}),
    "name with an edge": Harm("team", "the collection loses every version", {" a ": 3}),
    "name that turns": Harm("team", "the collection loses every version", {"a\u202eb": 3}),
    "name with brackets": Harm("m[latest]", "the collection loses every version",
                               {"m[latest]": 3}),
}  # fmt: skip


def set_up(shelf: Shelf, harm: Harm) -> None:
    registry = shelf.registry
    for name, count in harm.versions.items():
        for _ in range(count):
            registry.add(name)
    for key in harm.aliases:
        registry.alias(key.split("/", maxsplit=1)[0], key, "best")
    for home, key in harm.links:
        registry.link(home, key)
    for parent, child in harm.edges:
        registry.edge(parent, child)
    for name in harm.empty:
        registry.collection(name)


def shown(out: str) -> list[str]:
    """What a review says, without what only one of both front ends says."""
    lines = [line.strip() for line in out.splitlines() if line.strip()]
    own = ("plan made ", "to apply it: ", "next: ", "artifact-tui apply ")
    return [line for line in lines if not line.startswith(own) and "of its parents" not in line]


@pytest.mark.parametrize("name", HARMS)
def test_the_greater_the_harm_the_more_is_typed(desk: Desk, name: str) -> None:
    harm, shelf = HARMS[name], desk.shelf
    set_up(shelf, harm)
    made = shelf.cli("plan", "team", *harm.words, "-o", shelf.path)
    before = shelf.registry.live() | shelf.registry.collections()
    assert desk.asked() == (f"type {harm.expected} to {harm.verb}", harm.why)
    assert shelf.registry.live() | shelf.registry.collections() == before
    read = shelf.cli("review", shelf.path)
    assert f"to apply it: type {harm.expected} to {harm.verb}" in read.out
    assert shown(read.out) == shown(made.out), "the file says what its maker saw"


def test_only_what_is_asked_for_will_do(desk: Desk) -> None:
    set_up(desk.shelf, HARMS["eleven"])
    desk.shelf.plan(*NO_LAST)
    for typed in ("", " ", "y", "1", "111", "11.", "1 1", "\u0661\u0661", "x"):
        desk.asked(typed)
        assert len(desk.shelf.registry.live()) == 12
        assert set(desk.shelf.report().values()) == {("planned", "", "")}
    desk.asked(" 11 ")
    assert desk.shelf.registry.live() == {"x/11"}


def test_a_long_name_of_a_registry_gives_way_to_the_count(desk: Desk) -> None:
    set_up(desk.shelf, HARMS["collections"])
    for length, expected in ((80, "r" * 80), (81, "2")):
        found = Desk(desk.shelf.configured("r" * length), desk.patch)
        found.shelf.plan("*")
        assert found.asked() == (
            f"type {expected} to delete", "2 collections lose every version",
        )  # fmt: skip


def test_more_is_asked_where_a_registry_is_production_or_a_plan_foreign(desk: Desk) -> None:
    production = {"production": True, "read_only": False}
    set_up(desk.shelf, HARMS["few"])
    desk.shelf.plan(*NO_LAST)
    assert desk.asked() == ("type y to delete", "")
    desk.shelf.configured("team", **production)
    assert desk.asked("y") == ("type team to delete", "this registry is marked production")
    desk.shelf.configured("team")
    kept = config.consents_dir()
    shutil.move(kept, kept.with_name("elsewhere"))
    assert desk.asked("y") == ("type team to delete", "this plan was not made here")
    desk.shelf.configured("team", **production)
    assert desk.asked("Team") == ("type team to delete", "this registry is marked production")
    assert len(desk.shelf.registry.live()) == 4
