"""What a filter shows; `tests/properties/query` compares all of it with a naive evaluation."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import Sort, connect
from artifact_tui.model import Alias
from artifact_tui.query import compile_query, parse
from tests.support.catalogs import DAY, NOW, Maker, every_version

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    maker = Maker()
    data = maker.version(
        "ImageNet",
        type="dataset",
        files={"a": ("shared", 700), "b": ("own", 300)},
        created_us=NOW - 40 * DAY,
        used_count=3,
        used_us=NOW - 100 * DAY,
    )
    maker.version("ImageNet", files={"a": ("shared", 700)}, created_us=NOW - 5 * DAY, used_count=0)
    base = maker.version(
        "resnet",
        parents=[data],
        aliases=["production", Alias("only-there", scope=THERE)],
        links=[THERE],
        tags=["good"],
        run="fancy-cat-7",
        size=10,
    )
    maker.version(THERE, state="trash", source_key=base.key, size=10)
    gone = maker.version("resnet", parents=[base], state="trash", size=10)
    maker.version("distilled", parents=[gone], ttl_us=6 * DAY, aliases=["none", "prod-2"])
    odd = maker.version("100%_[a]*", type="code", size=0, state="pending", created_us=None)
    maker.version("resnet", parents=[odd], state="trash", size=10)
    with closing(connect(maker.write(tmp_path / "catalog.db"))) as conn:
        yield conn


THERE = "org/wandb-registry-model/best"
IMAGENET1, IMAGENET2, RESNET1, RESNET2 = "ImageNet/v1", "ImageNet/v2", "resnet/v1", "resnet/v2"
RESNET3, DISTILLED, ODD = "resnet/v3", "distilled/v1", "100%_[a]*/v1"
LINK = f"{THERE}/v1"
LISTED = {IMAGENET1, IMAGENET2, RESNET1, DISTILLED, ODD}


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", LISTED),
        ("net", {IMAGENET1, IMAGENET2, RESNET1}),
        ("NET -image", {RESNET1}),
        ("name:ImageNet", {IMAGENET1, IMAGENET2}),
        ("name:imagenet", set()),
        ("name:Image", set()),
        ("name:Image*", {IMAGENET1, IMAGENET2}),
        ("name:image*", set()),
        ("image*", {IMAGENET1, IMAGENET2}),
        ("%_[", {ODD}),
        ('"*"', {ODD}),
        ("?", set()),
        ("e_n", set()),
        ("type:dataset", {IMAGENET1, IMAGENET2}),
        ("type:Dataset", set()),
        ("type:d* | type:code", {IMAGENET1, IMAGENET2, ODD}),
        ("version:v2", {IMAGENET2}),
        ("alias:none", {IMAGENET1, IMAGENET2, ODD}),
        ("alias:any", {RESNET1, DISTILLED}),
        ('alias:"none"', {DISTILLED}),
        ("alias:prod*", {RESNET1, DISTILLED}),
        ("tag:good", {RESNET1}),
        ("tag:none net", {IMAGENET1, IMAGENET2}),
        ("run:fancy*", {RESNET1}),
        ("-run:any", LISTED - {RESNET1}),
        ("state:trash", {RESNET2, RESNET3, LINK}),
        ("state:any", LISTED | {RESNET2, RESNET3, LINK}),
        ("state:pending", {ODD}),
        ("-state:trash", LISTED),
        ("size>10", {IMAGENET1, IMAGENET2}),
        ("size:none", {DISTILLED}),
        ("-size>10", {RESNET1, ODD}),
        ("-size>10 | size:none", {RESNET1, DISTILLED, ODD}),
        ("-unique>0", {IMAGENET2}),
        ("-age>30d", {IMAGENET2, RESNET1, DISTILLED}),
        ("-used<90d", {IMAGENET1, IMAGENET2}),
        ("-ttl<7d", LISTED - {DISTILLED}),
        ("-runs:0", {IMAGENET1}),
        ("-files>1", {IMAGENET2}),
        ("unique:300", {IMAGENET1}),
        ("unique:0", {IMAGENET2}),
        ("unique:none", {RESNET1, DISTILLED, ODD}),
        ("age>30d", {IMAGENET1}),
        ("age:5d", {IMAGENET2}),
        ("age:none", {ODD}),
        ("created<2027", {IMAGENET1}),
        ("created:2027-01-10", {IMAGENET2}),
        ("used>90d", {IMAGENET1}),
        ("used:none size>10", {IMAGENET2}),
        ("ttl<7d", {DISTILLED}),
        ("ttl>7d", set()),
        ("ttl:6d", {DISTILLED}),
        ("ttl:5d", set()),
        ("ttl:none", LISTED - {DISTILLED}),
        ("dependents:0", {IMAGENET2, DISTILLED, ODD}),
        ("dependents>0", {IMAGENET1, RESNET1}),
        ("dependents:1", {IMAGENET1, RESNET1}),
        ("files>1", {IMAGENET1}),
        ("files:none", {RESNET1, DISTILLED, ODD}),
        ("latest:1", {IMAGENET2, RESNET1, DISTILLED}),
        ("-latest:1", {IMAGENET1, ODD}),
        ("latest:0", set()),
        ("registry:any", {RESNET1}),
        ("registry:none", LISTED - {RESNET1}),
        ("registry:org/wandb-registry-*", {RESNET1}),
        ("registry:org/wandb-registry", set()),
        ("link:yes state:any", {LINK}),
        ("link:no", LISTED),
        ("-link:no state:any", {LINK}),
        ("runs:0", {IMAGENET2}),
        ("runs>1", {IMAGENET1}),
        ("runs:none", LISTED - {IMAGENET1, IMAGENET2}),
        ("alias:only-there", {RESNET1}),
    ],
)
def test_what_is_shown(conn: sqlite3.Connection, text: str, keys: set[str]) -> None:
    where = compile_query(parse(text), NOW)
    assert {row.key for row in every_version(conn, where, Sort())} == keys


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("dependents:0", {"asked", "unused", "link"}),
        ("dependents<1", {"asked", "unused", "link"}),
        ("dependents<=5", {"asked", "unused", "link", "parent"}),
        ("dependents:1", {"parent"}),
        ("dependents>0", {"parent", "half"}),
        ("dependents>=1", {"parent", "half"}),
        ("dependents>1", set()),
        ("dependents:2", set()),
        ("-dependents:0", {"parent", "half"}),
        ("-dependents>0", {"asked", "unused", "link"}),
        ("-dependents:0 | -dependents>0", {"parent", "half", "asked", "unused", "link"}),
    ],
)
def test_what_nobody_asked_for_is_not_none(tmp_path: Path, text: str, labels: set[str]) -> None:
    """Where lineage is told only when asked, few dependents must be known to be few."""
    maker = Maker()
    made = {
        name: maker.version("a", label=name, used_count=count)
        for name, count in [("asked", 1), ("unused", 0), ("parent", 2), ("half", None)]
    }
    maker.version("a", label="unasked", used_count=None)
    maker.version("a", label="link", used_count=9, source_key=made["parent"].key)
    maker.elsewhere(made["parent"], "other:v1").elsewhere(made["half"], "other:v2")
    maker.elsewhere(made["asked"], "other:v0", up=True)
    maker.ask(made["asked"], made["parent"])
    with closing(connect(maker.write(tmp_path / "asked.db"))) as conn:
        rows = every_version(conn, compile_query(parse(text), NOW), Sort())
        assert {row.label for row in rows} == labels


def test_nothing_typed_is_in_the_sql() -> None:
    where = compile_query(parse("o'clock type:\"zz' OR 7\" tag:zy* run:zx latest:77"), NOW)
    assert not any(typed in where.sql for typed in ("'c", "zz", "OR 7", "zy", "zx", "77"))
    assert set(where.params.values()) == {
        "*[Oo]'[Cc][Ll][Oo][Cc][Kk]*",
        "zz' OR 7",
        "zy*",
        "zx",
        77,
    }


def test_filters_of_collections_are_told_apart() -> None:
    assert compile_query(parse("a type:b state:any"), NOW).common
    assert not compile_query(parse("a size>1"), NOW).common
    assert not compile_query(parse("a"), NOW).narrowed("v.id > 3").common


def test_moments_beyond_what_sqlite_holds_are_kept_within() -> None:
    where = compile_query(parse("age<290000y ttl<290000y"), NOW)
    assert all(abs(int(value)) < 2**63 for value in where.params.values())
