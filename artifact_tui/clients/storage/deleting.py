"""Deleting objects in batches, with an answer for each.

A batch that fails as a whole is halved until the guilty key is alone; where batches as such are
not known, or not allowed, objects go one by one. A throttle is neither: it is for later. Keys that
XML cannot carry never join a batch: one of them would make all the others fail.
"""

from __future__ import annotations

import re
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from artifact_tui.clients.storage import s3 as door
from artifact_tui.errors import ReadOnlyError
from artifact_tui.model import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.clients.storage.keys import Place
    from artifact_tui.clients.storage.s3 import S3

BATCH = 1000
AT_ONCE = 4
"""Batches under way at once."""

_BATCHABLE = re.compile("[\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
"""Text that XML 1.0 carries unchanged (a carriage return comes back as a line feed)."""

_THROTTLES = frozenset(
    {
        "SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "Throttling",
        "ThrottlingException", "ThrottledException", "TooManyRequests", "RequestLimitExceeded",
        "RequestThrottled", "429", "503",
    }
)  # fmt: skip
_LATER = _THROTTLES | {"InternalError", "OperationAborted", "RequestTimeout", "500"}
"""Codes after which the same request may work later."""
_ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
_WHOLE = _LATER | door.GONE
"""Codes that would be the same for each half of a batch."""
_NO_BATCH = door.UNKNOWN | door.DENIED
"""Codes that a server, or a policy, may have for batches only."""


_BUSY = frozenset({429, 503})


class ObjectDeleter:
    """Deletes objects of one bucket; remembers when its server takes no batches."""

    def __init__(self, s3: S3, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._batches = True
        self._worked = False

    def delete(self, places: Sequence[Place]) -> dict[str, Outcome]:
        """One outcome for each object, by its key."""
        plain = [place for place in places if _BATCHABLE.fullmatch(place.name)]
        single = [place for place in places if not _BATCHABLE.fullmatch(place.name)]
        batches = [plain[start : start + BATCH] for start in range(0, len(plain), BATCH)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found: dict[str, Outcome] = {}
            for part, rest in pool.map(self._batch, batches):
                found |= part
                single += rest
            for one in pool.map(self._single, single):
                found[one.key] = one
        return found

    def _batch(self, places: Sequence[Place]) -> tuple[dict[str, Outcome], list[Place]]:
        """One batch, halved for as long as it fails as a whole; and what must go one by one."""
        found: dict[str, Outcome] = {}
        single: list[Place] = []
        queue = deque([list(places)])
        while queue:
            part = queue.popleft()
            if len(part) == 1 or not self._batches:
                single += part
                continue
            try:
                answer = self._s3.delete_objects(Bucket=self._bucket, Delete=_request(part))
            except ReadOnlyError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever boto3 raises, each item is told
                code = door.code_of(error)
                if not code or code in _WHOLE or _status(error) in _BUSY or door.later(error):
                    found |= {one.key: failure(one.key, error) for one in part}
                elif code in _NO_BATCH and self._alone(part[0], found):
                    self._batches = False
                    single += part[1:]
                elif code in _NO_BATCH:
                    found |= {one.key: failure(one.key, error) for one in part[1:]}
                else:
                    self._batches = self._worked or len(part) > 2  # noqa: PLR2004 - a pair
                    middle = len(part) // 2
                    queue += [part[:middle], part[middle:]]
                continue
            self._worked = True
            found |= _reconcile(part, answer)
        return found, single

    def _alone(self, place: Place, found: dict[str, Outcome]) -> bool:
        """Delete one of a batch that was refused as such; whether that was not refused."""
        found[place.key] = self._single(place)
        return found[place.key].result is not Result.REFUSED

    def _single(self, place: Place) -> Outcome:
        asked = {"Bucket": self._bucket, "Key": place.name}
        if place.version:
            asked["VersionId"] = place.version
        try:
            answer = self._s3.delete_object(**asked)
        except ReadOnlyError:
            raise
        except Exception as error:  # noqa: BLE001 - same
            return failure(place.key, error)
        marker = bool(answer.get("DeleteMarker")) and not place.version
        return _done(place.key, marker=marker)


def failure(key: str, error: Exception) -> Outcome:
    """What an exception of a call says about an object in it."""
    code, words = door.code_of(error), door.words_of(error)
    if door.later(error):
        return Outcome(key, Result.FAILED, f"{code}: {words}" if words else code)
    if code:
        return _refused(key, code, words, status=_status(error))
    kind = type(error).__name__
    if kind in {"EndpointConnectionError", "ConnectTimeoutError", "NoCredentialsError"}:
        return Outcome(key, Result.FAILED, words)
    return Outcome(key, Result.UNKNOWN, words)


def _status(error: Exception) -> int:
    answer = getattr(error, "response", None)
    found = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) if answer else 0
    return int(found)


def _request(part: Sequence[Place]) -> dict[str, Any]:
    return {
        "Objects": [
            {"Key": one.name} | ({"VersionId": one.version} if one.version else {}) for one in part
        ],
        "Quiet": False,
    }


def _reconcile(part: Sequence[Place], answer: dict[str, Any]) -> dict[str, Outcome]:
    """An outcome for each object that was asked for, whatever else the answer names."""
    gone = {(one.get("Key"), one.get("VersionId", "")): one for one in answer.get("Deleted", ())}
    bad = {(one.get("Key"), one.get("VersionId", "")): one for one in answer.get("Errors", ())}
    found = {}
    for place in part:
        mark = (place.name, place.version)
        error = bad.get(mark) or bad.get((place.name, ""))
        if error is not None:
            code, words = str(error.get("Code", "")), str(error.get("Message", ""))[:300]
            found[place.key] = _refused(place.key, code, words)
        elif mark in gone:
            marker = bool(gone[mark].get("DeleteMarker")) and not place.version
            found[place.key] = _done(place.key, marker=marker)
        else:
            found[place.key] = Outcome(place.key, Result.UNKNOWN, "the storage did not mention it")
    return found


def _refused(key: str, code: str, words: str, *, status: int = 0) -> Outcome:
    said = f"{code}: {words}" if words else code
    if code in _ABSENT:
        return Outcome(key, Result.ABSENT, said)
    if code in _LATER or status in _BUSY or status >= 500:  # noqa: PLR2004 - its own failures
        return Outcome(key, Result.FAILED, said)
    return Outcome(key, Result.REFUSED, said)


def _done(key: str, *, marker: bool) -> Outcome:
    note = "a delete marker hides it; its bytes are kept" if marker else ""
    return Outcome(key, Result.DONE, note)
