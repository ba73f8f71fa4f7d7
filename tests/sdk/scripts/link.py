"""Show a version in another collection: `entity/project/collection:v3 target_path [alias]…`."""

import sys

import wandb

wandb.Api().artifact(sys.argv[1]).link(sys.argv[2], aliases=sys.argv[3:])
