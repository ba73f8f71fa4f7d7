"""MLflow: tracking servers with their model registry, and stores on this machine.

`mlflow+http(s)://HOST[/PREFIX]`, and `mlflow:PATH` of a folder or an SQLite database.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.clients.base import Kind, Place
from artifact_tui.clients.disk import as_named
from artifact_tui.config import NO_SETTINGS
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import msgspec

    from artifact_tui.clients.base import Glance
    from artifact_tui.clients.mlflow.mlflow_client import MlflowClient

NAME = "mlflow"
_SCHEMES = {NAME, *(f"{NAME}+{one}" for one in ("http", "https", "file", "sqlite"))}


class MlflowKind(Kind):
    """The entry point; importing it does not import httpx."""

    name = NAME
    forms = "mlflow+https://HOST[/PREFIX], mlflow:PATH"
    about = """\
\b
artifact-tui registries add team mlflow+https://mlflow.example
artifact-tui registries add runs mlflow:./mlruns
artifact-tui registries add lab mlflow+https://mlflow.example/workspaces/vision

The address of an MLflow server is its tracking URI with mlflow+ in front; `mlflow:` alone is what
MLFLOW_TRACKING_URI names. Credentials and certificates are found as MLflow's own client finds them:
MLFLOW_TRACKING_TOKEN, MLFLOW_TRACKING_USERNAME and _PASSWORD, ~/.mlflow/credentials. For PATH, a
folder or an SQLite database, MLflow's own server is started for as long as it is needed: MLflow
must be installed.
"""

    def claims(self, address: str) -> bool:
        """Whether an address is of MLflow."""
        scheme, colon, _ = address.strip().partition(":")
        return bool(colon) and scheme.lower() in _SCHEMES

    def canonical(self, address: str) -> str:
        """The address with what the environment names spelled out; a path is whole."""
        from artifact_tui.clients.mlflow.mlflow_settings import MlflowAddress  # noqa: PLC0415 - lazy

        return MlflowAddress.parse(address).text

    def place(self, address: str) -> str:
        """The address itself: a server has one spelling, and of a path links are followed."""
        return self.canonical(address)

    def folders(self, address: str) -> Sequence[Path]:
        """The folder or the database of an address; of a server none."""
        from artifact_tui.clients.mlflow.mlflow_settings import path_in, tracking_uri  # noqa: PLC0415

        path = path_in(tracking_uri(address))
        return () if path is None else (path,)

    def places(self, environ: Mapping[str, str]) -> Iterable[Place]:
        """What MLflow's own client would use, and what it makes where nothing is said."""
        from artifact_tui.clients.mlflow.mlflow_local import DATABASE, FOLDER  # noqa: PLC0415
        from artifact_tui.clients.mlflow.mlflow_settings import URI_VARIABLE, named_place  # noqa: PLC0415

        with suppress(UsageError):
            if named := named_place(environ):
                yield Place(named, f"${URI_VARIABLE}")
        for why, path in (("of this folder", "."), ("usual place", "~")):
            for name in (DATABASE, FOLDER):
                with suppress(OSError):  # the working folder is gone
                    yield Place(f"{NAME}:{as_named(f'{path}/{name}')}", why, usual=True)

    def glance(self, address: str, settings: Mapping[str, object]) -> Glance | None:
        """The bytes of a store on this machine: its server, which tells the rest, starts slowly."""
        from artifact_tui.clients.mlflow.mlflow_local import glance, kept_at  # noqa: PLC0415 - lazy
        from artifact_tui.clients.mlflow.mlflow_settings import MlflowAddress, limits_of  # noqa: PLC0415

        store = MlflowAddress.parse(address).store
        if store is None:
            return None
        root = limits_of(settings).artifact_root
        return glance(store, root if isinstance(root, Path) else kept_at(store))

    def settings(self) -> type[msgspec.Struct]:
        """What the configuration may say about an MLflow server."""
        from artifact_tui.clients.mlflow.mlflow_settings import MlflowSettings  # noqa: PLC0415 - lazy

        return MlflowSettings

    def check(self, settings: Mapping[str, object]) -> None:
        """Refuse settings that are unknown or cannot be used; no secret is looked up."""
        from artifact_tui.clients.mlflow.mlflow_settings import limits_of  # noqa: PLC0415 - lazy

        limits_of(settings)

    def open(
        self,
        address: str,
        *,
        read_only: bool,
        actor: str = "",
        settings: Mapping[str, object] = NO_SETTINGS,
    ) -> MlflowClient:
        """Open a server or a store; nothing is sent or started yet.

        It records nobody, so `actor` goes nowhere.

        Raises:
            ConfigError: a setting that is unknown or cannot be used.
            NotFoundError: there is no store at a path.
            RegistryError: a store cannot be read.
            UsageError: the address cannot be used.
        """
        # httpx is slow to load.
        from artifact_tui.clients.mlflow.mlflow_client import MlflowClient  # noqa: PLC0415
        from artifact_tui.clients.mlflow.mlflow_local import check_store  # noqa: PLC0415
        from artifact_tui.clients.mlflow.mlflow_settings import (  # noqa: PLC0415
            MlflowAddress,
            options_of,
        )

        del actor
        place = MlflowAddress.parse(address)
        if place.store is not None:
            check_store(place.store)
        return MlflowClient(place, options_of(settings, place), read_only=read_only)


KIND = MlflowKind()
