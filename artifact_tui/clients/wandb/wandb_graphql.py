"""The GraphQL that reads: cut down to what a server knows, several questions in one document.

`<Artifact.storageBytes|storageBytes>` is text that stays only while the server is not known to
lack that field, and `<Project.artifactCollections(filters)|…>` likewise for an argument. They may
be nested; the same mark may stand at several places. A server that does not know a field is asked
again without it.

Questions about single things travel together: callers ask for one thing each, and what is asked in
the same moment goes into one document, under aliases. A document that the server will not have, or
fails over, is halved until the trouble is that of one question.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import msgspec

from artifact_tui.clients.transport import together
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_replies import GraphCall, error_words, says_absent
from artifact_tui.errors import NotToldError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from artifact_tui.clients.wandb.wandb_replies import GraphError, GraphReply


PAGE = "pageInfo{hasNextPage endCursor}"

PLACE = "fragment Place on ArtifactCollection{__typename id name project{name entity{name}}}"
"""Where a collection is."""

MEMBERSHIP = "node{versionIndex artifactCollection{...Place}}"

IDENTITY = (
    "id digest state versionIndex <Artifact.isGenerated|isGenerated>"
    " artifactType{name} artifactSequence{id}"
    " aliases{alias artifactCollection{...Place}}"
    " <Artifact.artifactMemberships|artifactMemberships"
    f"<Artifact.artifactMemberships(first)|(first:50)>{{{PAGE} edges{{{MEMBERSHIP}}}}}>"
)
"""What decides about a version, its lineage left out.

Of the collections that show it the first: where there are more, all are read anew.
"""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_Parts: Any = dict[str, msgspec.Raw] | None

QUIET_TURNS = 3
"""Turns of the event loop without another question, after which a document is sent."""

_WORDS_LIMIT = 300
_NULL = b"null"
_MARK = re.compile(r"<([\w.()]+)\|")
_UNKNOWN_FIELD = re.compile(
    r"""Cannot query field ["'`](\w+)["'`] on type ["'`](\w+)["'`]""", re.IGNORECASE
)
_UNKNOWN_ARGUMENT = re.compile(
    r"""Unknown argument ["'`](\w+)["'`] on field ["'`](?:(\w+)\.)?(\w+)["'`]"""
    r"""(?: of type ["'`](\w+)["'`])?""",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"\$(\w+)")


@lru_cache(maxsize=1024)
def render_document(document: str, lacking: frozenset[str] = frozenset()) -> str:
    """A document without the fields and arguments that a server lacks."""
    kept: list[str] = []
    shown = [True]
    position = 0
    for found in re.finditer(r"<[\w.()]+\||>", document):
        if shown[-1]:
            kept.append(document[position : found.start()])
        position = found.end()
        if found[0] == ">":
            shown.pop()
        else:
            shown.append(shown[-1] and found[0][1:-1] not in lacking)
    kept.append(document[position:])
    return "".join(kept)


@lru_cache(maxsize=1024)
def document_marks(document: str) -> frozenset[str]:
    """The fields and arguments that a document can do without."""
    return frozenset(_MARK.findall(document))


def lacking_marks(document: str, errors: Iterable[GraphError]) -> frozenset[str]:
    """Those marks of a document that a server says it does not know.

    Of all types, when the server calls the type otherwise than we do.
    """
    known = document_marks(document)
    found: set[str] = set()
    for error in errors:
        members = [(owner, lacked) for lacked, owner in _UNKNOWN_FIELD.findall(error.message)]
        members += [
            (before or after, f"{lacked}({argument})")
            for argument, before, lacked, after in _UNKNOWN_ARGUMENT.findall(error.message)
        ]
        for owner, member in members:
            exact = f"{owner}.{member}"
            alike = {mark for mark in known if mark.partition(".")[2] == member}
            found |= {exact} if exact in known else alike
    return frozenset(found)


@dataclass(frozen=True, slots=True, eq=False)
class GraphQuestion(Generic[T_co]):
    """A question that can be asked about several things in one document."""

    head: str
    """A field of the query with its selection; its variables get numbers."""
    variables: Mapping[str, str]
    """Their types by name."""
    fragments: str
    most: int
    """How many of them in one document."""
    what: str
    """What it is for, as in `GraphCall.what`."""
    kind: type[T_co]
    """What an answer is read as."""


@lru_cache(maxsize=512)
def questions_document(question: GraphQuestion[T], count: int) -> str:
    """A document of so many questions, named `p0`, `p1` and so on."""
    numbers = range(count)
    declared = ",".join(
        f"${name}{n}:{kind}" for n in numbers for name, kind in question.variables.items()
    )
    parts = " ".join(f"p{n}:" + _VARIABLE.sub(rf"$\g<1>{n}", question.head) for n in numbers)
    return f"query({declared}){{{parts}}} {question.fragments}"


class DocumentSender(Protocol):
    """What `Graph` sends documents with."""

    async def ask(self, call: GraphCall) -> GraphReply:
        """The answer to one document."""


@dataclass(slots=True, init=False)
class _Gathering:
    """Questions of one moment, and the task that answers them: with a value, None or an error."""

    many: list[Mapping[str, object]]
    askers: int
    """How many wait for the answers; when nobody does any more, nothing is asked."""
    task: asyncio.Task[list[Any]]


class Graph:
    """Asks one server through its transport."""

    def __init__(self, sender: DocumentSender) -> None:
        self._sender = sender
        self._lacking: frozenset[str] = frozenset()
        """What the server does not know, such as `Artifact.storageBytes`."""
        self._open: dict[GraphQuestion[Any], _Gathering] = {}
        """Questions that gather more of their kind."""
        self._tasks: set[asyncio.Task[list[Any]]] = set()

    async def send(self, call: GraphCall) -> GraphReply:
        """The answer to a document, without the fields that the server does not know.

        A document that was refused because of those was not carried out: it is sent again.

        Raises:
            RegistryError: no answer.
        """
        while True:
            used = self._lacking
            document = render_document(call.document, used)
            reply = await self._sender.ask(replace(call, document=document))
            unknown = lacking_marks(call.document, reply.errors) - used if reply.errors else None
            if not unknown:
                return reply
            self._lacking |= unknown

    async def read(
        self, document: str, variables: Mapping[str, object], kind: type[T], what: str
    ) -> T | None:
        """The answer to one reading document, or None when there is nothing in it.

        Raises:
            NotToldError: the server refuses it, or a part of it.
            RegistryError: there is no answer, or it cannot be understood.
        """
        reply = await self.send(GraphCall(document, variables, writes=False, what=what))
        if reply.errors:
            raise refusal_error(reply, what)
        found: T | None = wandb_model.read_answer(reply.data, kind | None, what)  # type: ignore[arg-type]
        return found

    async def ask(self, question: GraphQuestion[T], **variables: object) -> T | None:
        """The answer to one question, or None when there is no such thing (any more).

        Raises:
            NotToldError: the server answers, and does not tell.
            RegistryError: nobody knows.
        """
        gathering = self._open.get(question)
        if gathering is None:
            gathering = self._open[question] = _Gathering()
            gathering.many, gathering.askers = [], 0
            gathering.task = asyncio.create_task(self._answered_soon(question, gathering))
            self._tasks.add(gathering.task)
            gathering.task.add_done_callback(self._tasks.discard)
        number = len(gathering.many)
        gathering.many.append(variables)
        if number + 1 == question.most:
            del self._open[question]
        gathering.askers += 1
        try:
            answers = await asyncio.shield(gathering.task)  # others wait for it as well
        finally:
            gathering.askers -= 1
            if not gathering.askers:
                gathering.task.cancel()
                if self._open.get(question) is gathering:
                    del self._open[question]
        answer: T | RegistryError | None = answers[number]
        if isinstance(answer, RegistryError):
            raise answer
        return answer

    async def _answered_soon(
        self, question: GraphQuestion[T], gathering: _Gathering
    ) -> list[T | RegistryError | None]:
        """Send what was asked when everybody who is about to ask has asked."""
        quiet = 0
        while quiet < QUIET_TURNS and len(gathering.many) < question.most:
            before = len(gathering.many)
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(gathering.many) == before else 0
        if self._open.get(question) is gathering:
            del self._open[question]
        return await self._answers(question, gathering.many)

    async def _answers(
        self, question: GraphQuestion[T], many: Sequence[Mapping[str, object]]
    ) -> list[T | RegistryError | None]:
        """What comes of each question: its answer, None, or an error."""
        variables = {f"{name}{n}": one[name] for n, one in enumerate(many) for name in one}
        document = questions_document(question, len(many))
        call = GraphCall(document, variables, writes=False, what=question.what)
        try:
            reply = await self.send(call)
            parts = wandb_model.read_answer(reply.data, _Parts, question.what)
            if not parts and not any(error.path for error in reply.errors):
                raise refusal_error(reply, question.what)
        except RegistryError as error:
            return await self._answers_of_less(question, many, error)
        found: list[T | RegistryError | None] = []
        again = []
        for n in range(len(many)):
            errors = [one for one in reply.errors if not one.path or one.path[0] == f"p{n}"]
            raw = (parts or {}).get(f"p{n}")
            null = raw is None or (len(raw) == len(_NULL) and bytes(raw) == _NULL)
            found.append(None)
            if not null and not errors:
                try:
                    found[n] = wandb_model.read_answer(raw, question.kind, question.what)
                except RegistryError as error:
                    found[n] = error
            elif not (null and all(_says_gone(one) for one in errors)):
                found[n] = refusal_error(reply, question.what)
                again.append(n)
        if len(many) > 1 and again:
            answers = await self._halves(question, [many[n] for n in again])
            for n, answer in zip(again, answers, strict=True):
                found[n] = answer
        return found

    async def _answers_of_less(
        self,
        question: GraphQuestion[T],
        many: Sequence[Mapping[str, object]],
        error: RegistryError,
    ) -> list[T | RegistryError | None]:
        """Ask with fewer questions at a time, after a document with all of them failed.

        When one question alone fails too, all have failed.
        """
        if len(many) == 1:
            return [error]
        if isinstance(error, NotToldError):
            return await self._halves(question, many)
        first = await self._answers(question, many[:1])
        if isinstance(first[0], RegistryError):
            return [error for _ in many]
        return first + await self._halves(question, many[1:])

    async def _halves(
        self, question: GraphQuestion[T], many: Sequence[Mapping[str, object]]
    ) -> list[T | RegistryError | None]:
        middle = (len(many) + 1) // 2
        parts = [part for part in (many[:middle], many[middle:]) if part]
        answers = await together(*(self._answers(question, part) for part in parts))
        return [one for part in answers for one in part]

    async def aclose(self) -> None:
        """Stop what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _says_gone(error: GraphError) -> bool:
    """Whether an error says that what was asked for is not there.

    One further in says nothing of the thing itself: what must not be null has become so.
    """
    return len(error.path) == 1 and says_absent(error)


def refusal_error(reply: GraphReply, what: str) -> NotToldError:
    """The error for an answer that holds no answer."""
    words = error_words(reply.errors)[:_WORDS_LIMIT] or f"status {reply.status}"
    return NotToldError(
        f"W&B refused {what}: {words}",
        hint="Nothing was changed. Check the address and that the account may see it,"
        " or try again later.",
    )
