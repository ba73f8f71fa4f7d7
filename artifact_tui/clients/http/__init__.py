"""REST registries of the "Trustworthy Model Registry" family: `http://HOST/api`, `https://…`.

Servers of this family differ in almost everything, and the reference server answers "deleted" for
deletions that it loses and "not found" while its storage fails. This client is tolerant in what it
accepts and believes no single answer; `facts` (see `truth`) is where it makes up its mind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.settings import NONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.clients.http.client import HttpClient
    from artifact_tui.clients.http.options import Options

NAME = "http"


class HttpKind:
    """The entry point; importing it does not import httpx."""

    @property
    def name(self) -> str:
        """The entry-point name."""
        return NAME

    @property
    def fallback(self) -> bool:
        """Other kinds choose first: some of them know whose a host is."""
        return True

    def claims(self, address: str) -> bool:
        """Whether an address is that of a web server."""
        return address.partition("://")[0].lower() in {"http", "https"} and "://" in address

    def check(self, settings: Mapping[str, object]) -> None:
        """Refuse settings that a REST registry does not know, or values that it cannot use."""
        from artifact_tui.clients.http.settings import check_values  # noqa: PLC0415 - lazy

        check_values(settings)

    def open(
        self,
        address: str,
        *,
        read_only: bool,
        actor: str = "",
        settings: Mapping[str, object] = NONE,
    ) -> HttpClient:
        """Open a registry as configured; without settings, with a token from the environment.

        Nothing is sent yet: whether it can be reached, the first request shows. Such a registry
        records nobody, so `actor` goes nowhere.

        Raises:
            ConfigError: a setting that is unknown or cannot be used.
            UsageError: the address, or the token, cannot be used.
        """
        from artifact_tui.clients.http.settings import options_of  # noqa: PLC0415 - lazy

        del actor
        options = options_of(settings, address)
        return connect(address, options=options, read_only=read_only)


KIND = HttpKind()


def connect(address: str, *, options: Options | None = None, read_only: bool = False) -> HttpClient:
    """Open a registry with options of its own.

    Raises:
        UsageError: the address, or the token, cannot be used.
    """
    from artifact_tui.clients.http.client import HttpClient  # noqa: PLC0415 - httpx is slow to load
    from artifact_tui.clients.http.options import Address  # noqa: PLC0415 - same

    return HttpClient(Address.parse(address), options, read_only=read_only)
