"""Addresses of W&B: `wandb://[HOST/]ENTITY[/PROJECT]`, and URLs of its app, pasted.

`wandb+http://HOST/…` speaks without TLS, to a server of one's own. Pages of such a server can be
pasted once something says that it is W&B's: `WANDB_BASE_URL`, its SDK's settings or login, or a
configured registry. The first part is a host when it has a dot or a colon, or is `localhost`;
without one, W&B is where its own SDK would look for it (`WANDB_BASE_URL`, the settings file, the
cloud). Which registries lie within others is told from `WandbAddress.uid` alone.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote, urlsplit

from artifact_tui.clients.servers import PORTS, Origin
from artifact_tui.clients.wandb import SCHEMES, wandb_login
from artifact_tui.clients.wandb.wandb_login import default_origin, url_parts
from artifact_tui.config import load
from artifact_tui.errors import ArtifactTuiError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_UID_PREFIX = "wandb:"
"""The beginning of what all addresses of one W&B place have in common: host, entity, project."""

REGISTRY_PREFIX = "wandb-registry-"
"""The beginning of projects that are registries of an organisation."""


def within(place: str, other: str) -> bool:
    """Whether a project is one of an entity."""
    return other.startswith(_UID_PREFIX) and place.startswith(f"{other}/")


def may_show(place: str, other: str, settings: Mapping[str, object]) -> bool:
    """Whether opening an entity may list a registry of an organisation: nobody asks here.

    Unless its settings say that registries are left out.
    """
    if settings.get("registries", True) is False:
        return False
    host, *where = place.split("/")
    home, *parts = other.split("/")
    registry = len(parts) == 2 and parts[1].startswith(REGISTRY_PREFIX)  # noqa: PLR2004 - readable
    return host.startswith(_UID_PREFIX) and len(where) == 1 and host == home and registry


_ADDRESS_SHAPE = "wandb://[HOST/]ENTITY[/PROJECT]"
_REGISTRY_PAGE = "registry"
_NO_ENTITY = frozenset(
    {
        "api", "authorize", "billing", "graphql", "home", "login", "logout", "onboarding", "orgs",
        "profile", "register", _REGISTRY_PAGE, "settings", "signup", "site", "subscriptions",
    }
)  # fmt: skip
_OF_ENTITY = frozenset({"projects", _REGISTRY_PAGE})
"""Pages of an entity that stand where a project's name does."""
_OF_PROJECT = frozenset(
    {"artifacts", "groups", "overview", "reports", "runs", "sweeps", "table", "workspace"}
)
"""Pages of a project, after its name."""
_APIS = frozenset({"api", "v1", "v2"})
"""What the address of another kind of registry begins with."""


@dataclass(frozen=True, slots=True)
class WandbAddress:
    """An entity, or one project of it, on one server."""

    origin: Origin
    entity: str
    project: str = ""
    """Empty: all projects of the entity."""

    @classmethod
    def parse(cls, text: str) -> WandbAddress:
        """Read an address as a user types or pastes it.

        Raises:
            UsageError: it is not one; the hint shows what one looks like.
        """
        text = text.strip()
        scheme = text.partition("://")[0].lower()
        if scheme in SCHEMES:
            return _typed_address(text, SCHEMES[scheme])
        return _pasted_address(text)

    @property
    def text(self) -> str:
        """The one way to write it, with the host: it means the same in every environment."""
        scheme = "wandb" if self.origin.scheme == "https" else "wandb+http"
        return f"{scheme}://{self.origin.netloc}/{self._path}"

    @property
    def uid(self) -> str:
        """Which place it is, whichever name of its backend it was reached by."""
        one = replace(
            self.origin, host=wandb_login.BACKENDS.get(self.origin.host, self.origin.host)
        )
        return f"{_UID_PREFIX}{one.netloc}/{self._path}"

    @property
    def where(self) -> str:
        """`ENTITY` or `ENTITY/PROJECT`: untrusted text."""
        return f"{self.entity}/{self.project}" if self.project else self.entity

    @property
    def _path(self) -> str:
        parts = (self.entity, self.project) if self.project else (self.entity,)
        return "/".join(quote(part, safe="") for part in parts)


def claims_page(text: str) -> bool:
    """Whether an address is that of a page of W&B's app."""
    scheme, colon, _ = text.strip().partition("://")
    if not colon or scheme.lower() not in PORTS:
        return False
    try:
        if wandb_login.is_official((urlsplit(text.strip()).hostname or "").lower()):
            return True
        parts, origin = url_parts(text, "The address")
    except (UsageError, ValueError):
        return False
    first = parts.path.strip("/").partition("/")[0]
    return first not in {"", *_APIS} and _is_known(origin)


def advice(text: str) -> str:
    """What to type instead of a page that looks like one of W&B's app, on a host nobody named.

    Empty when it does not look so.
    """
    try:
        parts, origin = url_parts(text, "The address")
    except UsageError:
        return ""
    path = [part for part in parts.path.split("/") if part]
    if len(path) < 4 or path[2] not in _OF_PROJECT or _APIS & {*path[:2]}:  # noqa: PLR2004 - a page
        return ""
    scheme = "wandb" if origin.scheme == "https" else "wandb+http"
    where = f"{scheme}://{origin.netloc}/{path[0]}/{path[1]}"
    return (
        f"If it is a page of a W&B server, type {shlex.quote(where)}; or set WANDB_BASE_URL to"
        f" {origin.text}, and paste the page again."
    )


def _is_known(origin: Origin) -> bool:
    """Whether something here says that a server of somebody's own is W&B's."""
    with suppress(UsageError):
        if default_origin() == origin:
            return True
    return wandb_login.is_signed_in(origin) or origin in _configured_origins()


def _configured_origins() -> set[Origin]:
    """The servers of the registries in the configuration that are written as W&B's."""
    found = set()
    with suppress(ArtifactTuiError):
        for registry in load().registries.values():
            if registry.address.partition("://")[0].lower() in SCHEMES:
                with suppress(UsageError):
                    found.add(WandbAddress.parse(registry.address).origin)
    return found


def _typed_address(text: str, scheme: str) -> WandbAddress:
    rest = text.partition("://")[2]
    if "?" in rest or "#" in rest:
        raise _not_an_address(text, "it has a ? or #")
    parts = [part for part in rest.split("/") if part]
    first = parts[0].lower() if parts else ""
    if first == "localhost" or any(sign in first for sign in ".:@"):
        _, origin = url_parts(f"{scheme}://{parts[0]}", f"The host in “{_quotable(text)}”")
        origin = wandb_login.checked_origin(origin, f"The address “{_quotable(text)}”")
        parts = parts[1:]
    elif scheme == "http":
        raise _not_an_address(text, "wandb+http:// needs a host")
    else:
        origin = default_origin()
    return _address_of(origin, parts, text)


def _pasted_address(text: str) -> WandbAddress:
    """The address in a URL of the app."""
    parts, origin = url_parts(text, f"The address “{_quotable(text)}”")
    own = not wandb_login.is_official(origin.host) and _is_known(origin)
    if not own and (origin.scheme != "https" or origin.port != PORTS["https"]):
        raise UsageError(
            f"The address “{_quotable(text)}” is not one of W&B's app.",
            hint=f"Paste it with https://{origin.host}, or write {_ADDRESS_SHAPE}.",
        )
    api = origin if own else Origin("https", wandb_login.api_host(origin.host), PORTS["https"])
    path = [part for part in parts.path.split("/") if part]
    if origin.host in wandb_login.FORGE_APPS:
        if path[:1] != ["wandb"]:
            raise _not_an_address(text, "it is not a page of W&B")
        path = path[1:]
    if _REGISTRY_PAGE in path[:3]:
        return _registry_page(api, parts.query, text)
    if path and path[0] in _NO_ENTITY:
        raise _not_an_address(text, "it is not the page of an entity or a project")
    if len(path) > 1 and path[1] in _OF_ENTITY:
        path = path[:1]
    return _address_of(api, path[:2], text)


def _registry_page(api: Origin, query: str, text: str) -> WandbAddress:
    """A page of a W&B Registry says in its query which project that is."""
    chosen = parse_qs(query).get("selectionPath", [""])[0].split("/")
    if len(chosen) < 2 or not all(chosen[:2]):  # noqa: PLR2004 - entity and project
        raise UsageError(
            f"The address “{_quotable(text)}” does not say which entity holds the registry.",
            hint="Open a collection in it and paste that page, or write"
            " wandb://ORGANISATION-ENTITY/wandb-registry-NAME.",
        )
    return _address_of(api, [quote(part, safe="") for part in chosen[:2]], text)


def _address_of(origin: Origin, parts: Sequence[str], text: str) -> WandbAddress:
    names = [unquote(part) for part in parts]
    if not 1 <= len(names) <= 2:  # noqa: PLR2004 - entity, or entity and project
        raise _not_an_address(
            text, "it names no entity" if not names else "it names more than a project"
        )
    for name in names:
        if not name.isprintable() or "/" in name or name in {".", ".."} or name != name.strip():
            raise _not_an_address(text, "a name in it cannot be one")
    return WandbAddress(origin, *names)


def _quotable(text: str) -> str:
    """An address to quote: without what may be a password, and not too long."""
    scheme, colon, rest = text.partition("://")
    host, slash, path = rest.partition("/")
    shown = f"{scheme}{colon}{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"
    return shown if len(shown) <= 100 else f"{shown[:99]}…"  # noqa: PLR2004 - one line


def _not_an_address(text: str, why: str) -> UsageError:
    return UsageError(
        f"“{_quotable(text)}” is not the address of a W&B registry: {why}.",
        hint=f"Use an address such as {_ADDRESS_SHAPE}, or paste the page of a project.",
    )
