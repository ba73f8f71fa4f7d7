"""Versions by name, with their aliases: `entity/project/collection:v3 …`."""

import sys

import wandb

api = wandb.Api()
for name in sys.argv[1:]:
    api.artifact(name).delete(delete_aliases=True)
