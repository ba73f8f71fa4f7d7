"""What the entry point `local` provides: addresses such as `local:PATH`, and `local:` alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui import places
from artifact_tui.clients.local.client import LocalClient
from artifact_tui.clients.local.layout import Layout
from artifact_tui.clients.local.opened import now_us
from artifact_tui.clients.local.store import Store
from artifact_tui.settings import NONE, refuse_unknown

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

SCHEME = "local:"

_IGNORED = ("token", "password")
"""A folder needs none; a file that has them for a registry that moved is no mistake."""


def create(
    path: str | os.PathLike[str], *, actor: str = "", clock: Callable[[], int] = now_us
) -> LocalClient:
    """Open the registry in a folder for writing; it is made when it is not there.

    Raises:
        UsageError: the folder holds other files.
        RegistryError: it cannot be made or used.
    """
    Store.create(path, clock=clock).close()
    return open_registry(path, actor=actor, clock=clock)


def open_registry(
    path: str | os.PathLike[str],
    *,
    read_only: bool = False,
    actor: str = "",
    clock: Callable[[], int] = now_us,
) -> LocalClient:
    """Open the registry in a folder; nothing is made or changed.

    Raises:
        NotFoundError: there is none.
        RegistryError: it cannot be used.
    """
    return LocalClient(Store(Layout.at(path), read_only=read_only, actor=actor, clock=clock))


class LocalKind:
    """Opens embedded registries."""

    name = "local"

    def claims(self, address: str) -> bool:
        """Whether an address is of this kind."""
        return address.startswith(SCHEME)

    def check(self, settings: Mapping[str, object]) -> None:
        """This kind has no settings."""
        refuse_unknown(settings, _IGNORED)

    def open(
        self,
        address: str,
        *,
        read_only: bool,
        actor: str = "",
        settings: Mapping[str, object] = NONE,
    ) -> LocalClient:
        """Open `local:PATH`; `local:` alone is the user's own registry, made when it is missing.

        Raises:
            ConfigError: there are settings: this kind has none.
            NotFoundError: there is no registry at this path.
            RegistryError: it is there but cannot be used; nothing was changed.
        """
        self.check(settings)
        path = address.removeprefix(SCHEME)
        if path:
            return open_registry(Path(path), read_only=read_only, actor=actor)
        own = places.embedded_registry()
        if read_only:
            return open_registry(own, read_only=True, actor=actor)
        return create(own, actor=actor)


KIND = LocalKind()
