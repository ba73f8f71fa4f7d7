"""Versions of a collection without an alias: `entity project type name`."""

import sys

import wandb

entity, project, kind, name = sys.argv[1:5]
api = wandb.Api(overrides={"project": project, "entity": entity})
for version in api.artifact_versions(kind, name):  # type: ignore[no-untyped-call]
    if len(version.aliases) == 0:
        version.delete()
