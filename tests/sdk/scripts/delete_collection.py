"""A collection: `entity project type name`."""

import sys

import wandb

entity, project, kind, name = sys.argv[1:5]
api = wandb.Api(overrides={"project": project, "entity": entity})
collection = api.artifact_collection(kind, f"{entity}/{project}/{name}")
collection.delete()
