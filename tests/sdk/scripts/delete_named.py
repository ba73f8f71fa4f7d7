"""Versions of a run whose name ends in one of these: `entity/project/run_id v3 v4`."""

import sys

import wandb

runs = wandb.Api().run(sys.argv[1])
for artifact_version in runs.logged_artifacts():
    if artifact_version.name[-2:] in sys.argv[2:]:
        artifact_version.delete(delete_aliases=True)
