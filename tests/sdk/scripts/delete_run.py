"""A run with what it logged: `entity/project/run_id`."""

import sys

import wandb

wandb.Api().run(sys.argv[1]).delete(delete_artifacts=True)
