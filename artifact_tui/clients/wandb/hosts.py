"""The hosts of W&B's own cloud, both generations of their names, and what makes a base URL.

`api.forge.coreweave.com` and `api.wandb.ai` are one backend; the web app of the first lives at
`forge.coreweave.com/wandb`, that of the second at `wandb.ai`. A dedicated cloud has its app and
its API on one host of `wandb.io`.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from artifact_tui.clients.web.origin import PORTS, Origin
from artifact_tui.errors import UsageError

DEFAULT = Origin("https", "api.forge.coreweave.com", 443)
"""Where W&B is when nothing says otherwise, as for its SDK since 0.31."""

BACKENDS = {
    "api.forge.coreweave.com": "api.wandb.ai",
    "api.qa.forge.coreweave.com": "api.qa.wandb.ai",
}
"""Hosts of the new names, and the old name of the same backend."""

_FORGE_APPS = {
    "forge.coreweave.com": "api.forge.coreweave.com",
    "qa.forge.coreweave.com": "api.qa.forge.coreweave.com",
}
_FORGE_API = "/api/wandb"

_APPS = {
    "wandb.ai": "api.wandb.ai",
    "www.wandb.ai": "api.wandb.ai",
    "app.wandb.ai": "api.wandb.ai",
    "qa.wandb.ai": "api.qa.wandb.ai",
}
_DEDICATED = ".wandb.io"


def backend(host: str) -> str:
    """One name for every name of the same backend."""
    return BACKENDS.get(host, host)


def twins(host: str) -> tuple[str, ...]:
    """The other names of the backend that a host is."""
    one = backend(host)
    return tuple(name for name in (one, *_names(one)) if name != host)


def _names(one: str) -> tuple[str, ...]:
    return tuple(new for new, old in BACKENDS.items() if old == one)


def official(host: str) -> bool:
    """Whether a host belongs to W&B: its cloud, its app, or a dedicated cloud."""
    return (
        host in _FORGE_APPS
        or host in BACKENDS
        or host == "wandb.ai"
        or host.endswith((".wandb.ai", _DEDICATED))
    )


def forge_app(host: str) -> bool:
    """Whether the pages of W&B's app on this host live below /wandb."""
    return host in _FORGE_APPS


def api_of_app(host: str) -> str:
    """The host of the API behind a host of the app; the API's own host stays as it is.

    Raises:
        UsageError: it is a host of W&B's, and not of its app.
    """
    found = _FORGE_APPS.get(host) or _APPS.get(host)
    if found is not None:
        return found
    if host in BACKENDS or host in BACKENDS.values() or host.endswith(_DEDICATED):
        return host
    raise UsageError(
        f"The host {host} is not that of W&B's app.",
        hint="Paste the address of a project's page, such as https://wandb.ai/ENTITY/PROJECT.",
    )


def parts_of(text: str, what: str) -> tuple[SplitResult, Origin]:
    """A URL taken apart, and the server that it names; its scheme is http or https.

    Raises:
        UsageError: it is no such URL, or holds a user name or password.
    """
    try:
        parts = urlsplit(text.strip())
        scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
        origin = Origin(scheme, host, parts.port or PORTS.get(scheme, 0))
        secret = parts.username is not None or parts.password is not None
    except ValueError:
        raise UsageError(f"{what} cannot be read.", hint="Such as https://HOST.") from None
    if secret:
        raise UsageError(
            f"{what} holds a user name or password.",
            hint="Leave it out, and put the API key in WANDB_API_KEY.",
        )
    if scheme not in PORTS or not host:
        raise UsageError(f"{what} is not the address of a server.", hint="Such as https://HOST.")
    return parts, origin


def base_url(text: str, what: str = "The base URL") -> Origin:
    """The server that a base URL (as in WANDB_BASE_URL) names; `what` begins a sentence.

    Raises:
        UsageError: W&B's own SDK would refuse it, or it has a path.
    """
    parts, origin = parts_of(text, what)
    path = parts.path.rstrip("/")
    if origin.host in _FORGE_APPS:
        api = _FORGE_APPS[origin.host]
        if (origin.scheme, origin.port, path) == ("https", 443, _FORGE_API):
            return Origin("https", api, 443)
        raise UsageError(
            f"{what} names W&B's web app, not its API.", hint=f"Use https://{api} instead."
        )
    if path or parts.query or parts.fragment:
        raise UsageError(
            f"{what} has more than a host.",
            hint=f"Only a server of its own can be used: {origin.text}.",
        )
    return checked(origin, what)


def checked(origin: Origin, what: str) -> Origin:
    """The server itself, unless it is a host of W&B's cloud that must not be asked like this.

    Raises:
        UsageError: not encrypted, or not the host of the API.
    """
    if origin.host in _FORGE_APPS or (
        origin.host.endswith("wandb.ai") and "api" not in origin.host.split(".")
    ):
        api = _FORGE_APPS.get(origin.host) or _APPS.get(origin.host, "api.wandb.ai")
        raise UsageError(
            f"{what} names {origin.host}, which is not W&B's API.", hint=f"Use {api} instead."
        )
    if origin.scheme != "https" and (origin.host.endswith("wandb.ai") or official(origin.host)):
        raise UsageError(
            f"{what} is not encrypted: the API key could be read on the way.",
            hint=f"Use https://{origin.host} instead.",
        )
    return origin
