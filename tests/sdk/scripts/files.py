"""The files of a version, as JSON: `entity/project/collection:v3`."""

import json
import sys

import wandb

files = wandb.Api().artifact(sys.argv[1]).files(per_page=2)
print(json.dumps({file.name: file.size for file in files}))  # noqa: T201 - the answer
