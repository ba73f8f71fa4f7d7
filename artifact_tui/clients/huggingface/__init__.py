"""The cache of the Hugging Face Hub on this machine: `hf:[PATH]`."""

from artifact_tui.clients.huggingface.hf_client import KIND

__all__ = ["KIND"]
