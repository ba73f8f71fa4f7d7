"""Questions in one document: everybody is answered, and nothing is asked for nobody."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.wandb.wandb_documents import GraphQuestion, QuestionLoader
from artifact_tui.clients.wandb.wandb_model import Artifact
from artifact_tui.clients.wandb.wandb_replies import GraphError, GraphReply
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from artifact_tui.clients.wandb.wandb_replies import GraphCall

SHAPE = GraphQuestion("artifact(id:$id){id}", {"id": "ID!"}, "", 4, "reading versions")
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


def asking(loader: QuestionLoader, *names: str) -> list[asyncio.Task[Artifact | None]]:
    return [asyncio.create_task(loader.ask(SHAPE, Artifact, id=name)) for name in names]


@pytest.mark.parametrize("turns", range(6))
async def test_who_asks_while_it_is_closed_is_told(turns: int) -> None:
    graph = Held()
    loader = QuestionLoader(graph)
    tasks = asking(loader, "a", "b")
    for _ in range(turns):
        await asyncio.sleep(0)
    await loader.aclose()
    ends = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), SOON_S)
    assert {type(end) for end in ends} == {RegistryError}
    assert graph.under_way == 0


async def test_after_closing_nothing_is_sent() -> None:
    graph = Held()
    loader = QuestionLoader(graph)
    await loader.aclose()
    with pytest.raises(RegistryError, match="closed"):
        await asyncio.wait_for(loader.ask(SHAPE, Artifact, id="a"), SOON_S)
    assert graph.asked == []


async def test_a_document_for_which_nobody_waits_any_more_is_given_up() -> None:
    graph = Held()
    loader = QuestionLoader(graph)
    tasks = asking(loader, "a", "b", "c", "d")
    await asyncio.wait_for(graph.came.wait(), SOON_S)
    for task in tasks[:3]:
        task.cancel()
    await asyncio.sleep(0.01)
    assert graph.under_way == 1
    tasks[3].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0.01)
    assert graph.under_way == 0
    assert not loader._tasks
    await loader.aclose()


async def test_what_nobody_waits_for_any_more_is_not_sent() -> None:
    graph = Held()
    graph.may.set()
    loader = QuestionLoader(graph)
    gone = asking(loader, "a", "b")
    kept = asking(loader, "c")
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    assert await asyncio.wait_for(kept[0], SOON_S) == Artifact(id="c")
    assert graph.asked == [["c"]]
    await loader.aclose()


async def test_nor_is_it_asked_again_when_a_document_is_halved() -> None:
    graph = Held("a", "b")
    loader = QuestionLoader(graph)
    tasks = asking(loader, "a", "b", "c", "d")
    await asyncio.wait_for(graph.came.wait(), SOON_S)
    tasks[0].cancel()
    await asyncio.gather(tasks[0], return_exceptions=True)
    graph.may.set()
    with pytest.raises(RegistryError, match="permission denied"):
        await asyncio.wait_for(tasks[1], SOON_S)
    assert graph.asked == [["a", "b", "c", "d"], ["b"]]
    await loader.aclose()
