"""REST registries of the "Trustworthy Model Registry" family: `http://HOST/api`, `https://…`.

Servers of this family differ in almost everything, and the reference server answers "deleted" for
deletions that it loses and "not found" while its storage fails. This client is tolerant in what it
accepts and believes no single answer; `facts` (see `rest_deleting`) is where it makes up its mind.
In the configuration the kind is called `http`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.base import Kind
from artifact_tui.config import NO_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

    from artifact_tui.clients.rest.rest_client import RestClient
    from artifact_tui.clients.rest.rest_settings import RestOptions


NAME = "http"


class RestKind(Kind):
    """The entry point; importing it does not import httpx."""

    name = NAME
    forms = "https://HOST/api"
    about = """\
\b
artifact-tui registries add zoo https://zoo.example/api --token-env ZOO_TOKEN
artifact-tui registries add prod https://prod.example/api --production --bucket prod-bytes
"""
    fallback = True  # other kinds choose first: some of them know whose a host is

    def claims(self, address: str) -> bool:
        """Whether an address is that of a web server."""
        return address.partition("://")[0].lower() in {"http", "https"} and "://" in address

    def settings(self) -> type[msgspec.Struct]:
        """What the configuration may say about a REST registry."""
        from artifact_tui.clients.rest.rest_settings import RestSettings  # noqa: PLC0415 - lazy

        return RestSettings

    def check(self, settings: Mapping[str, object]) -> None:
        """Refuse settings that a REST registry does not know, or values that it cannot use."""
        from artifact_tui.clients.rest.rest_settings import check_values  # noqa: PLC0415 - lazy

        check_values(settings)

    def open(
        self,
        address: str,
        *,
        read_only: bool,
        actor: str = "",
        settings: Mapping[str, object] = NO_SETTINGS,
    ) -> RestClient:
        """Open a registry as configured; without settings, with a token from the environment.

        Nothing is sent yet: whether it can be reached, the first request shows. Such a registry
        records nobody, so `actor` goes nowhere.

        Raises:
            ConfigError: a setting that is unknown or cannot be used.
            UsageError: the address, or the token, cannot be used.
        """
        from artifact_tui.clients.rest.rest_settings import options_of  # noqa: PLC0415 - lazy

        del actor
        options = options_of(settings, address)
        return connect(address, options=options, read_only=read_only)


KIND = RestKind()


def connect(
    address: str, *, options: RestOptions | None = None, read_only: bool = False
) -> RestClient:
    """Open a registry with options of its own.

    Raises:
        UsageError: the address, or the token, cannot be used.
    """
    # httpx is slow to load.
    from artifact_tui.clients.rest.rest_client import RestClient  # noqa: PLC0415
    from artifact_tui.clients.rest.rest_settings import RestAddress  # noqa: PLC0415

    return RestClient(RestAddress.parse(address), options, read_only=read_only)
