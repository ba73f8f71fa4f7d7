"""All that a run logged: `entity/project/run_id [with_aliases]`."""

import sys

import wandb

run = wandb.Api().run(sys.argv[1])
for artifact in run.logged_artifacts():
    artifact.delete(delete_aliases="with_aliases" in sys.argv)
