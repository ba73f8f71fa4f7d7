"""Requests to one MLflow server: where they go, what their answers are, and what an error means.

Reading requests are GETs and searches. Deletions are DELETE requests with a JSON body. Offsets are
MLflow's only cursors, so whole lists are asked for in one page where the server allows that.
"""

from __future__ import annotations

import math
import re
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote, urlencode, urlparse, urlunparse

import msgspec

from artifact_tui.clients.mlflow.mlflow_entries import (
    DELETED,
    CurrentUser,
    ErrorEntry,
    Experiments,
    Location,
    LoggedAnswer,
    LoggedModels,
    Models,
    Runs,
    StoredEntries,
    Traces,
    Versions,
    parse_logged,
    parse_run,
)
from artifact_tui.clients.mlflow.mlflow_server import MlflowServer, ServedTransport
from artifact_tui.clients.mlflow.mlflow_settings import MlflowCredentials
from artifact_tui.clients.pacing import Pace
from artifact_tui.clients.servers import mended
from artifact_tui.clients.transport import (
    FailedAnswerError,
    GarbageAnswerError,
    HttpAnswer,
    HttpCall,
    HttpTransport,
)
from artifact_tui.errors import NotFoundError, RegistryError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    import httpx

    from artifact_tui.clients.mlflow.mlflow_entries import (
        ExperimentEntry,
        LoggedInfo,
        ModelEntry,
        ModelVersionName,
        RunEntry,
        VersionEntry,
    )
    from artifact_tui.clients.mlflow.mlflow_settings import MlflowAddress, MlflowOptions

API = "/api/2.0/mlflow/"

TRACES_API = "/api/3.0/mlflow/"

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
"""Where the server keeps files, or hands them on to a bucket."""

MOST_VERSIONS = 200_000
"""Versions on a page, at most."""

MOST_MODELS = 1000
"""Registered models on a page, at most."""

PAGE_OF_LOGGED = PAGE_OF_RUNS = 5_000
"""Logged models, or runs, on a page."""

IDS = 150
"""Ids in one filter: it may be in a request line."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UNASKABLE = frozenset("\\\r\n")

LONGEST_FILTER = 6_000
"""Characters of a list of names in one request."""

IS_PROMPT = "tags.`mlflow.prompt.is_prompt` = 'true'"

LATER_TRIES = 8
"""How often a writing request is sent to a server whose database is locked each time."""

_JSON = ("Content-Type", "application/json")
_LOCKED = b"database is locked"
_NO_STORE = b"--no-serve-artifacts"
_SEARCH = b"/search"

S = TypeVar("S")


def _reads(request: httpx.Request) -> bool:
    """Whether a request only reads: it is a GET, or a search."""
    path = request.url.raw_path.partition(b"?")[0]
    return request.method == "GET" or (request.method == "POST" and path.endswith(_SEARCH))


def _throttled(answer: HttpAnswer) -> bool:
    """Whether nothing was carried out, and it may be later: another writer held the database."""
    return answer.later or (answer.status == 503 and _LOCKED in answer.body)  # noqa: PLR2004 - busy


def id_filters(field: str, ids: Iterable[str]) -> list[str]:
    """Filters that together fit these ids of MLflow's own making."""
    every = sorted(ids)
    parts = (every[start : start + IDS] for start in range(0, len(every), IDS))
    return [f"{field} IN ({', '.join(map(repr, part))})" for part in parts]


def name_filters(names: Iterable[str], field: str = "name") -> list[str]:
    """Filters that together fit these names, each short enough for one request.

    MLflow cannot be asked for a name that holds both quotes, nor for one with a backslash or the
    end of a line: where there is such a one the filter is empty, and fits all.
    """
    filters: list[str] = []
    part: list[str] = []
    for name in names:
        if not _UNASKABLE.isdisjoint(name) or ("'" in name and '"' in name):
            return [""]
        mark = '"' if "'" in name else "'"
        if part and sum(map(len, part)) + len(name) > LONGEST_FILTER:
            filters.append(f"{field} IN ({', '.join(part)})")
            part = []
        part.append(f"{mark}{name}{mark}")
    return [*filters, f"{field} IN ({', '.join(part)})"] if part else filters


class NoStoreError(RegistryError):
    """The server hands out no artifacts itself."""


def _check_listable(path: str) -> None:
    """Refuse to ask for a folder that MLflow takes for another one: it decodes what it is asked.

    Raises:
        NotFoundError: it does so with this one, or refuses it.
    """
    same = urlunparse(urlparse(unquote(path))) == path
    if not same or "#" in path or _CONTROL.search(path):
        raise NotFoundError(
            f"MLflow does not list the folder {path}, because of the characters in its name"
        )


class MlflowRequests:
    """All requests to one server."""

    def __init__(self, address: MlflowAddress, options: MlflowOptions, *, read_only: bool) -> None:
        self._prefix = address.prefix
        self._tells_all: bool | None = None
        connect: Callable[..., HttpTransport] = HttpTransport
        if address.store is not None:
            server = MlflowServer(address.store, options, read_only=read_only)
            connect = partial(ServedTransport, server)
        self.transport = connect(
            address.origin,
            options,
            MlflowCredentials(options.login),
            Pace(options.concurrency, first=options.concurrency, who="MLflow"),
            name=f"The server {address.text}",
            reads=_reads if read_only else None,
            throttled=_throttled,
        )

    # reading

    async def models(self, condition: str = "") -> list[ModelEntry]:
        """The registered models that fit a filter; prompts only where it asks for them."""
        found: dict[str, ModelEntry] = {}
        token = ""
        while True:
            asked = {"filter": condition, "max_results": MOST_MODELS, "page_token": token}
            page = await self._get(f"{API}registered-models/search", Models, asked)
            found |= {one.name: one for one in page.registered_models}
            token = page.next_page_token
            if not token:
                return list(found.values())

    async def versions(self, condition: str = "") -> list[VersionEntry]:
        """All versions that fit a filter; of prompts only where it asks for them.

        Raises:
            RegistryError: there are more than one page holds, so that not all can be known.
        """
        page = await self.versions_page(condition)
        if page.next_page_token:
            raise RegistryError(
                f"MLflow tells only {len(page.model_versions):,} versions at once, and there are"
                " more: what needs what cannot be known.",
                hint="Let the server tell more on a page: MLflow's own tells 200,000.",
            )
        return page.model_versions

    async def versions_page(self, condition: str = "") -> Versions:
        """The versions that fit a filter, those that one page holds."""
        asked = {"filter": condition, "max_results": MOST_VERSIONS}
        return await self._get(f"{API}model-versions/search", Versions, asked)

    async def location(self, ref: ModelVersionName) -> str:
        """Where the bytes of a version are; empty where it is not told."""
        asked: dict[str, object] = {"name": ref.name, "version": ref.version}
        try:
            found = await self._get(f"{API}model-versions/get-download-uri", Location, asked)
        except NotFoundError:
            return ""
        return found.artifact_uri

    async def kept(self, place: str) -> list[tuple[str, bool, int]]:
        """What is directly in a folder below the artifact root: name, whether a folder, size.

        Raises:
            NotFoundError: MLflow would tell of another folder.
        """
        _check_listable(place)
        found = await self._get(ARTIFACTS, StoredEntries, {"path": place})
        return [
            (one.path.rpartition("/")[2], one.is_dir, one.file_size or 0)
            for one in found.files
            if one.path.rpartition("/")[2] not in {"", ".", ".."}
        ]

    async def stored(self, key: str, below: str) -> list[tuple[str, bool, int]]:
        """What is directly in a folder of a logged model or run: path, whether a folder, size.

        MLflow itself is asked, wherever the bytes are.

        Raises:
            NotFoundError: there is none, or MLflow would tell of another folder.
        """
        _check_listable(below)
        logged, run = parse_logged(key), parse_run(key)
        if logged is not None:
            what = f"{API}logged-models/{logged}/artifacts/directories"
            asked: dict[str, object] = {"artifact_directory_path": below}
        else:
            what, asked = f"{API}artifacts/list", {"run_id": run, "path": below}
        found: list[tuple[str, bool, int]] = []
        while True:
            page = await self._get(what, StoredEntries, asked)
            start = f"{below}/" if below else ""
            found += [
                (one.path, one.is_dir, one.file_size or 0)
                for one in page.files
                if one.path.startswith(start) and one.path != below
            ]
            if not page.next_page_token:
                return found
            asked["page_token"] = page.next_page_token

    async def experiments(self) -> dict[str, ExperimentEntry]:
        """All experiments, deleted ones too, by id."""
        found: dict[str, ExperimentEntry] = {}
        token = ""
        while True:
            asked = {"view_type": "ALL", "max_results": MOST_MODELS, "page_token": token}
            page = await self._search("experiments/search", Experiments, asked)
            found |= {one.experiment_id: one for one in page.experiments}
            token = page.next_page_token
            if not token:
                return found

    async def logged(
        self, experiments: Iterable[str], condition: str = ""
    ) -> AsyncGenerator[list[LoggedInfo], None]:
        """The logged models that fit a filter, by age, in pages; deleted ones are never told.

        A page begins where the one before it ended in time: offsets shift when one is deleted.
        """
        places, after, seen = list(experiments), 0, set[str]()
        while places:
            since = f"creation_timestamp >= {after}" if after else ""
            asked = {
                "experiment_ids": places,
                "filter": " AND ".join(filter(None, (condition, since))),
                "max_results": PAGE_OF_LOGGED,
                "order_by": [{"field_name": "creation_timestamp", "ascending": True}],
            }
            page = await self._search("logged-models/search", LoggedModels, asked)
            rows = [one.info for one in page.models if one.info.model_id not in seen]
            seen |= {one.model_id for one in rows}
            yield rows
            if not rows or (len(page.models) < PAGE_OF_LOGGED and not page.next_page_token):
                return  # a server may tell fewer at once than it was asked for
            after = rows[-1].creation_timestamp_ms or 0

    async def deleted_logged(self, model_id: str) -> LoggedInfo | None:
        """A logged model that no search finds, as it was deleted; None: it is gone, or hidden."""

        def judge(answer: HttpAnswer) -> LoggedInfo | None:
            if answer.status in {403, 404}:
                return None
            found = self._decoded(answer, LoggedAnswer).model.info
            return msgspec.structs.replace(found, lifecycle_stage=DELETED)

        what = f"{API}logged-models/{model_id}?allow_deleted=true"
        return await self.transport.read(self._call("GET", what, reads=True), judge)

    async def has_traces(self, experiment: str) -> bool:
        """Whether an experiment has traces, which no listing tells; older servers have none."""
        where = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
        try:
            asked: dict[str, object] = {"locations": [where], "max_results": 1}
            page = await self._search("traces/search", Traces, asked, api=TRACES_API)
        except NotFoundError:
            return False
        return bool(page.traces)

    async def runs(
        self, experiments: Iterable[str], condition: str = ""
    ) -> AsyncGenerator[list[RunEntry], None]:
        """The runs that fit a filter, in pages; deleted ones too, so that no offset shifts."""
        places, token = list(experiments), ""
        while places:
            asked = {
                "experiment_ids": places,
                "filter": condition,
                "run_view_type": "ALL",
                "max_results": PAGE_OF_RUNS,
                "order_by": ["attributes.start_time ASC", "attributes.run_id ASC"],
                "page_token": token,
            }
            page = await self._search("runs/search", Runs, asked)
            yield page.runs
            token = page.next_page_token
            if not token:
                return

    async def _search(
        self, what: str, kind: type[S], asked: dict[str, object], api: str = API
    ) -> S:
        """The answer to a search that is a POST."""
        body = msgspec.json.encode({key: value for key, value in asked.items() if value})
        path = f"{api}{what}"
        call = self._call("POST", path, reads=True, content=body, headers=(_JSON,), kind=what)
        return await self.transport.read(call, lambda answer: self._decoded(answer, kind))

    async def tells_all(self) -> bool:
        """Whether the server tells us of everything: one with users tells that its admins only."""

        def judge(answer: HttpAnswer) -> bool:
            if answer.status == 404:  # noqa: PLR2004 - it has no users
                return True
            return self._decoded(answer, CurrentUser).user.is_admin

        if self._tells_all is None:
            call = self._call("GET", f"{API}users/current", reads=True)
            self._tells_all = await self.transport.read(call, judge)
        return self._tells_all

    async def text(self, path: str) -> str:
        """What a page for probes says, such as `/version`."""

        def judge(answer: HttpAnswer) -> str:
            said = answer.body.decode("utf-8", "replace").strip()
            if not answer.good or said.startswith("<"):  # plain text, called HTML by its header
                raise self.refused(answer)
            return said

        return await self.transport.read(self._call("GET", path, reads=True), judge)

    async def _get(self, what: str, kind: type[S], asked: dict[str, object]) -> S:
        """The answer to a reading request."""
        query = urlencode({key: value for key, value in asked.items() if value})
        call = self._call("GET", f"{what}?{query}", reads=True, kind=kind)
        return await self.transport.read(call, lambda answer: self._decoded(answer, kind))

    def _call(self, method: str, path: str, *, reads: bool, **more: Any) -> HttpCall:
        return HttpCall(method, f"{self._prefix}{path}".encode("ascii"), reads=reads, **more)

    def _decoded(self, answer: HttpAnswer, kind: type[S]) -> S:
        if answer.status == 503 and _NO_STORE in answer.body:  # noqa: PLR2004 - for good
            raise NoStoreError(
                "This MLflow server does not keep artifacts: it runs with --no-serve-artifacts.",
                hint="Say where they are with artifact_root in the registry's configuration: "
                "s3://BUCKET/PREFIX, or a folder.",
            )
        if answer.status >= 500:  # noqa: PLR2004 - the server's own failures
            raise FailedAnswerError(answer)
        if answer.status == 404 and not answer.html:  # noqa: PLR2004 - MLflow's own answer
            raise NotFoundError(f"MLflow says: {self.words(answer)}.")
        if not answer.good:
            raise self.refused(answer)
        try:
            return msgspec.json.decode(mended(answer.body), type=kind)
        except (msgspec.DecodeError, UnicodeError) as error:
            page = "a web page" if answer.html else f"something else: {error}"
            raise GarbageAnswerError(
                f"MLflow should have answered with JSON, and answered with {page}.",
                hint="Check the address: it is the server's tracking URI with mlflow+ in front.",
            ) from None

    def refused(self, answer: HttpAnswer) -> RegistryError:
        """An unsuccessful answer as an error for people."""
        said = self.words(answer)
        if answer.status in {401, 403}:
            return RegistryError(
                f"MLflow refused our credentials ({answer.status}: {said}).",
                hint=self.transport.credentials.advice,
            )
        if answer.status == 404 and answer.html:  # noqa: PLR2004 - a framework's own page
            return RegistryError(
                "There is no MLflow server at this address (404).",
                hint="Use the server's tracking URI with mlflow+ in front.",
            )
        if answer.good:
            return RegistryError(
                "There is no MLflow server at this address: it answers with a web page.",
                hint="Use the server's tracking URI with mlflow+ in front.",
            )
        return RegistryError(f"MLflow failed ({answer.status}: {said}).", hint="Try again later.")

    def words(self, answer: HttpAnswer) -> str:
        """What an unsuccessful answer says: JSON from MLflow, a page or a line from others."""
        try:
            said = msgspec.json.decode(mended(answer.body), type=ErrorEntry)
        except (msgspec.DecodeError, UnicodeError):
            text = "a web page" if answer.html else answer.body.decode("utf-8", "replace")
        else:
            text = said.message or said.error_code
        return self.transport.scrub(" ".join(text.split())[:300]) or "without a reason"

    # writing

    async def empty(self, place: str) -> HttpAnswer:
        """The answer to the deletion of a folder below the artifact root, and all that is in it."""
        path = f"{ARTIFACTS}/{quote(place)}"
        call = self._call("DELETE", path, reads=False, kind="empty", throttles=LATER_TRIES)
        return await self.transport.send(call)

    async def write(
        self, method: str, what: str, body: dict[str, Any], *, until: float = math.inf
    ) -> HttpAnswer:
        """The answer to a writing request, sent once, and not after the moment `until`.

        Raises:
            NotSentError, TooLongError: nothing was sent.
            LostError: it was sent, and is not answered.
        """
        call = self._call(
            method,
            f"{API}{what}",
            reads=False,
            content=msgspec.json.encode(body),
            headers=(_JSON,),
            kind=what,
            throttles=LATER_TRIES,
            until=until,
        )
        return await self.transport.send(call)
