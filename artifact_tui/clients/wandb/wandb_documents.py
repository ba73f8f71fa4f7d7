"""The GraphQL that reads: the documents, cut down to what a server knows, several in one.

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
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from artifact_tui.clients.transport import together
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_replies import GraphCall, says_absent
from artifact_tui.errors import NotToldError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping, Sequence

    from artifact_tui.clients.wandb.wandb_replies import GraphError, GraphReply


PAGE = "pageInfo{hasNextPage endCursor}"

PLACE = "fragment Place on ArtifactCollection{__typename id name project{name entity{name}}}"
"""Where a collection is."""

_ALIASES = "aliases{alias artifactCollection{...Place}}"

_MEMBERSHIP = "node{versionIndex artifactCollection{...Place}}"

MEMBERSHIPS = (
    "<ArtifactCollectionMembershipConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<ArtifactCollectionMembershipEdge.cursor|cursor> {_MEMBERSHIP}}}"
)
"""A page of the collections that show a version."""

_MEMBERSHIPS = (
    "<Artifact.artifactMemberships|artifactMemberships"
    f"<Artifact.artifactMemberships(first)|(first:50)>{{{PAGE} edges{{{_MEMBERSHIP}}}}}>"
)
"""The first of them: where there are more, all are read anew."""

IDENTITY = (
    "id digest state versionIndex <Artifact.isGenerated|isGenerated>"
    f" artifactType{{name}} artifactSequence{{id}} {_ALIASES} {_MEMBERSHIPS}"
)
"""What decides about a version, its lineage left out."""

VERSION = (
    f"fragment Version on Artifact{{{IDENTITY}"
    " size fileCount createdAt"
    " <Artifact.storageBytes|storageBytes> <Artifact.usedCount|usedCount>"
    " <Artifact.description|description> <Artifact.tags|tags{name}>"
    " <Artifact.ttlDurationSeconds|ttlDurationSeconds> <Artifact.ttlIsInherited|ttlIsInherited>"
    " <Artifact.createdBy|createdBy{__typename ...on Run{name}"
    " ...on User{id <User.username|username>}}>}"
)
"""All that a list shows of a version."""

VERSIONS = (
    "<VersionedArtifactConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<VersionedArtifactEdge.cursor|cursor> version node{{...Version}}}}"
)
"""A page of versions of a collection."""

ORDER = '<ArtifactCollection.artifacts(order)|,order:"+version_index">'
"""Oldest first, where the server can sort."""

COLLECTION = (
    "fragment Collection on ArtifactCollection{...Place createdAt"
    " <ArtifactCollection.state|state>"
    " <ArtifactCollection.defaultArtifactType|defaultArtifactType{name}>}"
)
"""All that a list shows of a collection."""


ORGANISATIONS = (
    "query($e:String!){entity(name:$e){id "
    "<Entity.organization|organization{name orgEntity{name}}>"
    " <Entity.user|user{id <User.organizations|organizations{name orgEntity{name}}>}>}}"
)
"""The organisations of an entity, and the entities that own their registries."""

PROJECTS = (
    "query($e:String!,$a:String,$n:Int!){models(entityName:$e,after:$a,first:$n)"
    f"{{{PAGE} edges{{node{{name entityName}}}}}}}}"
)
"""The projects of an entity."""

COLLECTIONS = (
    "query($e:String!,$p:String!,$a:String,$n:Int!,$k:Int!)"
    "{project(entityName:$e,name:$p){artifactCollections(after:$a,first:$n)"
    "{<ArtifactCollectionConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<ArtifactCollectionEdge.cursor|cursor> node{{...Collection"
    f" artifacts(first:$k{ORDER}){{{VERSIONS}}}}}}}}}}}}}"
    f" {COLLECTION} {PLACE} {VERSION}"
)
"""A page of a project's collections, each with its first versions."""

OWNED_PROJECTS = (
    "query($e:String!,$a:String,$n:Int!){entity(name:$e){projects(after:$a,first:$n)"
    f"{{{PAGE} edges{{node{{name}}}}}}}}}}"
)
"""The projects of the entity of an organisation: its registries."""

VERSIONS_OF = (
    f"artifactCollection(id:$id){{id artifacts(first:$first,after:$after{ORDER}){{{VERSIONS}}}}}"
)
"""A page of the versions of one collection."""

MEMBERSHIPS_OF = (
    f"artifact(id:$id){{id artifactMemberships(first:$first,after:$after){{{MEMBERSHIPS}}}}}"
)
"""A page of the collections that show one version."""

VERSION_PARTS = f"{PLACE} {VERSION}"
"""The fragments of `VERSIONS_OF`."""

MEMBERSHIP_PARTS = PLACE
"""The fragments of `MEMBERSHIPS_OF`."""


_RELATIVE = (
    "fragment Relative on Artifact{id state versionIndex <Artifact.isGenerated|isGenerated>"
    " artifactType{name} artifactSequence{id name project{name entity{name}}}}"
)

_ARTIFACTS = (
    "<ArtifactConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<ArtifactEdge.cursor|cursor> node{{...Relative}}}}"
)
_INPUTS = (
    "<InputArtifactConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<InputArtifactEdge.cursor|cursor> node{{...Relative}}}}"
)
_RUNS = (
    "<RunConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<RunEdge.cursor|cursor> node{{...Maker}}}}"
)

_MAKER = (
    "fragment Maker on Run{id name project{name entity{name}}"
    f" outputArtifacts(first:20){{{_ARTIFACTS}}}}}"
)

_USERS = f"<Artifact.usedCount|usedCount> <Artifact.usedBy|usedBy(first:20){{{_RUNS}}}>"

FACTS = (
    f"artifact(id:$id){{{IDENTITY}"
    f" artifactSequence{{name project{{name entity{{name}}}}}} {_USERS}}}"
)
"""What decides about one version."""

_USERS_PARTS = f"<Artifact.usedBy|{_RELATIVE} {_MAKER}>"

FACTS_PARTS = f"{PLACE} {_USERS_PARTS}"

USERS = f"artifact(id:$id){{id state {_USERS}}}"
"""The runs that used one version, with what they made."""

USERS_PARTS = _USERS_PARTS

FAMILY = (
    f"artifact(id:$id){{id state {_USERS}"
    " createdBy{__typename ...on Run{id name project{name entity{name}}"
    f" inputArtifacts(first:50){{{_INPUTS}}}}}}}}}"
)
"""The runs that used one version with what they made, and what the run that made it had used."""

FAMILY_PARTS = f"{_RELATIVE} <Artifact.usedBy|{_MAKER}>"

RUNS_OF = f"artifact(id:$id){{id usedBy(first:$first,after:$after){{{_RUNS}}}}}"
"""A page of the runs that used one version."""

RUNS_PARTS = f"{_RELATIVE} {_MAKER}"

_RUN = "project(entityName:$e,name:$p){run(name:$r)"

OUTPUTS_OF = f"{_RUN}{{outputArtifacts(first:$first,after:$after){{{_ARTIFACTS}}}}}}}"
"""A page of what one run made."""

INPUTS_OF = f"{_RUN}{{inputArtifacts(first:$first,after:$after){{{_INPUTS}}}}}}}"
"""A page of what one run used."""

RELATIVE_PARTS = _RELATIVE


FILES = (
    "artifact(id:$id){id files(first:$first,after:$after)"
    "{<FileConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<FileEdge.cursor|cursor> node{{id name <File.displayName|displayName>"
    " sizeBytes <File.digest|digest> <File.md5|md5>}}}}"
)
"""A page of them."""


WHO = (
    "query{viewer{username <User.entity|entity>}"
    " <Query.serverInfo|serverInfo{__typename <ServerInfo.features|features{name isEnabled}>"
    " <ServerInfo.latestLocalVersionInfo|latestLocalVersionInfo{outOfDate latestVersionString"
    " versionOnThisInstanceString}>}>}"
)
"""Never `apiKeys`: servers gate them, and nobody needs them here."""

_ENTITY = (
    "name <Entity.readOnly|readOnly> <Entity.storageBytes|storageBytes>"
    " <Entity.artifactTTLDurationSeconds|artifactTTLDurationSeconds>"
)

ENTITY = f"query($e:String){{entity(name:$e){{{_ENTITY}}}}}"

PROJECT = (
    "query($e:String,$p:String){project(entityName:$e,name:$p)"
    f"{{name <Project.readOnly|readOnly>}} entity(name:$e){{{_ENTITY}}}}}"
)


_MARK = re.compile(r"<([\w.()]+)\|")
_UNKNOWN_FIELD = re.compile(
    r"""Cannot query field ["'`](\w+)["'`] on type ["'`](\w+)["'`]""", re.IGNORECASE
)
_UNKNOWN_ARGUMENT = re.compile(
    r"""Unknown argument ["'`](\w+)["'`] on field ["'`](?:(\w+)\.)?(\w+)["'`]"""
    r"""(?: of type ["'`](\w+)["'`])?""",
    re.IGNORECASE,
)


class DocumentSender(Protocol):
    """What sends documents: the transport, or `FittingSender` around it."""

    async def ask(self, call: GraphCall) -> GraphReply:
        """The answer to one document."""


class FittingSender:
    """Sends documents through the transport, without the fields that the server does not know.

    Such fields are marked in a document; one without marks passes as it is.
    """

    def __init__(self, sender: DocumentSender) -> None:
        self._sender = sender
        self.lacking: frozenset[str] = frozenset()
        """What the server does not know, such as `Artifact.storageBytes`."""

    async def ask(self, call: GraphCall) -> GraphReply:
        """The answer to a document, without what the server does not know.

        A document that was refused because of that was not carried out: it is sent again.

        Raises:
            RegistryError: no answer.
        """
        while True:
            used = self.lacking
            reply = await self._sender.ask(
                replace(call, document=render_document(call.document, used))
            )
            unknown = lacking_marks(call.document, reply.errors) - used
            if not unknown:
                return reply
            self.lacking |= unknown


@lru_cache(maxsize=1024)
def render_document(document: str, lacking: frozenset[str] = frozenset()) -> str:
    """The document for a server that lacks these."""
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
    """Those marks of a document that a server says it does not know."""
    found: set[str] = set()
    for error in errors:
        for lacked, owner in _UNKNOWN_FIELD.findall(error.message):
            found |= _marks_of_member(document, owner, lacked)
        for argument, before, lacked, after in _UNKNOWN_ARGUMENT.findall(error.message):
            found |= _marks_of_member(document, before or after, f"{lacked}({argument})")
    return frozenset(found)


def _marks_of_member(document: str, owner: str, member: str) -> set[str]:
    """The mark of a member; of all types when the server calls its type otherwise than we do."""
    known = document_marks(document)
    exact = f"{owner}.{member}"
    if exact in known:
        return {exact}
    return {mark for mark in known if mark.partition(".")[2] == member}


T = TypeVar("T")

QUIET_TURNS = 3
"""Turns of the event loop without another question, after which a document is sent."""

_VARIABLE = re.compile(r"\$(\w+)")
_WORDS_LIMIT = 300


@dataclass(frozen=True, slots=True)
class GraphQuestion:
    """A question that can be asked about several things at once."""

    head: str
    """A field of the query with its selection; its variables get numbers."""
    variables: Mapping[str, str]
    """Their types by name."""
    fragments: str
    most: int
    """How many of them in one document."""
    what: str
    """What it is for, as in `GraphCall.what`."""

    def __hash__(self) -> int:
        """By its text."""
        return hash(self.head)


@dataclass(frozen=True, slots=True, eq=False)
class _PendingQuestion:
    shape: GraphQuestion
    variables: Mapping[str, object]
    answer: asyncio.Future[msgspec.Raw | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def settle(self, data: msgspec.Raw | None) -> None:
        if not self.answer.done():
            self.answer.set_result(data)

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


@lru_cache(maxsize=512)
def questions_document(shape: GraphQuestion, count: int) -> str:
    """A document of so many questions, named `p0`, `p1` and so on."""
    numbers = range(count)
    declared = ",".join(
        f"${name}{n}:{kind}" for n in numbers for name, kind in shape.variables.items()
    )
    parts = " ".join(f"p{n}:" + _VARIABLE.sub(rf"$\g<1>{n}", shape.head) for n in numbers)
    return f"query({declared}){{{parts}}} {shape.fragments}"


class QuestionLoader:
    """Gathers questions, and sends them."""

    def __init__(self, sender: DocumentSender) -> None:
        self._sender = sender
        self._waiting: dict[GraphQuestion, list[_PendingQuestion]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def ask(self, shape: GraphQuestion, kind: type[T], **variables: object) -> T | None:
        """The answer to one question, or None when there is no such thing (any more).

        Raises:
            RegistryError: nobody knows.
        """
        if self._closed:
            raise _closed_error()
        question = _PendingQuestion(shape, variables)
        waiting = self._waiting.setdefault(shape, [])
        waiting.append(question)
        if len(waiting) >= shape.most:
            self._send(shape)
        elif len(waiting) == 1:
            self._start(self._soon(shape, waiting))
        data = await question.answer
        return None if data is None else wandb_model.read_answer(data, kind, shape.what)

    async def aclose(self) -> None:
        """Stop what is under way; who still waits for an answer is told."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for questions in self._waiting.values():
            _fail_closed(questions)
        self._waiting.clear()

    async def _soon(self, shape: GraphQuestion, waiting: list[_PendingQuestion]) -> None:
        """Send what was asked when everybody who is about to ask has asked."""
        quiet = 0
        while quiet < QUIET_TURNS:
            before = len(waiting)
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(waiting) == before else 0
        if self._waiting.get(shape) is waiting:
            self._send(shape)

    def _send(self, shape: GraphQuestion) -> None:
        questions = _still_open(self._waiting.pop(shape, []))
        if not questions:
            return
        task = self._start(self._together(shape, questions))
        task.add_done_callback(lambda _: _fail_closed(questions))

        def left(answer: asyncio.Future[msgspec.Raw | None]) -> None:
            """The last one who waits for the document ends it by leaving."""
            if answer.cancelled() and not _still_open(questions):
                task.cancel()

        for question in questions:
            question.answer.add_done_callback(left)

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _together(self, shape: GraphQuestion, questions: Sequence[_PendingQuestion]) -> None:
        """Send one document about what is still asked, and give everybody their answer."""
        if not (questions := _still_open(questions)):
            return
        try:
            await self._give_answers(shape, questions)
        except Exception as error:  # noqa: BLE001 - it is the askers'
            for question in questions:
                question.fail(error)

    async def _give_answers(
        self, shape: GraphQuestion, questions: Sequence[_PendingQuestion]
    ) -> None:
        variables = {
            f"{name}{n}": value
            for n, question in enumerate(questions)
            for name, value in question.variables.items()
            if value is not None
        }
        call = GraphCall(
            questions_document(shape, len(questions)), variables, writes=False, what=shape.what
        )
        try:
            reply = await self._sender.ask(call)
            answers = _answers_by_name(reply, shape)
        except RegistryError as error:
            if len(questions) == 1:
                raise
            await self._smaller(shape, questions, error)
            return
        again = []
        for n, question in enumerate(questions):
            errors = [one for one in reply.errors if not one.path or one.path[0] == f"p{n}"]
            data = answers.get(f"p{n}")
            if data is not None and not errors:
                question.settle(data)
            elif _is_absent(data, errors):
                question.settle(None)
            elif len(questions) > 1:
                again.append(question)
            else:
                question.fail(refusal_error(reply, shape.what))
        if again:
            await self._halves(shape, again)

    async def _smaller(
        self, shape: GraphQuestion, questions: Sequence[_PendingQuestion], error: RegistryError
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

    async def _halves(self, shape: GraphQuestion, questions: Sequence[_PendingQuestion]) -> None:
        middle = (len(questions) + 1) // 2
        parts = [part for part in (questions[:middle], questions[middle:]) if part]
        await together(*(self._together(shape, part) for part in parts))


def _still_open(questions: Sequence[_PendingQuestion]) -> list[_PendingQuestion]:
    """Those whose answer somebody waits for."""
    return [question for question in questions if not question.answer.done()]


def _fail_closed(questions: Sequence[_PendingQuestion]) -> None:
    """Nobody will answer these."""
    for question in questions:
        question.fail(_closed_error())


def _closed_error() -> RegistryError:
    return RegistryError("The connection to the registry has been closed.")


def _answers_by_name(reply: GraphReply, shape: GraphQuestion) -> dict[str, msgspec.Raw | None]:
    """What was answered, by name.

    Raises:
        RegistryError: it cannot be understood, or nothing was answered.
    """
    found = wandb_model.read_answer(reply.data, dict[str, msgspec.Raw] | None, shape.what)  # type: ignore[arg-type]
    if not found and not any(error.path for error in reply.errors):
        raise refusal_error(reply, shape.what)
    return {name: None if _is_null(raw) else raw for name, raw in (found or {}).items()}


def _is_null(raw: msgspec.Raw) -> bool:
    return len(raw) == len(b"null") and bytes(raw) == b"null"


def _is_absent(data: msgspec.Raw | None, errors: Sequence[GraphError]) -> bool:
    """Whether there is no such thing: null, and no error that says anything else.

    An error further in says nothing of the thing itself: what must not be null has become so.
    """
    return data is None and all(len(one.path) == 1 and says_absent(one) for one in errors)


async def ask_document(
    sender: DocumentSender, call: GraphCall, kind: type[T], what: str
) -> T | None:
    """The answer to one reading document, or None when there is nothing in it.

    `what` is what the answer is for, where that is more exact than what the call is for.

    Raises:
        NotToldError: the server refuses it, or a part of it.
        RegistryError: there is no answer, or it cannot be understood.
    """
    reply = await sender.ask(call)
    if reply.errors:
        raise refusal_error(reply, what)
    found: T | None = wandb_model.read_answer(reply.data, kind | None, what)  # type: ignore[arg-type]
    return found


def refusal_error(reply: GraphReply, what: str) -> NotToldError:
    """The error for an answer that holds no answer."""
    words = "; ".join(dict.fromkeys(one.message for one in reply.errors if one.message))
    said = words[:_WORDS_LIMIT] or f"status {reply.status}"
    return NotToldError(
        f"W&B refused {what}: {said}",
        hint="Nothing was changed. Check the address and that the account may see it,"
        " or try again later.",
    )
