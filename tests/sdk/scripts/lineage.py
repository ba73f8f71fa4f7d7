"""Who made a version, who used it, where else it shows: `entity/project/collection:v3`."""

import json
import sys

import wandb

artifact = wandb.Api().artifact(sys.argv[1])
maker = artifact.logged_by()
said = {
    "logged_by": maker and maker.id,
    "used_by": sorted(run.id for run in artifact.used_by()),
    "linked": sorted(link.qualified_name for link in artifact.linked_artifacts),
}
print(json.dumps(said))  # noqa: T201 - the answer
