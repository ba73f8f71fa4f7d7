"""One version, changed and saved: `entity/project/collection:v3 JSON`.

The JSON may hold `aliases`, `tags` (the whole new lists) and `ttl_s` (a number, "off", "inherit").
"""

import json
import sys
from datetime import timedelta

import wandb

artifact = wandb.Api().artifact(sys.argv[1])
changes = json.loads(sys.argv[2])
if "aliases" in changes:
    artifact.aliases = changes["aliases"]
if "tags" in changes:
    artifact.tags = changes["tags"]
if "ttl_s" in changes:
    said = changes["ttl_s"]
    words = {"off": None, "inherit": wandb.ArtifactTTL.INHERIT}
    artifact.ttl = words[said] if said in words else timedelta(seconds=said)
artifact.save()
