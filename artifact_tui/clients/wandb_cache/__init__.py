"""What W&B leaves on the disk of this machine: `wandb-cache:[PATH]`."""

from artifact_tui.clients.wandb_cache.wandb_folders import KIND

__all__ = ["KIND"]
