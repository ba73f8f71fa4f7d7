"""A client of W&B with options of its own, such as the key of a stand-in."""

from __future__ import annotations

from artifact_tui.clients.wandb.wandb_address import WandbAddress
from artifact_tui.clients.wandb.wandb_client import WandbClient
from artifact_tui.clients.wandb.wandb_settings import WandbOptions


def connect(
    address: str, *, options: WandbOptions | None = None, read_only: bool = False
) -> WandbClient:
    return WandbClient(WandbAddress.parse(address), options or WandbOptions(), read_only=read_only)
