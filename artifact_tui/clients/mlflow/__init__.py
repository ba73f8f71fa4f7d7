"""MLflow tracking servers and their model registry: `mlflow+http(s)://HOST[/PREFIX]`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from artifact_tui.clients.base import Kind, Place
from artifact_tui.config import NO_SETTINGS
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import msgspec

    from artifact_tui.clients.mlflow.mlflow_client import MlflowClient

NAME = "mlflow"


class MlflowKind(Kind):
    """The entry point; importing it does not import httpx."""

    name = NAME
    forms = "mlflow+https://HOST[/PREFIX]"
    about = """\
\b
artifact-tui registries add team mlflow+https://mlflow.example

The address of an MLflow server is its tracking URI with mlflow+ in front; `mlflow:` alone is the
server that MLFLOW_TRACKING_URI names. Credentials are found as MLflow's own client finds them:
MLFLOW_TRACKING_TOKEN, MLFLOW_TRACKING_USERNAME and _PASSWORD, ~/.mlflow/credentials.
"""

    def claims(self, address: str) -> bool:
        """Whether an address is of an MLflow server."""
        scheme, colon, _ = address.strip().partition(":")
        return bool(colon) and scheme.lower() in {NAME, f"{NAME}+http", f"{NAME}+https"}

    def canonical(self, address: str) -> str:
        """The address with the server that the environment names spelled out."""
        from artifact_tui.clients.mlflow.mlflow_settings import MlflowAddress  # noqa: PLC0415 - lazy

        return MlflowAddress.parse(address).text

    def place(self, address: str) -> str:
        """The address itself: each server has one spelling."""
        return self.canonical(address)

    def places(self, environ: Mapping[str, str]) -> Iterable[Place]:
        """The server that MLflow's own client would use; a folder or a database is none."""
        uri = environ.get("MLFLOW_TRACKING_URI", "").strip()
        if not uri:
            return
        from artifact_tui.clients.mlflow.mlflow_settings import MlflowAddress  # noqa: PLC0415 - lazy

        with suppress(UsageError):
            yield Place(MlflowAddress.parse(f"{NAME}+{uri}").text, "$MLFLOW_TRACKING_URI")

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
        """Open a server; nothing is sent yet. It records nobody, so `actor` goes nowhere.

        Raises:
            ConfigError: a setting that is unknown or cannot be used.
            UsageError: the address cannot be used.
        """
        # httpx is slow to load.
        from artifact_tui.clients.mlflow.mlflow_client import MlflowClient  # noqa: PLC0415
        from artifact_tui.clients.mlflow.mlflow_settings import (  # noqa: PLC0415
            MlflowAddress,
            options_of,
        )

        del actor
        place = MlflowAddress.parse(address)
        return MlflowClient(place, options_of(settings, place), read_only=read_only)


KIND = MlflowKind()
