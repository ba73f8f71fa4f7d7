"""The switches of the stand-in registry: what real servers of the family do, one by one."""

from __future__ import annotations

from typing import Literal

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """Something that goes wrong with some requests.

    Kinds before anything is done: `rst_before`, `hang_before`, `html_before`, or a status
    ("401", "302", …). Kinds after the request was carried out: `rst_after`, `hang_after`,
    `truncated`, `html_after`, `wrong_id`, `empty_after`, `garbage`, `deep`, `huge_number`, `bomb`,
    `big`, `drip`, or a status with `_after` ("500_after", "404_after").
    """

    kind: str
    share: float = 1.0
    """Which part of the requests it hits, drawn with a fixed seed."""
    methods: tuple[str, ...] = ("DELETE",)
    first: int = 0
    """Hit the first so many matching requests instead of a share, when not 0."""
    path: str = ""
    """Only requests whose raw target holds this text."""


class Traps(msgspec.Struct, frozen=True):
    """How this server behaves; the defaults are the reference server's, without its faults."""

    prefix: str = "/api"
    seed: int = 7
    # listing
    page_size: int = 1000
    offset_header: Literal["more", "always", "x-offset", "null", "never", "below"] = "more"
    """`below` is 25, however many rows were sent."""
    offset_from: Literal["query", "header", "x-header", "nowhere"] = "query"
    names: Literal["exact", "substring"] = "exact"
    too_many: int = 0
    """413 when a query without types would find more than this; 0: never."""
    too_many_typed: int = 0
    """The same for every other query."""
    search: Literal["yes", "413", "missing", "capped"] = "yes"
    """What becomes of a search by regular expression; `capped`: the first 40 found, no more."""
    repeats: int = 0
    """So many times the page before comes once more."""
    wrapped: bool = False
    number_ids: bool = False
    untyped: bool = False
    row_urls: bool = False
    other_urls: bool = False
    """A listing and a GET word the address of an artifact differently."""
    endless: bool = False
    """Each page has new ids and promises more."""
    # single artifacts
    route: Literal["plural", "singular"] = "plural"
    unknown: Literal["405", "404", "html", "gateway"] = "405"
    """The answer to a path that there is not."""
    types: Literal["ignored", "400", "404"] = "ignored"
    """The answer for the wrong type of an existing id."""
    absent: Literal["json", "html"] = "json"
    trims_ids: bool = True
    error_key: Literal["detail", "error", "message"] = "detail"
    deleted: Literal["status", "message", "empty", "204", "202", "queued"] = "status"
    later_s: float = 0.0
    """Deletions are carried out so many seconds after their answer; below 0: never."""
    created: Literal[
        "201", "202", "202 without id", "202 and fails", "202 and goes", "as model"
    ] = "201"
    """`as model`: answered as asked, and listed as a model that has its name for an address."""
    created_s: float = 0.0
    """What is accepted is there so many seconds later; with `202 and goes` until then."""
    lineage: Literal["nodes", "old", "names"] = "nodes"
    # who may
    auth: Literal["none", "x-authorization", "bearer"] = "none"
    auth_status: int = 403
    token: str = "sesame-and-lilies"  # noqa: S105 - nobody's
    opens_with: str = ""
    """Not empty: PUT /authenticate gives a new token for it."""
    token_requests: int = 0
    """A token dies after so many requests; 0: never."""
    # time
    request_s: float = 0.0
    get_s: float = 0.0
    """Seconds that a question about one artifact takes besides."""
    serial: bool = False
    """One request at a time."""
    load_s: float = 0.0
    save_s: float = 0.0
    quota: int = 0
    """Every so many-th request is answered 429; 0: never."""
    retry_after: str = "0"
    quota_status: int = 429
    quota_headers: dict[str, str] = {}
    """Sent with that answer instead of Retry-After."""
    quota_path: str = ""
    """Only requests whose raw target holds this text count."""
    quota_times: int = 0
    """So many refusals and no more; 0: any number."""
    at_most: int = 0
    """More requests at once than this are answered 429; 0: any number."""
    # storage
    safe: bool = False
    """Deletions at the same time do not overwrite one another."""
    load_fault: float = 0.0
    """Which part of the loads fails: the registry then looks empty."""
    save_fault: float = 0.0
    """Which part of the saves fails, and is answered 200 all the same."""
    outage: bool = False
    """Every load fails."""
    instances: int = 1
    """Memories that requests go to in turn."""
    health: Literal["count", "models", "nothing", "missing", "hangs"] = "count"
    drops_after_500: bool = True
    faults: tuple[Fault, ...] = ()
