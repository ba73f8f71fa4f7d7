"""The switches of the stand-in: what W&B servers of any age and mood do, one by one."""

from __future__ import annotations

from typing import Literal

import msgspec

from tests.servers.rest import traps as rest
from tests.servers.wandb.scenes import Scene  # noqa: TC001 - msgspec reads it

API_KEY = "0123456789abcdef" * 2 + "01234567"
"""Nobody's; 40 characters, as the SDK demands."""


class Fault(rest.Fault, frozen=True, kw_only=True):
    """Something that goes wrong with some documents; kinds as in the REST stand-in.

    And, after the document was carried out: `null_data`, `null_fields` (no data and no errors, or
    null for each field). `half_rst`, `half_500`: only the first half of the fields at the top is
    carried out, then the connection is cut or the answer is 500; `half_lie`: all are answered as
    done. `slow`: nothing but `delay_ms`.
    """

    methods: tuple[str, ...] = ("POST",)
    fields: tuple[str, ...] = ()
    """Only documents that select one of these (`deleteArtifact`, `project`, …); empty: all."""
    delay_ms: float = 0.0
    """How much later the answer comes."""
    meanwhile: Scene | None = None
    """What somebody else adds just before the document is carried out."""


class Untold(msgspec.Struct, frozen=True, kw_only=True):
    """A field that this server does not tell; what must not be null takes its parents with it."""

    field: str
    """`Artifact.usedBy`."""
    error: str = ""
    """In these words; empty: it is null, and nothing is said."""
    code: str = ""
    further: bool = False
    """Only its pages after the first."""


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """At most so many in a fixed window; what is over is answered 429, or with another status."""

    most: int
    window_s: float
    counts: Literal["requests", "mutations"] = "requests"
    """What a document costs: 1, or the number of its mutations (a query costs 1)."""
    headers: bool = True
    """RateLimit-Limit, -Remaining and -Reset with every answer, on W&B's scale of 0 to 1000."""
    retry_after: bool = False
    """Retry-After with the refusal."""
    status: int = 429
    """Of the refusal."""
    words: str = "rate limit exceeded"
    """Of the refusal."""


class Traps(msgspec.Struct, frozen=True, kw_only=True):
    """How this server behaves; the defaults are a present-day server's, as far as known."""

    seed: int = 7
    # time
    latency_ms: float = 0.0
    mutation_ms: float = 0.0
    """Each mutation takes so long, one after the other within a document."""
    lanes: int = 0
    """Documents worked on at once; more wait in a queue. 0: any number."""
    at_most: int = 0
    """More at once than this are answered 429; 0: any number."""
    quota: Quota | None = None
    # listing
    cursors: Literal["offset", "keyset"] = "offset"
    page: int = 50
    """How many when the caller does not say."""
    page_cap: int = 0
    """More than this is cut to it without a word; 0: any number."""
    memberships: int = 500
    """An artifact shows at most so many memberships."""
    deleted: Literal["listed", "found", "gone"] = "listed"
    """Where deleted versions still show: in lists and by id, by id only, nowhere."""
    deleted_collections: bool = False
    """Deleted collections are still listed."""
    version_rows: bool = True
    """`v3` occurs among the aliases."""
    # age of the server
    drop_fields: tuple[str, ...] = ()
    """What its schema lacks: `Artifact.storageBytes`, `Project.artifactCollections(filters)`."""
    untold: tuple[Untold, ...] = ()
    lacks_features: tuple[str, ...] = ()
    version: str = "0.79.0"
    # writing
    batch: int = 0
    """More mutations than this in a document are refused, undone; 0: any number."""
    non_null: bool = False
    """One failed mutation empties the whole `data`, and those after it are not tried."""
    aliases_count: Literal["own", "anywhere"] = "own"
    """Which aliases refuse a deletion without `deleteAliases`: in its own collection, or all."""
    registry_admin: bool = False
    """The caller may remove protected aliases and what carries them."""
    ttl_ignored: bool = False
    """Times to live are set by admins only: left as they are, without a word."""
    # answers
    errors: Literal["status", "ok"] = "status"
    """Whether GraphQL errors come with a status of their own, or with 200."""
    error_shape: Literal["graphql", "text", "object", "strings"] = "graphql"
    """How errors outside GraphQL are written, see facts: `{"error": "text"}` and others."""
    # who may
    api_key: str = API_KEY
    identity_token: str = ""
    """A JWT that /oidc/token exchanges for an access token."""
    token_requests: int = 0
    """An access token dies after so many requests; 0: never."""
    token_expires_s: int = 3600
    entity: str = "acme"
    """The caller's default entity."""
    admin: bool = False
    faults: tuple[Fault, ...] = ()
