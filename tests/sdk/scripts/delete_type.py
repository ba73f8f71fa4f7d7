"""Every version of a type, collection by collection, while paging: `entity/project type`."""

import sys

import wandb

path, kind = sys.argv[1:3]
api = wandb.Api()
for collection in api.artifact_collections(path, kind):
    for version in collection.artifacts():
        version.delete(delete_aliases=True)
