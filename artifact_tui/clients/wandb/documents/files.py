"""The files of one version."""

from __future__ import annotations

from artifact_tui.clients.wandb.documents.parts import PAGE

FILES = (
    "artifact(id:$id){id files(first:$first,after:$after)"
    "{<FileConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<FileEdge.cursor|cursor> node{{id name <File.displayName|displayName>"
    " sizeBytes <File.digest|digest> <File.md5|md5>}}}}"
)
"""A page of them."""
