from __future__ import annotations

import pytest

from artifact_tui.query import complete, parse
from artifact_tui.query.filter_fields import FIELDS


@pytest.mark.parametrize(
    ("text", "offers"),
    [
        ("", []),
        ("ty", [(0, "type:")]),
        ("TY", [(0, "type:")]),
        ("a ty", [(2, "type:")]),
        ("-la", [(1, "latest:")]),
        ("(ty", [(1, "type:")]),
        ("a|ty", [(2, "type:")]),
        ("siz", [(0, "size>"), (0, "size<")]),
        ("dep", [(0, "dependents>"), (0, "dependents<"), (0, "dependents:")]),
        ("state:", [(6, "live"), (6, "trash"), (6, "pending"), (6, "any")]),
        ("state:tr", [(6, "trash")]),
        ("state:trash", []),
        ("link:", [(5, "yes"), (5, "no")]),
        ("link:y", [(5, "yes")]),
        ("registry:", [(9, "none"), (9, "any")]),
        ("runs", [(0, "runs>"), (0, "runs<"), (0, "runs:")]),
        ("alias:", [(6, "none"), (6, "any")]),
        ("alias:n", [(6, "none")]),
        ("alias:prod", []),
        ("type:", []),
        ("size>", []),
        ('"ty', []),
        ("type:ty", []),
        ("zz", []),
    ],
)
def test_offers(text: str, offers: list[tuple[int, str]]) -> None:
    assert complete(text, len(text)) == offers


def test_only_what_stands_before_the_cursor_counts() -> None:
    assert complete("ty alias:none", 2) == [(0, "type:")]


def test_every_field_is_offered_by_its_first_letters() -> None:
    for name in FIELDS:
        assert any(offer.startswith(name) for _, offer in complete(name[:3], 3))


def test_an_offer_and_a_value_make_a_filter() -> None:
    examples = {"size": "1", "duration": "1d", "count": "1", "date": "2026", "newest": "1"}
    examples |= {"flag": "no"}
    for name, field in FIELDS.items():
        for _, offer in complete(name, len(name)):
            if offer.rstrip(":<>") == name:
                value = "live" if field.kind == "state" else examples.get(field.kind, "x")
                assert parse(offer + value).fields == {name}
