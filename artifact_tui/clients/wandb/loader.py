"""Questions about single things, several of them in one document.

Callers ask for one thing each; what is asked in the same moment travels together, as aliases of
one document. A document that the server will not have, or fails over, is halved until the trouble
is that of one question.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import msgspec

from artifact_tui.clients.wandb import decode
from artifact_tui.clients.wandb.replies import Call
from artifact_tui.clients.wandb.words import says_absent
from artifact_tui.clients.web.together import together
from artifact_tui.errors import NotToldError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from artifact_tui.clients.wandb.fields import Asking
    from artifact_tui.clients.wandb.replies import GraphError, Reply

    _Answer = tuple[msgspec.Raw | None, float]
    """What was said, and when the request that it answers had left."""

T = TypeVar("T")

QUIET = 3
"""Turns of the event loop without another question, after which a document is sent."""

_VARIABLE = re.compile(r"\$(\w+)")
_WORDS_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Shape:
    """A question that can be asked about several things at once."""

    head: str
    """A field of the query with its selection; its variables get numbers."""
    variables: Mapping[str, str]
    """Their types by name."""
    fragments: str
    most: int
    """How many of them in one document."""
    what: str
    """What it is for, as in `Call.what`."""

    def __hash__(self) -> int:
        """By its text."""
        return hash(self.head)


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    shape: Shape
    variables: Mapping[str, object]
    answer: asyncio.Future[_Answer] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def settle(self, data: msgspec.Raw | None, left: float) -> None:
        if not self.answer.done():
            self.answer.set_result((data, left))

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


@lru_cache(maxsize=512)
def document(shape: Shape, count: int) -> str:
    """A document of so many questions, named `p0`, `p1` and so on."""
    numbers = range(count)
    declared = ",".join(
        f"${name}{n}:{kind}" for n in numbers for name, kind in shape.variables.items()
    )
    parts = " ".join(f"p{n}:" + _VARIABLE.sub(rf"$\g<1>{n}", shape.head) for n in numbers)
    return f"query({declared}){{{parts}}} {shape.fragments}"


class Loader:
    """Gathers questions, and sends them."""

    def __init__(self, graph: Asking) -> None:
        self._graph = graph
        self._waiting: dict[Shape, list[_Question]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def ask(self, shape: Shape, kind: type[T], **variables: object) -> T | None:
        """The answer to one question, or None when there is no such thing (any more).

        Raises:
            RegistryError: nobody knows.
        """
        return (await self.told(shape, kind, **variables))[0]

    async def told(
        self, shape: Shape, kind: type[T], **variables: object
    ) -> tuple[T | None, float]:
        """The same, and the moment (`time.monotonic`) since which it may have changed.

        Raises:
            RegistryError: nobody knows.
        """
        if self._closed:
            raise _closed()
        question = _Question(shape, variables)
        waiting = self._waiting.setdefault(shape, [])
        waiting.append(question)
        if len(waiting) >= shape.most:
            self._send(shape)
        elif len(waiting) == 1:
            self._start(self._soon(shape, waiting))
        data, left = await question.answer
        return None if data is None else decode.read(data, kind, shape.what), left

    async def aclose(self) -> None:
        """Stop what is under way; who still waits for an answer is told."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for questions in self._waiting.values():
            _unanswered(questions)
        self._waiting.clear()

    async def _soon(self, shape: Shape, waiting: list[_Question]) -> None:
        """Send what was asked when everybody who is about to ask has asked."""
        quiet = 0
        while quiet < QUIET:
            before = len(waiting)
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(waiting) == before else 0
        if self._waiting.get(shape) is waiting:
            self._send(shape)

    def _send(self, shape: Shape) -> None:
        questions = _open(self._waiting.pop(shape, []))
        if not questions:
            return
        task = self._start(self._together(shape, questions))
        task.add_done_callback(lambda _: _unanswered(questions))

        def left(answer: asyncio.Future[_Answer]) -> None:
            """The last one who waits for the document ends it by leaving."""
            if answer.cancelled() and not _open(questions):
                task.cancel()

        for question in questions:
            question.answer.add_done_callback(left)

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _together(self, shape: Shape, questions: Sequence[_Question]) -> None:
        """Send one document about what is still asked, and give everybody their answer."""
        if not (questions := _open(questions)):
            return
        try:
            await self._answered(shape, questions)
        except Exception as error:  # noqa: BLE001 - it is the askers'
            for question in questions:
                question.fail(error)

    async def _answered(self, shape: Shape, questions: Sequence[_Question]) -> None:
        variables = {
            f"{name}{n}": value
            for n, question in enumerate(questions)
            for name, value in question.variables.items()
            if value is not None
        }
        call = Call(document(shape, len(questions)), variables, writes=False, what=shape.what)
        asked = time.monotonic()
        try:
            reply = await self._graph.ask(call)
            answers = _answers(reply, shape)
        except RegistryError as error:
            if len(questions) == 1:
                raise
            await self._smaller(shape, questions, error)
            return
        again = []
        left = max(asked, reply.left)
        for n, question in enumerate(questions):
            errors = [one for one in reply.errors if not one.path or one.path[0] == f"p{n}"]
            data = answers.get(f"p{n}")
            if data is not None and not errors:
                question.settle(data, left)
            elif _gone(data, errors):
                question.settle(None, left)
            elif len(questions) > 1:
                again.append(question)
            else:
                question.fail(refused(reply, shape.what))
        if again:
            await self._halves(shape, again)

    async def _smaller(
        self, shape: Shape, questions: Sequence[_Question], error: RegistryError
    ) -> None:
        """A document failed as a whole: unless one question alone fails too, it was too much.

        Raises:
            RegistryError: it was not the size.
        """
        first, *others = questions
        if isinstance(error, NotToldError):
            await self._halves(shape, questions)
            return
        await self._together(shape, [first])
        if first.answer.done() and not first.answer.cancelled() and first.answer.exception():
            raise error
        await self._halves(shape, others)

    async def _halves(self, shape: Shape, questions: Sequence[_Question]) -> None:
        middle = (len(questions) + 1) // 2
        parts = [part for part in (questions[:middle], questions[middle:]) if part]
        await together(*(self._together(shape, part) for part in parts))


def _open(questions: Sequence[_Question]) -> list[_Question]:
    """Those whose answer somebody waits for."""
    return [question for question in questions if not question.answer.done()]


def _unanswered(questions: Sequence[_Question]) -> None:
    """Nobody will answer these."""
    for question in questions:
        question.fail(_closed())


def _closed() -> RegistryError:
    return RegistryError("The connection to the registry has been closed.")


def _answers(reply: Reply, shape: Shape) -> dict[str, msgspec.Raw | None]:
    """What was answered, by name.

    Raises:
        RegistryError: it cannot be understood, or nothing was answered.
    """
    found = decode.read(reply.data, dict[str, msgspec.Raw] | None, shape.what)  # type: ignore[arg-type]
    if not found and not any(error.path for error in reply.errors):
        raise refused(reply, shape.what)
    return {name: None if _null(raw) else raw for name, raw in (found or {}).items()}


def _null(raw: msgspec.Raw) -> bool:
    return len(raw) == len(b"null") and bytes(raw) == b"null"


def _gone(data: msgspec.Raw | None, errors: Sequence[GraphError]) -> bool:
    """Whether there is no such thing: null, and no error that says anything else.

    An error further in says nothing of the thing itself: what must not be null has become so.
    """
    return data is None and all(len(one.path) == 1 and says_absent(one) for one in errors)


def refused(reply: Reply, what: str) -> NotToldError:
    """The error for an answer that holds no answer."""
    words = "; ".join(dict.fromkeys(one.message for one in reply.errors if one.message))
    said = words[:_WORDS_LIMIT] or f"status {reply.status}"
    return NotToldError(
        f"W&B refused {what}: {said}",
        hint="Nothing was changed. Check the address and that the account may see it,"
        " or try again later.",
    )
