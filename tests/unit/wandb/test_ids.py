"""Keys of versions and collections: one text for each, and never another kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.clients.wandb import ids

KEYS = [
    (ids.SourceKey("QXJ0aWZhY3Q6MQ=="), "artifact:QXJ0aWZhY3Q6MQ=="),
    (ids.LinkKey("UG9y", "QXJ0"), "link:UG9y:QXJ0"),
    (ids.SequenceKey("a+b/c="), "sequence:a+b/c="),
    (ids.PortfolioKey("a:b"), "portfolio:a%3Ab"),
]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@pytest.mark.parametrize(("ref", "key"), KEYS)
def test_a_key_is_written_and_read(ref: ids.Key, key: str) -> None:
    assert ref.key == key
    assert ids.parse(key) == ref


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "nothing like it",
        "artifact:",
        "artifact",
        "artifact:a:b",
        "link:a",
        "link::b",
        "link:a:",
        "link:a:b:c",
        "ARTIFACT:a",
        "artifact:%61",
        "artifact:%ff",
        "artifact:a b",
        "sequence:a:b",
        "portfolio:",
        "run:a",
    ],
)
def test_what_is_nobodys_key(text: str) -> None:
    assert ids.parse(text) is None


@given(TEXT, TEXT)
def test_any_id_comes_back_as_the_same_kind(one: str, other: str) -> None:
    for ref in (
        ids.SourceKey(one),
        ids.LinkKey(one, other),
        ids.SequenceKey(one),
        ids.PortfolioKey(one),
    ):
        found = ids.parse(ref.key)
        assert found == ref
        assert type(found) is type(ref)


def test_a_link_knows_its_source() -> None:
    assert ids.LinkKey("p", "a:b").source == ids.SourceKey("a:b").key
