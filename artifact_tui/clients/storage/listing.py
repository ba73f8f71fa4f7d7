"""Finding objects: all that fit the pattern, or those of some names, in few requests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from artifact_tui.clients.storage.s3 import code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from artifact_tui.clients.storage.s3 import S3

PAGE = 1000

_PLAIN = re.compile("[\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
"""Text that XML 1.0 carries: a listing repeats what it was asked for."""
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})

FEW = 8
"""So many names are asked for one by one at once."""

PAGES = 20
"""So many requests at most count what has another prefix."""

_MARK = "\0"
"""Between the two parts of a cursor."""


@dataclass(frozen=True, slots=True)
class Found:
    """One object, or one stored version of it, as the storage lists it."""

    name: str
    size: int
    modified_us: int | None
    etag: str
    version: str = ""
    current: bool = True
    marker: bool = False


def page(s3: S3, bucket: str, prefix: str, after: str | None) -> tuple[list[Found], str | None]:
    """A page of current objects under a prefix, by name; and the cursor of the next."""
    asked: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": PAGE}
    if after:
        asked["ContinuationToken"] = after
    answer = s3.list_objects_v2(**asked)
    token = answer.get("NextContinuationToken") if answer.get("IsTruncated") else None
    return [_found(one) for one in answer.get("Contents", ())], token


def current(s3: S3, bucket: str, names: Iterable[str]) -> Iterator[Found]:
    """The current objects of these names, in at most one request each, and mostly far fewer.

    Names are walked in the storage's own order (by UTF-8 bytes); each request starts just before
    the next one wanted and settles all that lie on its page.
    """
    wanted, odd = _split(names)
    yield from _each(s3, bucket, odd)
    place = 0
    while place < len(wanted):
        asked = {"Bucket": bucket, "StartAfter": wanted[place][:-1], "MaxKeys": PAGE}
        if not asked["StartAfter"]:
            del asked["StartAfter"]
        answer = s3.list_objects_v2(**asked, Prefix=_common(wanted[place:]))
        rows = [_found(one) for one in answer.get("Contents", ())]
        here = set(wanted[place:])
        yield from (row for row in rows if row.name in here)
        last = rows[-1].name.encode() if answer.get("IsTruncated") and rows else None
        if last is not None and last < wanted[place].encode():  # so many siblings stand before it
            yield from _each(s3, bucket, wanted[place : place + 1])
        place = _past(wanted, place, last)


def _split(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Names in the storage's order; those that no listing may be asked for stand apart."""
    every = sorted(set(names), key=str.encode)
    return [name for name in every if _PLAIN.fullmatch(name)], [
        name for name in every if not _PLAIN.fullmatch(name)
    ]


def _each(s3: S3, bucket: str, names: Iterable[str]) -> Iterator[Found]:
    """One request for each name: a listing's answer, in XML, could not repeat these."""
    for name in names:
        try:
            answer = s3.head_object(Bucket=bucket, Key=name)
        except Exception as error:
            if code_of(error) in _ABSENT:
                continue
            raise
        yield _found({**answer, "Key": name, "Size": answer.get("ContentLength", 0)})


def versions(s3: S3, bucket: str, names: Iterable[str]) -> Iterator[Found]:
    """Every stored version and delete marker of these names."""
    here = set(names)
    yield from below(partial(version_pages, s3, bucket), here, here.__contains__)


def below(
    pages: Callable[[str], Iterator[tuple[list[Found], bytes | None]]],
    starts: Iterable[str],
    mine: Callable[[str], bool],
) -> Iterator[Found]:
    """What is stored under names that start with these, as far as the whole name is `mine`.

    `pages` gives pages of what is stored under a prefix, as `current_pages` does.
    Many are looked for in a pass over what they have in common, for as long as that costs no more
    requests than one for each would; the rest is asked for one by one.
    """
    wanted = sorted(set(starts), key=str.encode)
    seen: set[tuple[str, str]] = set()
    reached: bytes | None = b""
    if len(wanted) > FEW:
        for rows, cut in islice(pages(_common(wanted)), len(wanted)):
            reached = cut
            yield from _unseen(seen, (row for row in rows if mine(row.name)))
    for start in wanted:
        if reached is not None and _beyond(start.encode(), reached):
            for rows, _ in pages(start):
                yield from _unseen(seen, (row for row in rows if mine(row.name)))


def _beyond(start: bytes, reached: bytes) -> bool:
    """Whether anything that starts so may come after what a listing has reached."""
    return start >= reached or reached.startswith(start)


def _unseen(seen: set[tuple[str, str]], rows: Iterable[Found]) -> Iterator[Found]:
    for row in rows:
        if (row.name, row.version) not in seen:
            seen.add((row.name, row.version))
            yield row


def current_pages(s3: S3, bucket: str, prefix: str) -> Iterator[tuple[list[Found], bytes | None]]:
    """Pages of current objects, each with the name at which it was cut off (None on the last)."""
    after: str | None = None
    while True:
        rows, after = page(s3, bucket, _plain(prefix), after)
        yield rows, None if after is None else rows[-1].name.encode() if rows else b""
        if after is None:
            return


def version_pages(s3: S3, bucket: str, prefix: str) -> Iterator[tuple[list[Found], bytes | None]]:
    """Pages of versions, each with the name at which it was cut off (None on the last)."""
    after: str | None = None
    while True:
        rows, after = version_page(s3, bucket, _plain(prefix), after)
        yield rows, None if after is None else after.rpartition(_MARK)[0].encode()
        if after is None:
            return


def version_page(
    s3: S3, bucket: str, prefix: str, after: str | None
) -> tuple[list[Found], str | None]:
    """A page of versions and delete markers under a prefix; and the cursor of the next."""
    asked: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": PAGE}
    if after:
        asked["KeyMarker"], _, asked["VersionIdMarker"] = after.rpartition(_MARK)
    answer = s3.list_object_versions(**asked)
    rows = [_found(one) for one in answer.get("Versions", ())]
    rows += [_found(one, marker=True) for one in answer.get("DeleteMarkers", ())]
    rows.sort(key=lambda row: (row.name.encode(), not row.current))
    if not answer.get("IsTruncated"):
        return rows, None
    return rows, f"{answer['NextKeyMarker']}{_MARK}{answer.get('NextVersionIdMarker', '')}"


def elsewhere(s3: S3, bucket: str, prefix: str) -> tuple[int, bool]:
    """How many current objects have another prefix; False when there are more than were counted."""
    count, after = 0, ""
    for _ in range(PAGES):
        asked = {"Bucket": bucket, "MaxKeys": PAGE} | ({"StartAfter": after} if after else {})
        answer = s3.list_objects_v2(**asked)
        names = [row["Key"] for row in answer.get("Contents", ())]
        count += sum(not name.startswith(prefix) for name in names)
        if not answer.get("IsTruncated") or not names:
            return count, True
        after = names[-1]
        if after.startswith(prefix):
            after = prefix + "\U0010ffff"
    return count, False


def _plain(prefix: str) -> str:
    """As much of a prefix as a listing can be asked for."""
    found = _PLAIN.match(prefix)
    return found[0] if found else ""


def _past(wanted: list[str], place: int, last: bytes | None) -> int:
    """The first wanted name after `last`; always some progress."""
    if last is None:
        return len(wanted)
    following = place
    while following < len(wanted) and wanted[following].encode() <= last:
        following += 1
    return max(following, place + 1)


def _common(names: list[str]) -> str:
    """What all of these names start with (the first and the last tell, as they are sorted)."""
    first, last = names[0], names[-1]
    length = 0
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        length += 1
    return first[:length]


def _found(row: dict[str, Any], *, marker: bool = False) -> Found:
    modified = row.get("LastModified")
    version = row.get("VersionId")
    return Found(
        name=row["Key"],
        size=int(row.get("Size", 0)),
        modified_us=None if modified is None else round(modified.timestamp() * 1_000_000),
        etag=str(row.get("ETag", "")).strip('"') or ("delete marker" if marker else ""),
        version="" if version is None else str(version),
        current=bool(row.get("IsLatest", True)) and not marker,
        marker=marker,
    )
