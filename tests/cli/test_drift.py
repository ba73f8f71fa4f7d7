"""What others change between a review and its apply: it stays, with its reason, all else goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.shelf import Shelf
    from tests.servers.faulty.linked import Registry

    Step = Callable[[Registry, str], object]

GONE = ("verified", "", "")
UNLINKED = ("unlinked", "", "")
BEFORE_US = ("gone", "", "")


def _nothing(registry: Registry, key: str) -> None:
    del registry, key


@dataclass(frozen=True)
class Case:
    """One version of a collection of its own: how it was, what others did, how it ended."""

    name: str
    drift: Step
    ends: tuple[str, str, str]
    before: Step = field(default=_nothing)


def refused(reason: str, detail: str = "") -> tuple[str, str, str]:
    return "refused", reason, detail


def played(shelf: Shelf, cases: list[Case], *options: str) -> dict[str, tuple[str, str, str]]:
    """Every case in one plan: how each ended, by its name."""
    registry = shelf.registry
    keys = {case.name: registry.add(f"x-{case.name}") for case in cases}
    for case in cases:
        case.before(registry, keys[case.name])
    assert shelf.plan("name:x-*", *options) == len(cases)
    for case in cases:
        case.drift(registry, keys[case.name])
    found = shelf.apply(len(cases), code=1)
    live = registry.live()
    sent = {key for _, keys in shelf.sent() for key in keys}
    ends = {name: found[key] for name, key in keys.items()}
    for name, key in keys.items():
        assert (key in live) is (ends[name][0] == "refused"), (name, ends[name])
        assert (key in sent) is (ends[name][0] in {"verified", "unlinked"}), (name, ends[name])
    return ends


def expected(cases: list[Case]) -> dict[str, tuple[str, str, str]]:
    return {case.name: case.ends for case in cases}


def tells(name: str, value: object) -> Step:
    return lambda r, k: r.tell(k, **{name: value})


def home(key: str) -> str:
    return key.split("/", maxsplit=1)[0]


def with_alias(registry: Registry, key: str) -> None:
    registry.alias(home(key), key, f"old-{home(key)}")


def moved(registry: Registry, key: str) -> None:
    registry.unalias(home(key), f"old-{home(key)}")
    registry.alias("r", key, f"old-{home(key)}")


def through(registry: Registry, key: str) -> None:
    """What was made from it is in the trash, and something was made from that."""
    registry.add("z", parents=[f"y-{home(key)}/0"])
    registry.trash(f"y-{home(key)}/0")


def dark(registry: Registry, key: str) -> None:
    """The registry does not tell its dependents any more."""
    registry.tell(key, lineage_known=False)


def generated(registry: Registry, key: str) -> None:
    registry.tell(key, generated=True)


def shown_elsewhere(registry: Registry, key: str) -> None:
    registry.link("r", key, aliases=[f"seen-{home(key)}"])


def with_dependent(registry: Registry, key: str) -> None:
    registry.add(f"y-{home(key)}", parents=[key])


ALONE = [
    Case("same", _nothing, GONE),
    Case("digest", lambda r, k: r.tell(k, digest="sha256:b"), refused("content_changed")),
    Case("link", lambda r, k: r.tell(k, source_key="other"), refused("content_changed")),
    Case("label", tells("label", "v9"), refused("renamed", "it is x-label:v9")),
    Case("home", tells("collection", "new"), refused("renamed", "it is new:x-home-0")),
    Case("type", tells("type", "dataset"),
         refused("renamed", "it is x-type:x-type-0, a dataset")),
    Case("untold", lambda r, k: r.tell(k, label="", collection="", type=""), GONE),
    Case("kept", tells("kept", "it is made by the registry"),
         refused("kept", "it is made by the registry")),
    Case("alias", lambda r, k: r.alias("x-alias", k, "best"),
         refused("aliases_changed", "+best")),
    Case("protected", lambda r, k: r.alias("x-protected", k, "prod", protected=True),
         refused("protected_since", "prod")),
    Case("shown", lambda r, k: r.link("r", k), refused("linked_since", "r")),
    Case("used", lambda r, k: r.add("y", parents=[k]), refused("dependent_added", "y:y-0")),
    Case("pending", tells("state", "pending"), refused("state_changed")),
    Case("trashed", lambda r, k: r.trash(k), BEFORE_US),
    Case("dark", dark,
         refused("lineage_unknown", "they were at the review")),
    Case("generated", generated, refused("generated")),
]  # fmt: skip


def test_what_changed_stays_with_its_reason(shelf: Shelf) -> None:
    assert played(shelf, ALONE) == expected(ALONE)


AGREED = [
    Case("plain", _nothing, GONE),
    Case("alias", _nothing, GONE, with_alias),
    Case("renamed", lambda r, k: r.unalias(home(k), f"old-{home(k)}"),
         refused("aliases_changed", "-old-x-renamed"), with_alias),
    Case("more", lambda r, k: r.alias(home(k), k, "new"),
         refused("aliases_changed", "+new"), with_alias),
    Case("moved", moved,
         refused("aliases_changed", "+old-x-moved, -old-x-moved"), with_alias),
    Case("hard", lambda r, k: r.alias(home(k), k, f"old-{home(k)}", protected=True),
         refused("protected_since", "old-x-hard"), with_alias),
    Case("hard-there", lambda r, k: r.alias("r", k, "seen-x-hard-there", protected=True),
         refused("protected_since", "seen-x-hard-there in r"), shown_elsewhere),
    Case("shown", _nothing, GONE, shown_elsewhere),
    Case("unlinked", lambda r, k: r.unlink("r", k), GONE, shown_elsewhere),
    Case("unseen", lambda r, k: r.unalias("r", f"seen-{home(k)}"),
         refused("aliases_changed", "-seen-x-unseen"), shown_elsewhere),
    Case("seen", lambda r, k: r.alias("r", k, "more"),
         refused("aliases_changed", "+more"), shown_elsewhere),
    Case("again", lambda r, k: r.link("s", k), refused("linked_since", "s"), shown_elsewhere),
    Case("first", lambda r, k: r.link("s", k), refused("linked_since", "s")),
    Case("used", _nothing, GONE, with_dependent),
    Case("unused", lambda r, k: r.unmake(f"y-{home(k)}/0"),
         refused("dependent_lost", "y-x-unused:y-x-unused-0"), with_dependent),
    Case("through", through,
         refused("dependent_added", "z:z-0"), with_dependent),
    Case("needed", lambda r, k: r.add("z", parents=[k]),
         refused("dependent_added", "z:z-1"), with_dependent),
    Case("pending", tells("state", "pending"), refused("state_changed"), with_dependent),
    Case("kept", tells("kept", "no"), refused("kept", "no")),
    Case("digest", tells("digest", "sha256:b"), refused("content_changed"), with_alias),
    Case("dark", dark, GONE),
    Case("generated", generated, GONE),
]  # fmt: skip

EVERY_CONSENT = (
    "--delete-aliases", "--break-links", "--orphan-dependents", "--unknown-lineage", "--generated",
    "--unfinished",
)  # fmt: skip


def test_a_consent_covers_what_was_shown_and_no_more(shelf: Shelf) -> None:
    assert played(shelf, AGREED, *EVERY_CONSENT) == expected(AGREED)
    left = {key for key in shelf.registry.live() if key.startswith("link:")}
    assert left == {
        "link:r:x-hard-there/0", "link:r:x-unseen/0", "link:r:x-seen/0", "link:r:x-again/0",
        "link:s:x-again/0", "link:s:x-first/0",
    }  # fmt: skip


def test_what_changed_about_links_stays_and_no_source_ever_goes(shelf: Shelf) -> None:
    registry = shelf.registry
    names = ("same", "source-alias", "own-alias", "lost-alias", "unlinked", "other", "digest",
             "relabelled", "scope-gone", "protected", "used")  # fmt: skip
    sources = {name: registry.add(f"m-{name}") for name in names}
    keys = {name: registry.link(f"r-{name}", key) for name, key in sources.items()}
    registry.alias("r-lost-alias", sources["lost-alias"], "own")
    registry.alias("m-scope-gone", sources["scope-gone"], "latest")
    registry.alias("m-same", sources["same"], "hard", protected=True)
    assert shelf.plan("name:r-*", "--delete-aliases") == len(names)
    registry.alias("m-source-alias", sources["source-alias"], "latest")
    registry.alias("r-own-alias", sources["own-alias"], "staging")
    registry.unalias("r-lost-alias", "own")
    registry.unlink("r-unlinked", sources["unlinked"])
    registry.tell(keys["other"], source_key="m-same/0")
    registry.tell(keys["digest"], digest="sha256:b")
    registry.tell(keys["relabelled"], label="v7")
    registry.unalias("m-scope-gone", "latest")
    registry.alias("r-protected", sources["protected"], "prod", protected=True)
    registry.add("y", parents=[sources["used"]])
    found = shelf.apply(len(names), code=1)
    assert {name: found[key] for name, key in keys.items()} == {
        "same": UNLINKED,
        "source-alias": refused("aliases_changed", "+latest"),
        "own-alias": refused("aliases_changed", "+staging"),
        "lost-alias": refused("aliases_changed", "-own"),
        "unlinked": BEFORE_US,
        "other": refused("content_changed"),
        "digest": refused("content_changed"),
        "relabelled": refused("renamed", "it is r-relabelled:v7"),
        "scope-gone": UNLINKED,
        "protected": refused("protected_since", "prod"),
        "used": UNLINKED,
    }
    assert set(sources.values()) <= registry.live()


@pytest.mark.parametrize("options", [(), ("--orphan-dependents",)])
def test_a_parent_waits_for_its_dependents(shelf: Shelf, options: tuple[str, ...]) -> None:
    """`b` was made from `a`, `c` from `b`; likewise `e` from `d`; `g` from `f`."""
    registry = shelf.registry
    a = registry.add("x-a")
    b = registry.add("x-b", parents=[a])
    c = registry.add("x-c", parents=[b])
    d = registry.add("x-d")
    e = registry.add("x-e", parents=[d])
    f = registry.add("x-f")
    g = registry.add("x-g", parents=[f])
    assert shelf.plan("name:x-*", *options) == 7
    registry.tell(b, digest="sha256:b")
    registry.trash(e)
    found = shelf.apply(7, code=1)
    stays = refused("dependent_stays", "x-b:x-b-0")
    assert found == {
        a: stays, b: refused("content_changed"), c: GONE, d: GONE, e: BEFORE_US, f: GONE, g: GONE,
    }  # fmt: skip
    assert registry.live() == {a, b}
    order = [key for _, keys in shelf.sent() for key in keys]
    assert (set(order[:2]), set(order[2:])) == ({c, g}, {d, f})


def test_below_what_goes_only_what_was_shown_may_lose_its_parent(shelf: Shelf) -> None:
    """`out` was made from `b`, that from `a`: with `b` away, `out` shows as made from `a`."""
    registry = shelf.registry
    tops = {}
    for name in ("same", "new"):
        a = registry.add(f"x-{name}-a")
        b = registry.add(f"x-{name}-b", parents=[a])
        registry.add(f"out-{name}", parents=[b])
        tops[name] = (a, b)
    assert shelf.plan("name:x-*", "--orphan-dependents") == 4
    registry.add("late", parents=["out-new/0"])
    registry.add("late", parents=[tops["new"][0]])
    found = shelf.apply(4, code=1)
    assert [found[key] for key in tops["same"]] == [GONE, GONE]
    assert [found[key] for key in tops["new"]] == [refused("dependent_added", "late:late-1"), GONE]
    assert registry.live() == {"out-same/0", "out-new/0", "late/0", "late/1", tops["new"][0]}


def circle(registry: Registry, *names: str) -> list[str]:
    """Each of these was made from the one before it, and the first from the last."""
    keys = [registry.add(f"x-{name}") for name in names]
    for number, key in enumerate(keys):
        registry.edge(keys[number - 1], key)
    return keys


@pytest.mark.parametrize("batch", [1, 50])
def test_of_a_circle_all_go_or_none(shelf: Shelf, batch: int) -> None:
    registry = shelf.registry
    shelf.faults(batch_delete=batch)
    whole = circle(registry, "a", "b", "c")
    changed = circle(registry, "d", "e", "f")
    less = circle(registry, "g", "h", "i")
    open_ = circle(registry, "j", "k", "l")
    top = registry.add("x-top")
    registry.edge(top, changed[0])
    assert shelf.plan("name:x-*") == 13
    registry.tell(changed[2], digest="sha256:b")
    registry.trash(less[1])
    registry.unmake(open_[0])
    found = shelf.apply(13, code=1)
    assert [found[key] for key in whole] == [GONE] * 3
    assert [found[key][:2] for key in changed] == [
        ("refused", "dependent_stays"), ("refused", "dependent_stays"),
        ("refused", "content_changed"),
    ]  # fmt: skip
    assert found[top][:2] == ("refused", "dependent_stays")
    assert [found[key] for key in less] == [GONE, BEFORE_US, GONE]
    assert [found[key] for key in open_] == [GONE] * 3
    assert registry.live() == {*changed, top}


def test_where_parents_may_be_lost_each_of_a_circle_is_by_itself(shelf: Shelf) -> None:
    registry = shelf.registry
    keys = circle(registry, "a", "b", "c")
    assert shelf.plan("name:x-*", "--orphan-dependents") == 3
    registry.tell(keys[2], digest="sha256:b")
    found = shelf.apply(3, code=1)
    assert [found[key] for key in keys] == [GONE, GONE, refused("content_changed")]
    assert registry.live() == {keys[2]}


def test_those_of_a_circle_that_go_without_it_keep_their_order(shelf: Shelf) -> None:
    """`c` was made from `b`, that from `a`, which stays, and `a` from `c`."""
    registry = shelf.registry
    a, b, c = circle(registry, "a", "b", "c")
    registry.alias("x-a", a, "best")
    assert shelf.plan("name:x-*", "--orphan-dependents") == 2
    assert shelf.apply(2) == {b: GONE, c: GONE}
    assert [keys for _, keys in shelf.sent()] == [[c], [b]]


def test_what_joined_goes_only_for_what_goes(shelf: Shelf) -> None:
    """Of each family `low` was made from `mid`, that from `top`, which alone was asked for."""
    registry = shelf.registry
    families = {}
    for name in ("same", "digest", "hard", "below"):
        top = registry.add(f"x-{name}")
        mid = registry.add(f"mid-{name}", parents=[top])
        families[name] = (top, mid, registry.add(f"low-{name}", parents=[mid]))
    assert shelf.plan("name:x-*", "--with-dependents") == 12
    registry.tell(families["digest"][0], digest="sha256:b")
    registry.alias("x-hard", families["hard"][0], "prod", protected=True)
    registry.tell(families["below"][1], digest="sha256:b")
    found = shelf.apply(12, code=1)

    def held(name: str) -> tuple[str, str, str]:
        return refused("dependent_stays", f"{name}:{name}-0")

    def asked(name: str) -> tuple[str, str, str]:
        return refused("asked_stays", f"{name}:{name}-0")

    assert {name: [found[key] for key in keys] for name, keys in families.items()} == {
        "same": [GONE, GONE, GONE],
        "digest": [refused("content_changed"), held("low-digest"), asked("x-digest")],
        "hard": [refused("protected_since", "prod"), held("low-hard"), asked("x-hard")],
        "below": [held("mid-below"), refused("content_changed"), asked("x-below")],
    }
    assert registry.live() == {*families["digest"], *families["hard"], *families["below"]}
