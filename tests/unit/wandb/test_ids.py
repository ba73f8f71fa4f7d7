"""Keys of versions and collections: one text for each, and never another kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.clients.wandb import wandb_model

KEYS = [
    (wandb_model.SourceKey("QXJ0aWZhY3Q6MQ=="), "artifact:QXJ0aWZhY3Q6MQ=="),
    (wandb_model.LinkKey("UG9y", "QXJ0"), "link:UG9y:QXJ0"),
    (wandb_model.SequenceKey("a+b/c="), "sequence:a+b/c="),
    (wandb_model.PortfolioKey("a:b"), "portfolio:a%3Ab"),
]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@pytest.mark.parametrize(("ref", "key"), KEYS)
def test_a_key_is_written_and_read(ref: wandb_model.Key, key: str) -> None:
    assert ref.key == key
    assert wandb_model.parse_key(key) == ref


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
    assert wandb_model.parse_key(text) is None


@given(TEXT, TEXT)
def test_any_id_comes_back_as_the_same_kind(one: str, other: str) -> None:
    for ref in (
        wandb_model.SourceKey(one),
        wandb_model.LinkKey(one, other),
        wandb_model.SequenceKey(one),
        wandb_model.PortfolioKey(one),
    ):
        found = wandb_model.parse_key(ref.key)
        assert found == ref
        assert type(found) is type(ref)


def test_a_link_knows_its_source() -> None:
    assert wandb_model.LinkKey("p", "a:b").source == wandb_model.SourceKey("a:b").key
