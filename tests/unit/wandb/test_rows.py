"""From W&B's answers to our types: tolerant of what is missing, clear about what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifact_tui.clients.wandb import wandb_model
from artifact_tui.errors import RegistryError
from artifact_tui.model import Link, VersionState

SERIES = wandb_model.SequenceKey("S")
SHELF = wandb_model.PortfolioKey("P")


def edge(
    node: dict[str, Any], version: str | None = "v3"
) -> wandb_model.ConnectionEdge[wandb_model.Artifact]:
    said = json.dumps({"version": version, "node": {"id": "A", **node}}).encode()
    return wandb_model.read_answer(
        said, wandb_model.ConnectionEdge[wandb_model.Artifact], "listing"
    )


def version(home: wandb_model.CollectionKey = SERIES, label: str | None = "v3", **node: Any) -> Any:
    found = edge(node, label)
    assert found.node is not None
    return wandb_model.shown_version(found, found.node, home)


def place(name: str, identifier: str = "P", kind: str = "ArtifactPortfolio") -> dict[str, Any]:
    project = {"name": "proj", "entity": {"name": "ent"}}
    return {"__typename": kind, "id": identifier, "name": name, "project": project}


def test_an_id_alone_is_a_version() -> None:
    found = version()
    assert (found.key, found.label, found.ordinal) == ("artifact:A", "v3", 3)
    assert (found.state, found.size, found.stored, found.used_count) == (
        VersionState.LIVE, None, None, None,
    )  # fmt: skip
    assert (found.aliases, found.tags, found.kept, found.run) == ((), (), "", "")
    assert found.links == (Link("", wandb_model.UNKNOWN_PLACES),), "nobody said that there are none"


@pytest.mark.parametrize("home", [SHELF, wandb_model.SequenceKey("other")])
def test_a_version_of_another_collection_is_a_link(home: wandb_model.CollectionKey) -> None:
    found = version(home, artifactSequence={"id": "S"}, ttlDurationSeconds=5, isGenerated=True)
    assert found.key == wandb_model.LinkKey(home.collection, "A").key
    assert found.source_key == "artifact:A"
    assert (found.ttl_us, found.kept, found.stored) == (None, "", 0)


@pytest.mark.parametrize("kind", ["ArtifactPortfolio", "SomethingNew", "", None])
def test_a_collection_of_unknown_kind_is_taken_for_links(kind: str | None) -> None:
    said = wandb_model.read_answer(
        json.dumps({"__typename": kind, "id": "X"}).encode(),
        wandb_model.ArtifactCollection,
        "listing",
    )
    found = wandb_model.shown_collection(said, "x")
    assert found.links
    assert isinstance(wandb_model.parse_key(found.key), wandb_model.PortfolioKey)


@pytest.mark.parametrize(
    ("label", "index", "expected"),
    [
        ("v3", 9, ("v3", 3)),
        (None, 9, ("v9", 9)),
        ("", None, ("v0", None)),
        ("best", 4, ("best", 4)),
        ("v" + "9" * 40, 1, ("v" + "9" * 40, 999_999_999_999_999_999)),
        ("v٣", 2, ("v٣", 2)),
        (None, -1, ("v0", None)),
    ],
)
def test_labels(label: str | None, index: int | None, expected: tuple[str, int | None]) -> None:
    found = version(label=label, versionIndex=index)
    assert (found.label, found.ordinal) == expected


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("COMMITTED", VersionState.LIVE),
        ("PENDING", VersionState.PENDING),
        ("DELETED", VersionState.TRASH),
        ("GARBAGE_COLLECTED", VersionState.TRASH),
        ("PENDING_DELETION", VersionState.TRASH),
        ("SOMETHING_NEW", VersionState.LIVE),
        (None, VersionState.LIVE),
    ],
)
def test_states(said: str | None, state: VersionState) -> None:
    assert version(state=said).state is state


@pytest.mark.parametrize(
    ("seconds", "inherited", "expected"),
    [
        (60, False, (60_000_000, False)),
        (60, True, (60_000_000, True)),
        (None, True, (None, True)),
        (-1, True, (None, True)),
        (-2, False, (None, False)),
        (0, None, (None, False)),
        (10**30, False, (None, False)),
    ],
)
def test_times_to_live(
    seconds: int | None,
    inherited: bool | None,  # noqa: FBT001
    expected: tuple[int | None, bool],
) -> None:
    found = version(ttlDurationSeconds=seconds, ttlIsInherited=inherited)
    assert (found.ttl_us, found.ttl_inherited) == expected


def test_numbers_as_text_and_numbers_that_cannot_be() -> None:
    found = version(size="12", storageBytes=-1, fileCount=10**30, usedCount=0)
    assert (found.size, found.stored, found.file_count, found.used_count) == (12, None, None, 0)


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600_000_000),
        ("2026-01-01T00:00:00", 1_767_225_600_000_000),
        ("2026-01-01T02:00:00+02:00", 1_767_225_600_000_000),
        ("2026-01-01T00:00:00.123456789Z", 1_767_225_600_123_456),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200_000_000),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_times(text: str | None, us: int | None) -> None:
    assert wandb_model.moment_us(text) == us


def test_labels_are_no_aliases_and_holders_are_links() -> None:
    found = version(
        aliases=[
            {"alias": "v3", "artifactCollection": place("m", "S")},
            {"alias": "v12", "artifactCollection": place("shelf")},
            {"alias": "v3x", "artifactCollection": place("m", "S")},
            {"alias": "prod", "artifactCollection": place("shelf")},
            {"alias": "prod", "artifactCollection": place("shelf")},
            {"alias": "secret", "artifactCollection": None},
            {"alias": None},
            None,
        ],
        artifactMemberships={
            "edges": [
                {"node": {"artifactCollection": place("m", "S")}},
                {"node": {"artifactCollection": place("shelf")}},
                {"node": {"artifactCollection": None}},
                {"node": None},
                None,
            ]
        },
    )
    shown = [(one.name, one.scope) for one in found.aliases]
    hidden = (wandb_model.HIDDEN_ALIAS, wandb_model.HIDDEN_COLLECTION)
    assert shown == [
        hidden,
        ("prod", "ent/proj/shelf"),
        ("secret", wandb_model.HIDDEN_COLLECTION),
        ("v3x", ""),
    ]
    assert found.links == (
        Link("", wandb_model.HIDDEN_COLLECTION),
        Link("link:P:A", "ent/proj/shelf"),
    )


@pytest.mark.parametrize(
    ("kind", "generated", "kept", "asked"),
    [
        ("wandb-history", None, True, False),
        ("wandb-history", True, True, False),
        ("wandb-events", None, False, True),
        ("job", None, True, False),
        ("model", True, False, True),
        ("model", False, False, False),
        ("code", None, False, True),
        ("run_table", False, False, True),
        ("jobs", None, False, False),
        (None, True, False, True),
    ],
)
def test_what_is_kept_and_what_is_asked_about(
    kind: str | None, *, generated: bool | None, kept: bool, asked: bool
) -> None:
    found = version(artifactType={"name": kind}, isGenerated=generated)
    assert (bool(found.kept), found.generated) == (kept, asked)


def test_creators() -> None:
    assert version(createdBy={"__typename": "Run", "name": "r1"}).run == "r1"
    assert version(createdBy={"__typename": "User", "id": "U", "username": "ada"}).run == "ada"
    assert version(createdBy={"__typename": "New"}).run == ""


@pytest.mark.parametrize(
    "said",
    [
        b'{"id": 5}',
        b'{"id": null}',
        b"{}",
        b"[]",
        b"5",
        b'{"id": "A", "aliases": "none"}',
        b'{"id": "A", "artifactMemberships": {"edges": {}}}',
        b'{"id": "A", "createdBy": []}',
        b'{"id": "\\ud800"}',
        b'{"id": "A"',
        b"",
        b"[" * 100_000,
    ],
)
def test_wrong_types_are_an_error_that_says_what(said: bytes) -> None:
    with pytest.raises(RegistryError, match="listing versions cannot be understood"):
        wandb_model.read_answer(said, wandb_model.Artifact, "listing versions")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(list(wandb_model.Artifact.__struct_encode_fields__)), inner
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(list(wandb_model.Artifact.__struct_encode_fields__)), JSON),
    JSON,
)
def test_any_answer_is_understood_or_an_error(node: dict[str, object], label: object) -> None:
    said = json.dumps({"version": label, "node": {"id": "A", **node}}).encode()
    try:
        found = wandb_model.read_answer(
            said, wandb_model.ConnectionEdge[wandb_model.Artifact], "listing"
        )
    except RegistryError:
        return
    if found.node is not None:
        for home in (SERIES, SHELF):
            made = wandb_model.shown_version(found, found.node, home)
            assert wandb_model.parse_key(made.key) is not None
            assert made.size is None or 0 <= made.size <= wandb_model.LARGEST_COUNT
