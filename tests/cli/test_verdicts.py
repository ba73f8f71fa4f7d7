"""What a review says of each version: it goes, it needs consent, or it stays, and why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_foreign import forge
from tests.servers.faulty.linked import link_key

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Local
    from tests.cli.shelf import Shelf

GOES = ("delete", "", "")
DAY_US = 86_400_000_000


def consent(reason: str, detail: str = "") -> tuple[str, str, str]:
    return "consent", reason, detail


def blocked(reason: str, detail: str = "") -> tuple[str, str, str]:
    return "blocked", reason, detail


@pytest.fixture
def crowd(shelf: Shelf) -> Shelf:
    """One version in each collection: each has something else that a review looks at."""
    registry = shelf.registry
    for name in ("plain", "aliased", "hard", "both", "shown", "seen", "seen-hard", "kept", "made",
                 "writing", "left", "edge", "used", "chain", "mixed", "many", "kept-shown",
                 "hard-kept"):  # fmt: skip
        registry.add(name)
    registry.alias("aliased", "aliased/0", "best")
    registry.alias("hard", "hard/0", "prod", protected=True)
    registry.alias("both", "both/0", "good")
    registry.alias("both", "both/0", "prod", protected=True)
    registry.link("r1", "shown/0")
    registry.link("r2", "shown/0")
    registry.link("r1", "seen/0", aliases=["best"])
    registry.link("r1", "seen-hard/0")
    registry.alias("r1", "seen-hard/0", "prod", protected=True)
    registry.tell("kept/0", kept="it is made by the registry")
    registry.tell("made/0", generated=True)
    now_us = time.time_ns() // 1000
    registry.tell("writing/0", state="pending", created_us=now_us - 6 * DAY_US)
    registry.tell("left/0", state="pending", created_us=now_us - 8 * DAY_US)
    registry.add("out", parents=["used/0"])
    registry.add("chain", parents=["chain/0"])
    registry.alias("chain", "chain/1", "best-of-chain")
    registry.add("mixed", parents=["mixed/0"])
    registry.alias("mixed", "mixed/1", "best-of-mixed")
    registry.add("out", parents=["mixed/0"])
    for number in range(7):
        registry.alias("many", "many/0", f"a{number}")
    registry.tell("kept-shown/0", kept="no")
    registry.link("r1", "kept-shown/0")
    registry.tell("hard-kept/0", kept="no")
    registry.alias("hard-kept", "hard-kept/0", "prod2", protected=True)
    return shelf


STAYS = {
    "hard/0": blocked("protected", "prod"),
    "both/0": blocked("protected", "prod"),
    "seen-hard/0": blocked("protected", "prod in r1"),
    "kept/0": blocked("kept", "it is made by the registry"),
    "kept-shown/0": blocked("kept", "no"),
    "hard-kept/0": blocked("protected", "prod2"),
    "writing/0": blocked("pending"),
}
"""Whatever one agrees to."""


def versions(shelf: Shelf, *options: str) -> dict[str, tuple[str, str, str]]:
    return shelf.review("-name:r1 -name:r2 -name:out", *options)


def test_without_consent_nothing_goes_along(crowd: Shelf) -> None:
    assert versions(crowd) == {
        **STAYS,
        "plain/0": GOES,
        "aliased/0": consent("alias", "best"),
        "shown/0": consent("linked", "r1, r2"),
        "seen/0": consent("alias", "best in r1"),
        "made/0": consent("generated"),
        "left/0": consent("unfinished"),
        "edge/0": GOES,
        "used/0": blocked("dependents", "out:out-0"),
        "chain/0": blocked("dependent_stays", "chain:chain-1"),
        "chain/1": consent("alias", "best-of-chain"),
        "mixed/0": blocked("dependents", "mixed:mixed-1, out:out-1"),
        "mixed/1": consent("alias", "best-of-mixed"),
        "many/0": consent("alias", "a0, a1, a2, a3, a4 and 2 more"),
    }


LETS_GO = {
    "--delete-aliases": {
        "aliased/0": GOES, "seen/0": consent("linked", "r1"), "chain/0": GOES, "chain/1": GOES,
        "mixed/0": blocked("dependents", "out:out-1"), "mixed/1": GOES, "many/0": GOES,
    },
    "--break-links": {"shown/0": GOES},
    "--generated": {"made/0": GOES},
    "--unfinished": {"left/0": GOES},
    "--orphan-dependents": {"used/0": GOES, "chain/0": GOES, "mixed/0": GOES},
    "--unknown-lineage": {},
    "--with-dependents": {
        "used/0": GOES, "out/0": GOES, "out/1": blocked("asked_stays", "mixed:mixed-0"),
        "mixed/0": blocked("dependent_stays", "mixed:mixed-1"),
    },
}  # fmt: skip


def test_each_consent_lets_go_what_it_names_and_no_more(crowd: Shelf) -> None:
    before = versions(crowd)
    for option, others in LETS_GO.items():
        found = versions(crowd, option)
        assert {k: v for k, v in found.items() if before.get(k) != v} == others, option


def test_with_every_consent_only_what_must_stay_stays(crowd: Shelf) -> None:
    found = versions(crowd, "--delete-aliases", "--break-links", "--generated", "--unfinished",
                     "--orphan-dependents")  # fmt: skip
    assert {key: one for key, one in found.items() if one != GOES} == STAYS


def test_a_link_needs_consent_for_its_own_aliases_alone(shelf: Shelf) -> None:
    registry = shelf.registry
    for name in ("plain", "source-alias", "own", "hard"):
        registry.add(name, aliases=[f"own-{name}"])
        registry.link("r", f"{name}/0")
    registry.alias("source-alias", "source-alias/0", "prod", protected=True)
    registry.alias("r", "own/0", "staging")
    registry.alias("r", "hard/0", "prod", protected=True)
    keys = {name: link_key("r", f"{name}/0") for name in ("plain", "source-alias", "own", "hard")}
    found = shelf.review("name:r")
    assert {name: found[key] for name, key in keys.items()} == {
        "plain": GOES, "source-alias": GOES, "own": consent("alias", "staging"),
        "hard": blocked("protected", "prod"),
    }  # fmt: skip
    assert shelf.review("name:r", "--delete-aliases")[keys["own"]] == GOES


def test_of_links_that_all_stay_it_is_said_that_there_is_nothing_to_delete(shelf: Shelf) -> None:
    """Only a plan of links that go is called an unlinking."""
    shelf.registry.link("best", shelf.registry.add("m"), aliases=["seen"])
    said = shelf.cli("plan", shelf.address, "name:best", "-o", shelf.path, code=1)
    assert "nothing will be deleted" in said.out
    assert "There is nothing to delete, so no plan was made." in said.err
    assert "unlink" not in said.out + said.err
    assert shelf.plan("name:best", "--delete-aliases") == 1
    assert "will be unlinked: 1 link" in shelf.cli("review", shelf.path).out


def test_a_link_that_goes_first_needs_no_consent_to_be_broken(shelf: Shelf) -> None:
    registry = shelf.registry
    key = registry.add("x")
    link = registry.link("r", key)
    assert shelf.review("name:x") == {key: consent("linked", "r")}
    assert shelf.review("name:x|name:r") == {key: GOES, link: GOES}
    assert shelf.apply(2) == {key: ("verified", "", ""), link: ("unlinked", "", "")}
    assert [keys for _, keys in shelf.sent()] == [[link], [key]]


def test_a_link_that_waits_for_consent_holds_its_source(shelf: Shelf) -> None:
    registry = shelf.registry
    key = registry.add("x")
    link = registry.link("r", key, aliases=["best"])
    assert shelf.review("name:x|name:r") == {
        key: consent("alias", "best in r"), link: consent("alias", "best"),
    }  # fmt: skip


@pytest.mark.parametrize("options", [(), ("--orphan-dependents",)])
def test_a_circle_stays_when_one_of_it_does(shelf: Shelf, options: tuple[str, ...]) -> None:
    registry = shelf.registry
    keys = [registry.add("x") for _ in range(3)]
    for number, key in enumerate(keys):
        registry.edge(keys[number - 1], key)
    top = registry.add("top")
    registry.edge(top, keys[1])
    assert set(shelf.review("*", *options).values()) == {GOES}
    registry.alias("x", keys[0], "best")
    found = shelf.review("*", *options)
    assert found[keys[0]] == consent("alias", "best")
    if options:
        assert [found[key] for key in (keys[1], keys[2], top)] == [GOES] * 3
    else:
        assert [found[key] for key in (keys[1], keys[2], top)] == [
            blocked("dependent_stays", "x:x-2"), blocked("dependent_stays", "x:x-0"),
            blocked("dependent_stays", "x:x-1"),
        ]  # fmt: skip


def test_a_dependent_outside_keeps_the_whole_circle(shelf: Shelf) -> None:
    registry = shelf.registry
    first, second = registry.chain("x", 2, closed=True)
    registry.add("out", parents=[second])
    assert shelf.review("name:x") == {
        first: blocked("dependent_stays", "x:x-1"),
        second: blocked("dependents", "out:out-0"),
    }
    assert set(shelf.review("name:x", "--orphan-dependents").values()) == {GOES}


@pytest.mark.parametrize("closed", [False, True])
def test_a_lineage_of_many_steps_is_judged(shelf: Shelf, *, closed: bool) -> None:
    keys = shelf.registry.chain("x", 1200, closed=closed)
    assert shelf.review("*") == dict.fromkeys(keys, GOES)
    shelf.registry.alias("x", keys[600], "best")
    found = shelf.review("*")
    held = {key for key, one in found.items() if one[:2] == ("blocked", "dependent_stays")}
    assert held == ({*keys} - {keys[600]} if closed else {*keys[:600]})


def test_what_has_live_dependents_is_not_purged_unasked(cli: Cli, registry: Local) -> None:
    path = registry.path.with_name("p.plan")
    cli("plan", registry.address, "name:net version:v1", "--orphan-dependents", "-o", path)
    cli("apply", path, "--yes", "--expect", "1")
    words = ("purge", registry.address, "--all")
    out = cli(*words, code=1).out
    assert "net:v1  2 KB  live versions outside this plan were made from it (tiny:v0)" in out
    assert "      --orphan-dependents: let those lose a parent\n" in out
    assert "--with-dependents" not in out, "a purge takes nothing along"
    assert registry.states()["net:v1"] == "trash"
    cli(*words, "--orphan-dependents", "--yes", "--expect", "1")
    assert "net:v1" not in registry.states()
    assert registry.states()["tiny:v0"] == "live"


def test_what_joined_and_needs_consent_says_so_whatever_it_joined_for(shelf: Shelf) -> None:
    registry = shelf.registry
    top = registry.add("x")
    registry.alias("x", top, "prod", protected=True)
    plain = registry.add("y", parents=[top])
    aliased = registry.add("z", aliases=["best"], parents=[top])
    assert shelf.review("name:x", "--with-dependents") == {
        top: blocked("protected", "prod"),
        plain: blocked("asked_stays", "x:x-0"),
        aliased: consent("alias", "best"),
    }


def test_the_file_says_what_its_maker_saw(crowd: Shelf) -> None:
    for options in ((), ("--delete-aliases", "--with-dependents"), (
        "--delete-aliases", "--break-links", "--generated", "--unfinished", "--orphan-dependents",
        "--whole-collections",
    )):  # fmt: skip
        crowd.path.unlink(missing_ok=True)
        words = ("plan", crowd.address, "-name:r2 -name:out", *options, "-o", crowd.path)
        made = crowd.cli(*words).out
        read = crowd.cli("review", crowd.path).out
        head = made.split("\n\n")[1].splitlines()
        assert head[0].startswith("will be deleted: ")
        for paragraph in made.split("\n\n")[1:-1]:
            for line in paragraph.splitlines():
                if not line.strip().startswith(("and ", "shown: ")):
                    assert line in read


def test_a_verdict_in_the_file_is_no_consent(crowd: Shelf) -> None:
    shelf = crowd.configured("team")
    said = versions(shelf)
    forge(shelf.path, "UPDATE item SET verdict='delete', reason='', detail=''")
    found = shelf.apply(len(said), code=1)
    assert {key: one[1:] for key, one in found.items() if one[0] == "refused"} == {
        **{key: one[1:] for key, one in said.items() if one != GOES},
        "left/0": ("pending", ""),
        "seen/0": ("linked", "r1"),
        "seen-hard/0": ("linked", "r1"),
        "hard-kept/0": ("kept", "no"),
        "mixed/0": ("dependent_stays", "mixed:mixed-1"),
    }
    assert shelf.registry.live() >= {key for key, one in said.items() if one != GOES}


def test_read_only_blocks_everything(cli: Cli, crowd: Shelf, registry: Local) -> None:
    for address in (crowd.address, registry.address):
        ran = cli("--read-only", "plan", address, "*", "--json", code=1)
        assert ran.records
        assert {(r["verdict"], r["reason"]) for r in ran.records} == {("blocked", "read_only")}
        assert "nothing to delete" in ran.err


def test_what_is_in_the_trash_is_not_deleted_again(cli: Cli, registry: Local) -> None:
    path = registry.path.with_name("p.plan")
    cli("plan", registry.address, "name:net version:v0", "-o", path)
    cli("apply", path, "--yes", "--expect", "1")
    ran = cli("plan", registry.address, "name:net state:trash", "--json", code=1)
    assert [(r["verdict"], r["reason"]) for r in ran.records] == [("blocked", "in_trash")]
