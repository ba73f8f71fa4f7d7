"""Stores of tags and blobs on this machine: `ollama:[PATH]`, `oci:PATH`."""

from artifact_tui.clients.oci.oci_client import KIND, OLLAMA

__all__ = ["KIND", "OLLAMA"]
