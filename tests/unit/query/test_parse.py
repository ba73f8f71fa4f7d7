from __future__ import annotations

import pytest

from artifact_tui.errors import QueryError
from artifact_tui.query import FIELDS, parse
from artifact_tui.query.filter_tree import (
    AllOf,
    AnyOf,
    DateTerm,
    DurationTerm,
    HasTerm,
    LatestTerm,
    Node,
    Not,
    NumberTerm,
    StateTerm,
    TextPattern,
    TextTerm,
)

DAY = 86_400_000_000


def name(text: str) -> TextTerm:
    return TextTerm("name", TextPattern((text,)), bare=True)


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("", AllOf(())),
        ("   ", AllOf(())),
        ("resnet", name("resnet")),
        ("res net", AllOf((name("res"), name("net")))),
        ("res|net", AnyOf((name("res"), name("net")))),
        ("a b | c", AnyOf((AllOf((name("a"), name("b"))), name("c")))),
        ("a (b | c)", AllOf((name("a"), AnyOf((name("b"), name("c")))))),
        ("-res", Not(name("res"))),
        ("--res", name("res")),
        ("-(a b)", Not(AllOf((name("a"), name("b"))))),
        ("res-net", name("res-net")),
        ('"two words"', name("two words")),
        (r'"a \"quoted\" \\ word"', name(r"a \"quoted\" \ word".replace('\\"', '"'))),
        (r'"C:\new"', name(r"C:\new")),
        ("res*", TextTerm("name", TextPattern(("res", "")), bare=True)),
        ("*", TextTerm("name", TextPattern(("", "")), bare=True)),
        ("a**b", TextTerm("name", TextPattern(("a", "b")), bare=True)),
        ('"res*"', name("res*")),
        ('"a b"*', TextTerm("name", TextPattern(("a b", "")), bare=True)),
        ("name:res*", TextTerm("name", TextPattern(("res", "")))),
        ("name:resnet", TextTerm("name", TextPattern(("resnet",)))),
        ("NAME:resnet", TextTerm("name", TextPattern(("resnet",)))),
        ('"type:model"', name("type:model")),
        ("type:a:b<c", TextTerm("type", TextPattern(("a:b<c",)))),
        ("link:yes", HasTerm("link", present=True)),
        ("-link:no", Not(HasTerm("link", present=False))),
        ("registry:none", HasTerm("registry", present=False)),
        ("registry:org/*", TextTerm("registry", TextPattern(("org/", "")))),
        ("runs:0", NumberTerm("runs", ":", 0)),
        ("runs:none", HasTerm("runs", present=False)),
        ("alias:none", HasTerm("alias", present=False)),
        ("alias:any", HasTerm("alias", present=True)),
        ('alias:"none"', TextTerm("alias", TextPattern(("none",)))),
        ("alias:prod*", TextTerm("alias", TextPattern(("prod", "")))),
        ("size:none", HasTerm("size", present=False)),
        ("state:trash", StateTerm("trash")),
        ("latest:3", LatestTerm(3)),
        ("size>1GB", NumberTerm("size", ">", 10**9)),
        ("size<=1.5GiB", NumberTerm("size", "<=", 3 * 2**29)),
        ("size:12", NumberTerm("size", ":", 12)),
        ("dependents:0", NumberTerm("dependents", ":", 0)),
        ("files>=3", NumberTerm("files", ">=", 3)),
        ("age>30d", DurationTerm("age", ">", 30 * DAY, DAY)),
        ("used>2w", DurationTerm("used", ">", 14 * DAY, 7 * DAY)),
        ("ttl<1.5h", DurationTerm("ttl", "<", 5_400_000_000, 3_600_000_000)),
        ("age<6mo", DurationTerm("age", "<", 180 * DAY, 30 * DAY)),
        ("age<1y", DurationTerm("age", "<", 365 * DAY, 365 * DAY)),
        ("created>=1970-01-02", DateTerm("created", ">=", DAY, 2 * DAY)),
    ],
)
def test_text_becomes_tree(text: str, root: Node) -> None:
    query = parse(text)
    assert query.root == root
    assert query.text == text
    assert query.everything == (root == AllOf(()))


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("typ:model", 0, "There is no field typ."),
        ("a aeg>3d", 2, "There is no field aeg."),
        (":model", 0, "There is no field before this :"),
        ("type<model", 4, "type has no order"),
        ("latest>3", 6, "latest has no order"),
        ("type:", 5, "There is no value after type:"),
        ("size> 3", 5, "There is no value after size>"),
        ("size>big", 5, "size cannot be compared with this."),
        ("size>1e9", 5, "size cannot be compared with this."),
        ("size>-1", 5, "size cannot be compared with this."),
        ("size>9999999999PB", 5, "size cannot be compared with this."),
        ("size>1*", 5, "size cannot be compared with this."),
        ("age>30", 4, "age cannot be compared with this."),
        ("age>none", 4, "age cannot be compared with this."),
        ("dependents>1.5", 11, "dependents cannot be compared with this."),
        ("dependents:none", 11, "dependents cannot be compared with this."),
        ("created>yesterday", 8, "created cannot be compared with this."),
        ("created>2026-02-30", 8, "created cannot be compared with this."),
        ("created>0000", 8, "created cannot be compared with this."),
        ("latest:x", 7, "latest cannot be compared with this."),
        ("link:maybe", 5, "link cannot be compared with this."),
        ("link>yes", 4, "link has no order"),
        ("runs>x", 5, "runs cannot be compared with this."),
        ("state:gone", 6, "There is no such state."),
        ("type=model", 4, "= means nothing in a filter."),
        ('a "b', 2, "This quote is never closed."),
        ("a (b", 2, "This parenthesis is never closed."),
        ("a)", 1, "There is a ) where a term was expected."),
        ("()", 1, "There is a ) where a term was expected."),
        ("a |", 3, "The filter ends where a term was expected."),
        ("| a", 0, "There is a | where a term was expected."),
        ("a - b", 2, "There is nothing right after this -."),
        ("-", 0, "There is nothing right after this -."),
        ("a\x00", 1, "No name can hold this character."),
        ("(" * 41 + "a" + ")" * 41, 40, "Parentheses go deeper than 40."),
        ("a " * 201, 400, "The filter has more than 200 terms."),
        ("a" * 4001, 4000, "The filter is longer than 4,000 characters."),
    ],
)
def test_mistake_points_at_its_place(text: str, position: int, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert caught.value.position == position
    assert str(caught.value).startswith(message)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("typ:model", "Did you mean type?"),
        ("depends:0", "Did you mean dependents?"),
        ("zzzz:0", "Expected one of name, type, version"),
        ("state:tras", "Did you mean trash?"),
        ("size>big", "Expected a size such as 500MB, 1.5GiB or 12, or none, or any."),
        ("dependents>x", "Expected a whole number."),
        ("age>3", "Expected a number and a unit: s, m, h, d, w, mo or y, such as 30d, or none"),
        ("link:maybe", "Expected yes or no."),
        ("link:", "Expected yes or no."),
        ("type:", "Expected a text; quotes hold spaces."),
        ("state:", "Expected live, trash, pending, any."),
    ],
)
def test_mistake_says_what_was_expected(text: str, hint: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert caught.value.hint.startswith(hint)


def test_named_fields_are_collected_from_everywhere() -> None:
    query = parse("a | -(type:x size>1 | age>1d) created>2026 alias:none state:any latest:1")
    assert query.fields == frozenset(
        {"name", "type", "size", "age", "created", "alias", "state", "latest"}
    )
    assert parse("").fields == frozenset()


def test_each_field_has_help() -> None:
    assert all(field.help for field in FIELDS.values())
    assert [name for name, field in FIELDS.items() if not field.column] == ["latest"]
