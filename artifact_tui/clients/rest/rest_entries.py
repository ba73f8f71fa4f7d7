"""Artifacts of a REST registry as values, read from what servers say about them.

Answers are untrusted JSON, and the servers of the family differ: ids may be numbers, types may be
missing, rows may be wrapped, error texts come under three names. What cannot be read is a
`GarbageError`, never a crash.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from artifact_tui.clients.artifact_keys import Ref
from artifact_tui.clients.servers import is_spelled, mended

NUMBER_LIMIT = 1 << 62
"""Ids that are numbers stay below it."""


def id_number(identifier: str) -> int | None:
    """The number that an id is, written in the one way to write it; or None.

    It may be a counter, which grows with time, or as random as any other id.
    """
    if not identifier.isascii() or not identifier.isdigit():
        return None
    found = int(identifier[:20])
    return found if str(found) == identifier and found < NUMBER_LIMIT else None


def fingerprint(*parts: str) -> str:
    """A short stable digest of some texts, in which no two lists of texts run together."""
    whole = "".join([f"{len(part)}:{part}" for part in parts])
    return blake2b(whole.encode(), digest_size=16).hexdigest()


UNTYPED = "model"
"""The type of a row that has none: what the reference server lists it as."""

WORDS_LIMIT = 300
"""How many characters of a server's error text are kept."""

_WRAPPERS = ("artifacts", "items", "results", "data", "models")
_QUEUED = frozenset({"accepted", "deleting", "pending", "queued", "scheduled"})
_ERRORS = ("detail", "message", "error", "description", "errors")


class GarbageError(ValueError):
    """An answer that is not what the endpoint answers, though its status says success."""


class RestEntry(msgspec.Struct, frozen=True, order=True, gc=False):
    """One artifact as a listing shows it."""

    type: str
    id: str
    name: str
    url: str = ""

    @property
    def ref(self) -> Ref:
        """Its type and id."""
        return Ref(self.type, self.id)

    @property
    def collection(self) -> Ref:
        """Its type and name."""
        return Ref(self.type, self.name)


class ListingPage(NamedTuple):
    """A page of a listing."""

    rows: list[RestEntry]
    skipped: int
    """Entries without an id that can be asked for."""


class LineageGraph(NamedTuple):
    """The lineage of one artifact as its server tells it."""

    own: str
    """The id of the artifact itself, as written in the edges."""
    names: dict[str, str]
    """Node id to name, where a node has one."""
    edges: tuple[tuple[str, str], ...]
    """(parent, child) as node ids."""


class _LooseEntry(msgspec.Struct, frozen=True, gc=False):
    id: str | int
    name: str | None = None
    type: str | None = None
    url: str | None = None


_PLAIN = msgspec.json.Decoder(list[RestEntry])
_LOOSE = msgspec.json.Decoder(list[_LooseEntry])
_ANY = msgspec.json.Decoder()


def decode_json(body: bytes) -> Any:
    """Any JSON value.

    Raises:
        GarbageError: it is not JSON, too deep, or holds numbers that nobody means.
    """
    try:
        return _ANY.decode(mended(body))
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise GarbageError("the answer is not JSON that can be read") from error


def decode_listing(body: bytes, kind: str | None = None) -> ListingPage:
    """The artifacts of a listing; entries without a usable id are only counted.

    `kind` is the type that was asked for: the type of rows that do not say theirs.

    Raises:
        GarbageError: it is not a listing.
    """
    untyped = kind or UNTYPED
    whole = mended(body)
    found = _rows(whole, untyped)
    if whole is body:
        return found
    good = [row for row in found.rows if not (is_spelled(row.id) or is_spelled(row.type))]
    return ListingPage(good, found.skipped + len(found.rows) - len(good))


def _rows(body: bytes, untyped: str) -> ListingPage:
    try:
        plain = _PLAIN.decode(body)
        if all(row.type for row in plain):
            return ListingPage(plain, 0)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        pass  # another dialect, or garbage
    try:
        found = _LOOSE.decode(body)
    except msgspec.ValidationError:
        return _tolerant_rows(decode_json(body), untyped)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise GarbageError("the answer is not a listing") from error
    wires = [
        RestEntry(one.type or untyped, str(one.id), one.name or "", one.url or "") for one in found
    ]
    return ListingPage(wires, 0)


def _tolerant_rows(value: Any, untyped: str) -> ListingPage:
    if isinstance(value, dict):
        value = next((value[name] for name in _WRAPPERS if isinstance(value.get(name), list)), None)
    if not isinstance(value, list):
        raise GarbageError("the answer is not a listing")
    read = [_row(one, untyped) for one in value]
    good = [one for one in read if one is not None]
    if not (good or all(isinstance(one, dict) for one in value)):
        raise GarbageError("no entry of the listing is an artifact")
    return ListingPage(good, len(read) - len(good))


def _row(value: Any, untyped: str) -> RestEntry | None:
    """One artifact from any of its shapes: flat, or split in `metadata` and `data`."""
    if not isinstance(value, dict):
        return None
    meta = value["metadata"] if isinstance(value.get("metadata"), dict) else value
    data = value["data"] if isinstance(value.get("data"), dict) else value
    identifier = _id(meta.get("id", meta.get("artifact_id")))
    if identifier is None:
        return None
    kind = _text(meta.get("type")) or _text(meta.get("artifact_type")) or untyped
    return RestEntry(kind, identifier, _text(meta.get("name")), _text(data.get("url")))


def decode_entry(body: bytes, kind: str) -> RestEntry:
    """One artifact as `GET /artifacts/{type}/{id}` answers it.

    Raises:
        GarbageError: it is not one.
    """
    row = _row(decode_json(body), kind)
    if row is None:
        raise GarbageError("the answer is not an artifact")
    return row


def decode_deletion(body: bytes) -> tuple[str | None, bool]:
    """The id that the answer to a deletion names, if it does; True: it will be done later.

    Raises:
        GarbageError: the answer is a page for people, or reports an error.
    """
    text = body.strip()
    if text.startswith(b"<"):
        raise GarbageError("the answer is a web page")
    value = decode_json(text) if text.startswith((b"{", b"[")) else None
    if not isinstance(value, dict):
        return None, False
    status = _text(value.get("status")).lower()
    if "error" in value or status in {"error", "failed", "failure"}:
        raise GarbageError(error_words(body) or f"the answer says {status}")
    meta = value["metadata"] if isinstance(value.get("metadata"), dict) else value
    return _id(meta.get("id", meta.get("artifact_id"))), status in _QUEUED


def error_words(body: bytes) -> str:
    """A server's own words about an error, from any of the shapes they come in; maybe none."""
    text = body.strip()
    if text.startswith((b"{", b"[", b'"')):
        try:
            return _flat(decode_json(text))[:WORDS_LIMIT]
        except GarbageError:
            return ""
    if text.startswith(b"<"):
        return ""
    return " ".join(text.decode("utf-8", "replace").split())[:WORDS_LIMIT]


def _flat(value: Any, depth: int = 0) -> str:
    if isinstance(value, str):
        return value
    if depth > 4:  # noqa: PLR2004 - nobody nests an error message deeper
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_flat(one, depth + 1) for one in value[:5])))
    if isinstance(value, dict):
        if isinstance(value.get("msg"), str):
            where = value["loc"] if isinstance(value.get("loc"), list) else []
            place = ".".join(one for one in where if isinstance(one, str))
            return f"{place}: {value['msg']}" if place else value["msg"]
        return next(filter(None, (_flat(value.get(name), depth + 1) for name in _ERRORS)), "")
    return ""


def decode_count(body: bytes) -> int | None:
    """How many artifacts `GET /health` counts, where it does."""
    try:
        value = decode_json(body)
    except GarbageError:
        return None
    found = value.get("models") if isinstance(value, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def decode_lineage(body: bytes, own: str) -> LineageGraph:
    """Lineage in either shape of the family.

    Raises:
        GarbageError: it is neither.
    """
    value = decode_json(body)
    nodes = value.get("nodes") if isinstance(value, dict) else None
    edges = value.get("edges") if isinstance(value, dict) else None
    if not isinstance(nodes, list) or not isinstance(edges, list):
        raise GarbageError("the answer is not a lineage graph")
    names = {}
    for node in nodes:
        if isinstance(node, dict) and (key := _id(node.get("artifact_id", node.get("id")))):
            names[key] = _text(node.get("name"))
    root = _id(value.get("root_id")) or own
    found = []
    for edge in edges:
        if isinstance(edge, dict):
            parent = _id(edge.get("from_node_artifact_id", edge.get("parent", edge.get("from"))))
            child = _id(edge.get("to_node_artifact_id", edge.get("child", edge.get("to"))))
            if parent is None or child is None:
                raise GarbageError("an edge of the lineage graph has no end")
            found.append((parent, child))
    return LineageGraph(root, names, tuple(found))


def decode_token(body: bytes) -> str:
    """The token in an answer of `PUT /authenticate`: a JSON string, or under its name.

    Raises:
        GarbageError: there is none.
    """
    text = body.strip()
    value = decode_json(text) if text[:1] in {b'"', b"{"} else text.decode("utf-8", "replace")
    if isinstance(value, dict):
        value = value.get("token", value.get("access_token"))
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise GarbageError("the answer holds no token")
    return value.strip()


def entry_digest(row: RestEntry, *, with_url: bool) -> str:
    """What identifies an artifact's content, as far as this registry tells: it has no digests."""
    return fingerprint(row.type, row.id, row.name, row.url if with_url else "")


def _id(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""
