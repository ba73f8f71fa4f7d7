from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog.version_names import existing_values, find_version, rows_by_keys
from artifact_tui.errors import NotFoundError, UsageError
from artifact_tui.model import Alias
from tests.support.catalogs import Maker

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    Opened = Callable[[Maker], sqlite3.Connection]


@pytest.fixture
def maker() -> Maker:
    maker = Maker()
    maker.version("resnet50", aliases=["v2", Alias("gold", scope="wall of fame")], tags=["t1"])
    maker.version("resnet50", aliases=["latest"], run="fancy")
    maker.version("resnet50", state="trash")
    maker.version("bert:base", type="dataset", aliases=["Latest"], run="Fancier")
    return maker


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("resnet50:v1", "resnet50/v1"),
        ("resnet50:v2", "resnet50/v2"),
        ("resnet50:latest", "resnet50/v2"),
        ("resnet50:v3", "resnet50/v3"),
        ("bert:base:v1", "bert:base/v1"),
        ("bert:base:Latest", "bert:base/v1"),
        ("wall of fame:gold", "resnet50/v1"),
    ],
)
def test_find(opened: Opened, maker: Maker, name: str, key: str) -> None:
    assert find_version(opened(maker), name).key == key


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("resnet5:v1", "There is no collection resnet5.", "Did you mean resnet50?"),
        ("RESNET50:v1", "There is no collection RESNET50.", "Did you mean resnet50?"),
        ("zzz:v1", "There is no collection zzz.", "List what is there"),
        ("resnet50:lates", "has no version and no alias lates.", "Did you mean latest?"),
        ("resnet50:gold", "has no version and no alias gold.", "List what is there"),
    ],
)
def test_a_name_that_nothing_has(
    opened: Opened, maker: Maker, name: str, message: str, hint: str
) -> None:
    with pytest.raises(NotFoundError, match=message) as caught:
        find_version(opened(maker), name)
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize("name", ["resnet50", ":v1", "resnet50:", "", ":"])
def test_a_name_that_says_no_version(opened: Opened, maker: Maker, name: str) -> None:
    with pytest.raises(UsageError, match="does not say which version"):
        find_version(opened(maker), name)


def test_by_keys_keeps_the_order_and_leaves_out_what_is_gone(opened: Opened, maker: Maker) -> None:
    conn = opened(maker)
    keys = ["bert:base/v1", "gone", "resnet50/v1", 'x"]', "resnet50/v3"]
    assert [row.key for row in rows_by_keys(conn, keys)] == [
        "bert:base/v1",
        "resnet50/v1",
        "resnet50/v3",
    ]
    assert rows_by_keys(conn, []) == ()


@pytest.mark.parametrize(
    ("field", "prefix", "values"),
    [
        ("name", "", ("bert:base", "resnet50")),
        ("name", "RES", ("resnet50",)),
        ("type", "m", ("model",)),
        ("version", "v", ("v1", "v2", "v3")),
        ("alias", "l", ("Latest", "latest")),
        ("alias", "*", ()),
        ("tag", "", ("t1",)),
        ("run", "fanc", ("Fancier", "fancy")),
        ("state", "T", ("trash",)),
        ("state", "", ("live", "trash", "pending", "any")),
        ("size", "1", ()),
        ("nothing", "", ()),
    ],
)
def test_values(
    opened: Opened, maker: Maker, field: str, prefix: str, values: tuple[str, ...]
) -> None:
    assert existing_values(opened(maker), field, prefix) == values


def test_registries_that_show_a_version_can_be_completed(opened: Opened) -> None:
    maker = Maker()
    maker.version("a", links=["org/wandb-registry-model/best", "other/best"])
    maker.version("a", links=["other/best"])
    conn = opened(maker)
    assert existing_values(conn, "registry", "o") == ("org/wandb-registry-model/best", "other/best")
    assert existing_values(conn, "link", "y") == ()


def test_a_version_is_found_by_an_alias_that_only_a_registry_holds(opened: Opened) -> None:
    maker = Maker()
    best = "org/wandb-registry-model/best"
    source = maker.version("a", aliases=[Alias("production", scope=best)], links=[best])
    maker.version("wandb-registry-model/best", aliases=["production"], source_key=source.key)
    conn = opened(maker)
    assert find_version(conn, f"{best}:production").key == source.key
    assert find_version(conn, "wandb-registry-model/best:production").source == "a:v1"
    with pytest.raises(NotFoundError):
        find_version(conn, "a:production")


def test_values_are_limited(opened: Opened) -> None:
    maker = Maker()
    for number in range(60):
        maker.collection(f"c{number:02}")
    conn = opened(maker)
    assert len(existing_values(conn, "name", "c")) == 50
    assert existing_values(conn, "name", "c", limit=2) == ("c00", "c01")
