"""Objects in S3, or in what speaks like it: list them, ask for some, delete them.

boto3 is imported when the storage is first used, and finds its own credentials. Objects are looked
for in few requests, several at a time: all that fit the pattern, or those of some names.

Objects are deleted in batches, with an answer for each. A batch that fails as a whole is halved
until the guilty key is alone; where batches as such are not known, or not allowed, objects go one
by one. A throttle is neither: it is for later. Keys that XML cannot carry never join a batch: one
of them would make all the others fail.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from os.path import commonprefix
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from artifact_tui.clients.pacing import asked_wait
from artifact_tui.clients.s3_layout import ObjectRef, StoragePattern, parse_object_key
from artifact_tui.clients.servers import read_only_error
from artifact_tui.errors import ReadOnlyError, RegistryError
from artifact_tui.model import Facts, Outcome, Page, Result, StoredObject, VersionState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from artifact_tui.clients.s3_layout import StorageSettings


THREADS = 8
"""Connections that are kept."""

AT_ONCE = 4
"""Requests of one call under way at once."""

LONGEST_WAIT = 30.0
"""Seconds that a call waits at most because the storage asks for it, each time."""

WAITS_OF_A_CALL = 5
"""How often a call waits so."""

_READS = frozenset(
    {"ListObjectsV2", "ListObjectVersions", "HeadObject", "HeadBucket", "GetBucketVersioning"}
)
UNKNOWN_REQUEST = frozenset({"NotImplemented", "MethodNotAllowed", "501", "405"})
"""Codes of servers that do not know a request."""
NO_BUCKET = frozenset({"NoSuchBucket"})
DENIED = frozenset(
    {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken",
     "InvalidToken", "AllAccessDisabled"}
)  # fmt: skip


_LATER_CODES = frozenset(
    {
        "SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "Throttling",
        "ThrottlingException", "ThrottledException", "TooManyRequests", "RequestLimitExceeded",
        "RequestThrottled", "429", "503", "InternalError", "OperationAborted", "RequestTimeout",
        "500",
    }
)  # fmt: skip
"""Codes after which the same request may work later."""
_BUSY = frozenset({429, 503})
_ABSENT_CODES = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
_UNSENT = frozenset({"EndpointConnectionError", "ConnectTimeoutError", "NoCredentialsError"})
"""Errors of boto3 before anything has left."""


S3: TypeAlias = Any
"""boto3's client; it ships no types."""


def open_s3(settings: StorageSettings, *, read_only: bool) -> S3:
    """A client for the storage's endpoint.

    Raises:
        RegistryError: boto3 cannot make one of these settings.
    """
    import boto3  # noqa: PLC0415 - slow to import
    from botocore.config import Config  # noqa: PLC0415 - same
    from botocore.session import get_session  # noqa: PLC0415 - same

    session = get_session()
    parsers = session.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=_timestamp)
    config = Config(
        retries={"total_max_attempts": 4, "mode": "standard"},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=THREADS,
        s3={"addressing_style": "path"} if settings.endpoint else {},
    )
    with s3_errors(settings.bucket):
        client = boto3.session.Session(botocore_session=session).client(
            "s3",
            endpoint_url=settings.endpoint or None,
            region_name=settings.region or ("us-east-1" if settings.endpoint else None),
            config=config,
        )
    client.meta.events.register("needs-retry.s3", _wait_as_asked)
    client.meta.events.register("before-call.s3.DeleteObjects", _add_md5)
    if read_only:
        client.meta.events.register("before-call.s3", _refuse_writes)
    return client


def _timestamp(value: Any) -> datetime:
    """A time as listings write it; any other as boto3 reads it, which takes far longer."""
    from botocore.utils import parse_timestamp  # noqa: PLC0415 - slow to import

    if isinstance(value, str) and value[10:11] == "T" and value.endswith("Z"):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    found: datetime = parse_timestamp(value)
    return found


def _add_md5(params: dict[str, Any], **_: Any) -> None:
    """Many servers ask for this header with a batch; newer boto3 sends another checksum only."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()


def _refuse_writes(model: Any, **_: Any) -> None:
    """The last door before the network in read-only mode."""
    if model.name not in _READS:
        raise read_only_error("This storage")


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """What the answer behind an error says; without an answer there is no code."""

    code: str
    """Such as `AccessDenied`."""
    words: str
    """Untrusted text."""
    status: int = 0
    wait: float | None = None
    """Seconds that it asks to wait: a throttle, under whatever status."""
    unsent: bool = False
    """Nothing has left."""

    @property
    def later(self) -> bool:
        """Whether the same request may work later."""
        return self.wait is not None or self.code in _LATER_CODES or self.status in _BUSY


def answer_of(error: Exception) -> ErrorAnswer:
    """What an error of a call says: that of its answer, or the error's own words."""
    answer = getattr(error, "response", None)
    if not isinstance(answer, dict):
        return ErrorAnswer("", str(error)[:300], unsent=type(error).__name__ in _UNSENT)
    error_part, meta = answer.get("Error", {}), answer.get("ResponseMetadata", {})
    code, status = str(error_part.get("Code", "")), int(meta.get("HTTPStatusCode", 0))
    words = str(error_part.get("Message") or code or error)[:300]
    return ErrorAnswer(code, words, status, _asked_wait(answer))


def _asked_wait(answer: Mapping[str, Any]) -> float | None:
    """Seconds that a refusal asks to wait; None when it does not."""
    meta = answer.get("ResponseMetadata", {})
    status = meta.get("HTTPStatusCode", 0)
    if not isinstance(status, int) or not 400 <= status < 500 or status == 404:  # noqa: PLR2004
        return None
    return asked_wait({name.lower(): text for name, text in meta.get("HTTPHeaders", {}).items()})


def _wait_as_asked(response: Any, attempts: int, **_: Any) -> float | None:
    """The wait before the next try of a call, where the storage throttles and says for how long."""
    wait = _asked_wait(response[1]) if response else None
    return None if wait is None or wait > LONGEST_WAIT or attempts > WAITS_OF_A_CALL else wait


@contextmanager
def s3_errors(bucket: str) -> Iterator[None]:
    """Turn boto3's errors into ours, in words."""
    from botocore.exceptions import (  # noqa: PLC0415 - slow to import
        BotoCoreError,
        ClientError,
        NoCredentialsError,
    )

    try:
        yield
    except NoCredentialsError:
        raise RegistryError(
            f"There are no credentials for the bucket {bucket}.",
            hint="Give them to boto3: AWS_PROFILE, AWS_ACCESS_KEY_ID …, or ~/.aws.",
        ) from None
    except ClientError as error:
        answer = answer_of(error)
        if answer.code in NO_BUCKET:
            raise RegistryError(
                f"There is no bucket {bucket}.", hint="Check the bucket and the endpoint."
            ) from None
        if answer.code in DENIED:
            raise RegistryError(
                f"The storage refused our credentials for {bucket} ({answer.code}).",
                hint="Check which profile boto3 uses, and what it may do.",
            ) from None
        raise RegistryError(
            f"The storage of {bucket} failed ({answer.code}: {answer.words}).",
            hint="Try again later.",
        ) from None
    except (BotoCoreError, ValueError) as error:
        raise RegistryError(
            f"The storage of {bucket} could not be used: {str(error)[:300]}",
            hint="Check the endpoint, and that it runs.",
        ) from None


PAGE = 1000

_IN_XML = re.compile("[\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
"""Text that XML 1.0 carries unchanged (a carriage return comes back as a line feed).

A listing repeats what it was asked for, and a batch names its objects, in XML.
"""
_ABSENT_HEAD = frozenset({"404", "NoSuchKey", "NotFound"})

FEW = 8
"""So many names are asked for one by one at once."""

PAGES = 20
"""So many requests at most count what has another prefix."""

_CURSOR_MARK = "\0"
"""Between the two parts of a cursor."""


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One object, or one stored version of it, as the storage lists it."""

    name: str
    size: int
    modified_us: int | None
    etag: str
    version: str = ""
    current: bool = True
    marker: bool = False


PageOf: TypeAlias = "Callable[[S3, str, str, str | None], tuple[list[ListedObject], str | None]]"
"""Lists a page of what is stored in a bucket, under a prefix, after a cursor."""


def current_page(
    s3: S3, bucket: str, prefix: str, after: str | None
) -> tuple[list[ListedObject], str | None]:
    """A page of current objects under a prefix, by name; and the cursor of the next."""
    request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": PAGE}
    if after:
        request["ContinuationToken"] = after
    answer = s3.list_objects_v2(**request)
    token = answer.get("NextContinuationToken") if answer.get("IsTruncated") else None
    return [_listed_object(one) for one in answer.get("Contents", ())], token


def current_objects(s3: S3, bucket: str, names: Iterable[str]) -> list[ListedObject]:
    """The current objects of these names, in at most one request each, and mostly far fewer.

    Of many names, several parts are walked at once. Those that no listing may be asked for, since
    its answer, in XML, could not repeat them, are asked for one by one.
    """
    every = sorted(set(names), key=str.encode)
    plain = [name for name in every if _IN_XML.fullmatch(name)]
    share = max(PAGE, -(-len(plain) // AT_ONCE))
    parts = [plain[start : start + share] for start in range(0, len(plain), share)]
    odd = [[name] for name in every if not _IN_XML.fullmatch(name)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [
            *pool.map(partial(_walk, s3, bucket), parts),
            *pool.map(partial(_heads, s3, bucket), odd),
        ]
    return [row for rows in found for row in rows]


def _walk(s3: S3, bucket: str, names: Sequence[str]) -> list[ListedObject]:
    """The objects of these names, which are in the storage's own order: by UTF-8 bytes.

    Each request starts just before the next name and settles all that lie on its page.
    """
    found: list[ListedObject] = []
    place = 0
    while place < len(names):
        prefix = commonprefix([names[place], names[-1]])  # noqa: RUF071 - names are no paths
        request = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": PAGE}
        if before := names[place][:-1]:
            request["StartAfter"] = before
        answer = s3.list_objects_v2(**request)
        rows = [_listed_object(one) for one in answer.get("Contents", ())]
        here = set(names[place:])
        found += [row for row in rows if row.name in here]
        if not (answer.get("IsTruncated") and rows):
            break
        last = rows[-1].name.encode()
        if last < names[place].encode():  # so many siblings stand before it
            found += _heads(s3, bucket, names[place : place + 1])
            place += 1
        while place < len(names) and names[place].encode() <= last:
            place += 1
    return found


def _heads(s3: S3, bucket: str, names: Sequence[str]) -> list[ListedObject]:
    """The current objects of these names, by one request each."""
    found = []
    for name in names:
        try:
            answer = s3.head_object(Bucket=bucket, Key=name)
        except Exception as error:
            if answer_of(error).code in _ABSENT_HEAD:
                continue
            raise
        row = {**answer, "Key": name, "Size": answer.get("ContentLength", 0)}
        found.append(_listed_object(row))
    return found


def object_versions(s3: S3, bucket: str, names: Iterable[str]) -> Iterator[ListedObject]:
    """Every stored version and delete marker of these names."""
    here = set(names)
    yield from objects_below(version_page, s3, bucket, here, here.__contains__)


def objects_below(
    page: PageOf, s3: S3, bucket: str, starts: Iterable[str], mine: Callable[[str], bool]
) -> Iterator[ListedObject]:
    """What is stored under names that start with these, as far as the whole name is `mine`.

    `page` is `current_page` or `version_page`. Many names are looked for in a pass over what they
    have in common, for as long as that costs no more requests than one for each would; the rest is
    asked for one by one.
    """
    ordered = sorted(set(starts), key=str.encode)
    seen: set[tuple[str, str]] = set()
    reached: str | None = ""
    """Up to which name everything was listed; None: to the end."""

    def below(prefix: str, most: int) -> Iterator[ListedObject]:
        nonlocal reached
        plain = _IN_XML.match(prefix)
        after: str | None = None
        for _ in range(most):
            rows, after = page(s3, bucket, plain[0] if plain else "", after)
            for row in rows:
                if mine(row.name) and (row.name, row.version) not in seen:
                    seen.add((row.name, row.version))
                    yield row
            reached = None if after is None else rows[-1].name if rows else ""
            if after is None:
                return

    if len(ordered) > FEW:
        together = commonprefix([ordered[0], ordered[-1]])  # noqa: RUF071 - names are no paths
        yield from below(together, len(ordered))
    passed = reached
    for start in ordered:
        if passed is not None and (start.encode() >= passed.encode() or passed.startswith(start)):
            yield from below(start, sys.maxsize)


def version_page(
    s3: S3, bucket: str, prefix: str, after: str | None
) -> tuple[list[ListedObject], str | None]:
    """A page of versions and delete markers under a prefix; and the cursor of the next."""
    request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": PAGE}
    if after:
        request["KeyMarker"], _, request["VersionIdMarker"] = after.rpartition(_CURSOR_MARK)
    answer = s3.list_object_versions(**request)
    rows = [_listed_object(one) for one in answer.get("Versions", ())]
    rows += [_listed_object(one, marker=True) for one in answer.get("DeleteMarkers", ())]
    rows.sort(key=lambda row: (row.name.encode(), not row.current))
    if not answer.get("IsTruncated"):
        return rows, None
    return rows, f"{answer['NextKeyMarker']}{_CURSOR_MARK}{answer.get('NextVersionIdMarker', '')}"


def _listed_object(row: dict[str, Any], *, marker: bool = False) -> ListedObject:
    modified = row.get("LastModified")
    version = row.get("VersionId")
    return ListedObject(
        name=row["Key"],
        size=int(row.get("Size", 0)),
        modified_us=None if modified is None else round(modified.timestamp() * 1_000_000),
        etag=str(row.get("ETag", "")).strip('"') or ("delete marker" if marker else ""),
        version="" if version is None else str(version),
        current=bool(row.get("IsLatest", True)) and not marker,
        marker=marker,
    )


BATCH = 1000

_NO_BATCH = UNKNOWN_REQUEST | DENIED
"""Codes that a server, or a policy, may have for batches only."""


class ObjectDeleter:
    """Deletes objects of one bucket; remembers when its server takes no batches."""

    def __init__(self, s3: S3, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._batches = True
        self._worked = False

    def delete(self, places: Sequence[ObjectRef]) -> dict[str, Outcome]:
        """One outcome for each object, by its key."""
        plain = [place for place in places if _IN_XML.fullmatch(place.name)]
        single = [place for place in places if not _IN_XML.fullmatch(place.name)]
        batches = [plain[start : start + BATCH] for start in range(0, len(plain), BATCH)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found: dict[str, Outcome] = {}
            for part, rest in pool.map(self._batch, batches):
                found |= part
                single += rest
            for one in pool.map(self._single, single):
                found[one.key] = one
        return found

    def _batch(self, places: Sequence[ObjectRef]) -> tuple[dict[str, Outcome], list[ObjectRef]]:
        """One batch, halved for as long as it fails as a whole; and what must go one by one."""
        found: dict[str, Outcome] = {}
        single: list[ObjectRef] = []
        queue = deque([list(places)])
        while queue:
            part = queue.popleft()
            if len(part) == 1 or not self._batches:
                single += part
                continue
            try:
                named = [_named(one) for one in part]
                request = {"Objects": named, "Quiet": False}
                answer = self._s3.delete_objects(Bucket=self._bucket, Delete=request)
            except ReadOnlyError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever boto3 raises, each item is told
                why = answer_of(error)
                if not why.code or why.later or why.code in NO_BUCKET:  # as for each half of it
                    found |= {one.key: _undone(one.key, why) for one in part}
                elif (
                    why.code in _NO_BATCH
                ):  # one alone tells whether it is the batch that is refused
                    first = found[part[0].key] = self._single(part[0])
                    if first.result is Result.REFUSED:
                        found |= {one.key: _undone(one.key, why) for one in part[1:]}
                    else:
                        self._batches = False
                        single += part[1:]
                else:
                    self._batches = self._worked or len(part) > 2  # noqa: PLR2004 - a pair
                    middle = len(part) // 2
                    queue += [part[:middle], part[middle:]]
                continue
            self._worked = True
            found |= _reconcile(part, answer)
        return found, single

    def _single(self, place: ObjectRef) -> Outcome:
        try:
            answer = self._s3.delete_object(Bucket=self._bucket, **_named(place))
        except ReadOnlyError:
            raise
        except Exception as error:  # noqa: BLE001 - same
            return _undone(place.key, answer_of(error))
        return _done(place, answer)


def _named(place: ObjectRef) -> dict[str, str]:
    version = {"VersionId": place.version} if place.version else {}
    return {"Key": place.name, **version}


def _reconcile(part: Sequence[ObjectRef], answer: dict[str, Any]) -> dict[str, Outcome]:
    """An outcome for each object that was asked for, whatever else the answer names."""
    gone = {(one.get("Key"), one.get("VersionId", "")): one for one in answer.get("Deleted", ())}
    bad = {(one.get("Key"), one.get("VersionId", "")): one for one in answer.get("Errors", ())}
    found = {}
    for place in part:
        mark = (place.name, place.version)
        error = bad.get(mark) or bad.get((place.name, ""))
        if error is not None:
            why = ErrorAnswer(str(error.get("Code", "")), str(error.get("Message", ""))[:300])
            found[place.key] = _undone(place.key, why)
        elif mark in gone:
            found[place.key] = _done(place, gone[mark])
        else:
            found[place.key] = Outcome(place.key, Result.UNKNOWN, "the storage did not mention it")
    return found


def _undone(key: str, why: ErrorAnswer) -> Outcome:
    """What an error says about an object that was to be deleted."""
    words = f"{why.code}: {why.words}" if why.code and why.words else why.code or why.words
    if why.code in _ABSENT_CODES:
        return Outcome(key, Result.ABSENT, words)
    if why.later or why.unsent or (why.code and why.status >= 500):  # noqa: PLR2004 - its own failures
        return Outcome(key, Result.FAILED, words)
    return Outcome(key, Result.REFUSED if why.code else Result.UNKNOWN, words)


def _done(place: ObjectRef, answer: Mapping[str, Any]) -> Outcome:
    marker = answer.get("DeleteMarker") and not place.version
    return Outcome(
        place.key, Result.DONE, "a delete marker hides it; its bytes are kept" if marker else ""
    )


T = TypeVar("T")


class S3Bucket:
    """One bucket, used in a thread of its own; boto3 is loaded at the first request."""

    def __init__(self, settings: StorageSettings, *, read_only: bool) -> None:
        self.name = settings.bucket
        self._settings = settings
        self._read_only = read_only
        self._s3: S3 | None = None
        self._deletes: ObjectDeleter | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="storage")

    async def run(self, work: Callable[[S3], T]) -> T:
        """Work in our thread, with boto3's errors as ours."""

        def job() -> T:
            if self._s3 is None:
                self._s3 = open_s3(self._settings, read_only=self._read_only)
            with s3_errors(self.name):
                return work(self._s3)

        return await asyncio.get_running_loop().run_in_executor(self._pool, job)

    async def versioned(self) -> bool:
        """Whether a plain deletion only puts a delete marker over an object."""

        def kept(s3: S3) -> bool:
            try:
                answer = s3.get_bucket_versioning(Bucket=self.name)
            except Exception as error:
                if answer_of(error).code in UNKNOWN_REQUEST:  # it cannot keep versions either
                    return False
                raise
            return answer.get("Status") in {"Enabled", "Suspended"}

        return await self.run(kept)

    async def delete(self, places: Sequence[ObjectRef]) -> dict[str, Outcome]:
        """Delete these objects, each once; one outcome for each, by its key."""

        def delete(s3: S3) -> dict[str, Outcome]:
            self._deletes = self._deletes or ObjectDeleter(s3, self.name)
            return self._deletes.delete(places)

        return await self.run(delete)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._s3 is not None:
            self._s3.close()
            self._s3 = None
        self._pool.shutdown(wait=False)


class S3Storage:
    """The objects of one bucket that fit one pattern. boto3 is loaded at the first request."""

    def __init__(self, settings: StorageSettings, *, read_only: bool = False) -> None:
        """Check the settings; nothing is sent.

        Raises:
            UsageError: the pattern cannot be used.
        """
        self._settings = settings
        self._bucket = S3Bucket(settings, read_only=read_only)
        self._pattern = StoragePattern(settings.pattern)
        self._read_only = read_only

    @property
    def place(self) -> str:
        """Bucket and pattern."""
        return f"s3://{self._bucket.name}/{self._pattern.text}"

    @property
    def grace_us(self) -> int:
        """Objects changed less than so many microseconds ago are no orphans."""
        return self._settings.grace_us

    async def versioned(self) -> bool:
        """Whether a plain deletion only puts a delete marker over an object."""
        return await self._bucket.versioned()

    async def objects(
        self, after: str | None = None, *, versions: bool = False
    ) -> Page[StoredObject]:
        """The next page of what is stored where the pattern begins, by name."""
        page = version_page if versions else current_page
        look = partial(page, bucket=self._bucket.name, prefix=self._pattern.prefix, after=after)
        rows, after = await self._bucket.run(look)
        return Page(tuple(self._stored(row) for row in rows), after)

    async def elsewhere(self) -> tuple[int, bool]:
        """How many current objects lie outside of where the pattern begins, as far as counted."""
        prefix = self._pattern.prefix

        def counted(s3: S3) -> tuple[int, bool]:
            count, after = 0, ""
            for _ in range(PAGES):
                place = {"StartAfter": after} if after else {}
                answer = s3.list_objects_v2(Bucket=self._bucket.name, MaxKeys=PAGE, **place)
                names = [row["Key"] for row in answer.get("Contents", ())]
                count += sum(not name.startswith(prefix) for name in names)
                if not answer.get("IsTruncated") or not names:
                    return count, True
                after = names[-1]
                if after.startswith(prefix):
                    after = prefix + "\U0010ffff"
            return count, False

        return await self._bucket.run(counted) if prefix else (0, True)

    def owner(self, version_key: str) -> str:
        """What `StoredObject.version_key` is for the objects of a version; empty without any."""
        found = self._pattern.owner_of(version_key)
        return found.key if found else ""

    def expects(self, version_key: str) -> bool:
        """Whether something is missing without an object: every artifact has one."""
        return bool(version_key)

    async def objects_of(
        self, version_keys: Sequence[str], *, versions: bool = False
    ) -> Sequence[StoredObject]:
        """What belongs to these versions of the registry, by name; delete markers come last."""
        owners = {one for key in version_keys if (one := self._pattern.owner_of(key))}
        starts = [self._pattern.start(one) for one in owners]
        page = version_page if versions else current_page

        def mine(name: str) -> bool:
            return self._pattern.owner(name) in owners

        def look(s3: S3) -> list[ListedObject]:
            if self._pattern.many or versions:
                return list(objects_below(page, s3, self._bucket.name, starts, mine))
            return current_objects(s3, self._bucket.name, starts)

        rows = await self._bucket.run(look) if starts else []
        rows.sort(key=lambda row: row.marker)
        return [self._stored(row, version=versions) for row in rows]

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these objects now; those that are gone are left out."""
        places = {key: place for key in keys if (place := self._ours(key)) is not None}
        plain = [place.name for place in places.values() if not place.version]
        exact = [place.name for place in places.values() if place.version]

        def look(s3: S3) -> dict[ObjectRef, ListedObject]:
            found = {
                ObjectRef(self._bucket.name, row.name): row
                for row in current_objects(s3, self._bucket.name, plain)
            }
            for row in object_versions(s3, self._bucket.name, exact):
                found[ObjectRef(self._bucket.name, row.name, row.version)] = row
            return found

        rows = await self._bucket.run(look) if places else {}
        return {
            key: Facts(
                key=key,
                digest=rows[place].etag,
                state=VersionState.LIVE,
                collection=owner.key if (owner := self._pattern.owner(place.name)) else "",
                label=place.name,
            )
            for key, place in places.items()
            if place in rows
        }

    async def delete_objects(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Delete these objects; one outcome for each, in the same order."""
        if self._read_only:
            raise read_only_error(f"The storage {self.place}")
        places = {key: place for key in keys if (place := self._ours(key)) is not None}
        found = await self._bucket.delete(list(dict.fromkeys(places.values())))
        strange = "it is not an object of this registry's storage. Nothing was sent"
        return [found.get(key) or Outcome(key, Result.REFUSED, strange) for key in keys]

    def _ours(self, key: str) -> ObjectRef | None:
        """The place of a key, if it is in this bucket and fits the pattern."""
        place = parse_object_key(key)
        if (
            place is None
            or place.bucket != self._bucket.name
            or self._pattern.owner(place.name) is None
        ):
            return None
        return place

    def _stored(self, row: ListedObject, *, version: bool = False) -> StoredObject:
        owner = self._pattern.owner(row.name)
        place = ObjectRef(self._bucket.name, row.name, row.version if version else "")
        return StoredObject(
            key=place.key,
            name=row.name,
            size=row.size,
            modified_us=row.modified_us,
            etag=row.etag,
            version_key=owner.key if owner else "",
            current=row.current,
            marker=row.marker,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._bucket.aclose()
