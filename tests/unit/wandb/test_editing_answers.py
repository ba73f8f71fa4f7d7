"""Edits whose answer says something else: what W&B shows afterwards decides, and is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.clients.wandb.wandb_editing import WandbEditor
from artifact_tui.clients.wandb.wandb_graphql import Graph
from artifact_tui.clients.wandb.wandb_replies import GraphError, GraphReply
from artifact_tui.model import TTL_INHERIT, Edit, Outcome, Result

if TYPE_CHECKING:
    from artifact_tui.clients.wandb.wandb_replies import GraphCall

R = Result
DAY = 86_400_000_000
PLAIN: dict[str, Any] = {
    "id": "a",
    "state": "COMMITTED",
    "tags": [],
    "aliases": [],
    "artifactType": {"name": "model"},
    "ttlDurationSeconds": 0,
    "ttlIsInherited": False,
    "artifactSequence": {"id": "S", "name": "m", "project": {"name": "p"}},
}
"""A version that has nothing yet."""
OLD = {"tags": [{"name": "old"}]}
BEST = {"aliases": [{"alias": "best", "artifactCollection": {"id": "S"}}]}


class Says:
    """A server that answers every edit like this, and shows the version afterwards like that."""

    def __init__(self, answer: dict[str, Any], shown: dict[str, Any]) -> None:
        self.writes = 0
        self._answer = answer
        self._shown = shown

    async def ask(self, call: GraphCall) -> GraphReply:
        if call.writes:
            self.writes += 1
            return GraphReply(json.dumps(self._answer).encode(), (), 200)
        now = {**PLAIN, **(self._shown if self.writes else {})}
        names = [str(value) for name, value in call.variables.items() if name.startswith("id")]
        bad = [n for n, name in enumerate(names) if name == "bad"]
        many = len(names) or sum(name.startswith("e") for name in call.variables)
        data = {f"p{n}": now if names and n not in bad else None for n in range(many)}
        errors = tuple(GraphError("permission denied", (f"p{n}",)) for n in bad)
        return GraphReply(json.dumps(data).encode(), errors, 200)


def updated(**shown: Any) -> dict[str, Any]:
    return {"updateArtifact": {"artifact": {**PLAIN, **shown}}}


async def told(says: Says, *edits: Edit) -> list[Outcome]:
    return await WandbEditor(Graph(says)).edit(edits)


@pytest.mark.parametrize(
    ("answer", "changes"),
    [
        ({"addAliases": {"success": None}}, {"add_aliases": ("best",)}),
        ({"addAliases": None}, {"add_aliases": ("best",)}),
        ({"deleteAliases": {"success": True}}, {"add_aliases": ("best",)}),
        (updated(), {"add_tags": ("old",)}),
        (updated(tags=None), {"add_tags": ("old",)}),
        (updated(id="b", **OLD), {"add_tags": ("old",)}),
        (updated(ttlDurationSeconds=None, ttlIsInherited=None), {"ttl_us": DAY}),
    ],
)
async def test_an_answer_that_does_not_show_it_is_not_believed(
    answer: dict[str, Any], changes: dict[str, Any]
) -> None:
    edit = Edit("artifact:a", **changes)
    (outcome,) = await told(Says(answer, {}), edit)
    assert outcome.result is R.FAILED
    assert "not done" in outcome.message
    done = {**OLD, **BEST, "ttlDurationSeconds": 86_400}
    (outcome,) = await told(Says(answer, done), edit)
    assert (outcome.result, outcome.message) == (R.DONE, "")


@pytest.mark.parametrize(
    ("shown", "changes"),
    [
        ({"aliases": None}, {"add_aliases": ("best",)}),
        ({"tags": None}, {"add_tags": ("old",)}),
        ({"ttlDurationSeconds": None, "ttlIsInherited": None}, {"ttl_us": DAY}),
        ({"ttlIsInherited": None}, {"ttl_us": TTL_INHERIT}),
    ],
)
async def test_what_no_look_tells_is_unknown(
    shown: dict[str, Any], changes: dict[str, Any]
) -> None:
    says = Says({"addAliases": {"success": None}, **updated(**shown)}, shown)
    (outcome,) = await told(says, Edit("artifact:a", **changes))
    assert outcome.result is R.UNKNOWN
    assert says.writes == 1


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("aliases", {"add_aliases": ("best",)}),
        ("aliases", {"remove_aliases": ("best",)}),
        ("tags", {"add_tags": ("old",)}),
        ("tags", {"remove_tags": ("old",)}),
    ],
)
async def test_nothing_is_sent_where_it_is_not_told_what_is_there(
    what: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLAIN, what, None)
    says = Says({}, {})
    (outcome,) = await told(says, Edit("artifact:a", **changes))
    assert outcome.result is R.FAILED
    assert f"does not tell the {what}" in outcome.message
    assert says.writes == 0


async def test_a_time_to_live_that_is_ignored_does_not_hide_the_tags_that_were_set() -> None:
    edit = Edit("artifact:a", add_tags=("old",), ttl_us=DAY)
    (outcome,) = await told(Says(updated(**OLD), OLD), edit)
    assert outcome.result is R.REFUSED
    start = "done: adding the tag old; then, changing the time to live: W&B accepted"
    assert outcome.message.startswith(start)


async def test_of_two_tags_the_one_that_was_set_is_named() -> None:
    edit = Edit("artifact:a", add_tags=("old", "new"))
    (outcome,) = await told(Says(updated(**OLD), OLD), edit)
    assert outcome.result is R.FAILED
    assert outcome.message.startswith("done: adding the tag old; then, adding the tag new: ")


async def test_a_version_that_may_not_be_seen_does_not_hold_up_the_others() -> None:
    edits = [Edit(f"artifact:{one}", add_tags=("old",)) for one in ("a", "bad")]
    first, second = await told(Says(updated(**OLD), OLD), *edits)
    assert first.result is R.DONE
    assert (second.result, "permission denied" in second.message) == (R.FAILED, True)
