"""Questions in one document: everybody is answered, and nothing is asked for nobody."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.wandb.wandb_graphql import Graph, GraphQuestion
from artifact_tui.clients.wandb.wandb_model import Artifact
from artifact_tui.clients.wandb.wandb_replies import GraphError, GraphReply
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from artifact_tui.clients.wandb.wandb_replies import GraphCall

SHAPE = GraphQuestion("artifact(id:$id){id}", {"id": "ID!"}, "", 4, "reading versions", Artifact)
SOON_S = 5.0


class Held:
    """A transport that answers when it may; `refused` are things that it does not tell about."""

    def __init__(self, *refused: str) -> None:
        self.may = asyncio.Event()
        self.came = asyncio.Event()
        self.asked: list[list[str]] = []
        self.under_way = 0
        self._refused = refused

    async def ask(self, call: GraphCall) -> GraphReply:
        names = [str(value) for value in call.variables.values()]
        self.asked.append(names)
        self.under_way += 1
        self.came.set()
        try:
            await self.may.wait()
        finally:
            self.under_way -= 1
        bad = [n for n, name in enumerate(names) if name in self._refused]
        data = {f"p{n}": None if n in bad else {"id": name} for n, name in enumerate(names)}
        errors = tuple(GraphError("permission denied", (f"p{n}",)) for n in bad)
        return GraphReply(json.dumps(data).encode(), errors, 200)


def asking(graph: Graph, *names: str) -> list[asyncio.Task[Artifact | None]]:
    return [asyncio.create_task(graph.ask(SHAPE, id=name)) for name in names]


async def test_everybody_who_asks_in_the_same_moment_shares_documents() -> None:
    sender = Held()
    sender.may.set()
    names = [f"n{number}" for number in range(9)]
    answers = await asyncio.gather(*asking(Graph(sender), *names))
    assert answers == [Artifact(id=name) for name in names]
    assert sender.asked == [names[:4], names[4:8], names[8:]]


async def test_who_leaves_takes_no_answer_from_others() -> None:
    sender = Held()
    graph = Graph(sender)
    tasks = asking(graph, "a", "b", "c", "d")
    await asyncio.wait_for(sender.came.wait(), SOON_S)
    for task in tasks[:3]:
        task.cancel()
    sender.may.set()
    assert await asyncio.wait_for(tasks[3], SOON_S) == Artifact(id="d")


async def test_a_document_for_which_nobody_waits_any_more_is_given_up() -> None:
    sender = Held()
    tasks = asking(Graph(sender), "a", "b", "c", "d")
    await asyncio.wait_for(sender.came.wait(), SOON_S)
    for task in tasks[:3]:
        task.cancel()
    await asyncio.wait(tasks[:3], timeout=SOON_S)
    assert sender.under_way == 1
    tasks[3].cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert sender.under_way == 0


async def test_what_nobody_waits_for_any_more_is_not_sent() -> None:
    sender = Held()
    sender.may.set()
    graph = Graph(sender)
    gone = asking(graph, "a", "b")
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    await asyncio.wait(gone, timeout=SOON_S)
    (kept,) = asking(graph, "c")
    assert await asyncio.wait_for(kept, SOON_S) == Artifact(id="c")
    assert sender.asked == [["c"]]


async def test_nothing_is_under_way_once_it_is_closed() -> None:
    sender = Held()
    graph = Graph(sender)
    tasks = asking(graph, "a", "b", "c", "d", "e")
    await asyncio.wait_for(sender.came.wait(), SOON_S)
    await graph.aclose()
    await asyncio.wait(tasks, timeout=SOON_S)
    assert all(task.done() for task in tasks)
    assert sender.under_way == 0


async def test_one_that_is_refused_leaves_the_others_their_answers() -> None:
    sender = Held("b")
    sender.may.set()
    tasks = asking(Graph(sender), "a", "b", "c", "d")
    await asyncio.wait(tasks, timeout=SOON_S)
    with pytest.raises(RegistryError, match="permission denied"):
        await tasks[1]
    assert [await task for task in (tasks[0], *tasks[2:])] == [
        Artifact(id=name) for name in ("a", "c", "d")
    ]
    assert sender.asked == [["a", "b", "c", "d"], ["b"]]
