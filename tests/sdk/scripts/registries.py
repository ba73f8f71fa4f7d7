"""The registries of an organisation, one line of JSON a linked version: `organization`."""

import json
import sys

import wandb

api = wandb.Api()
for registry in api.registries(organization=sys.argv[1]):
    for collection in registry.collections():
        for version in collection.artifacts():
            line = {
                "registry": registry.name,
                "collection": collection.name,
                "version": version.version,
                "aliases": version.aliases,
                "source": version.source_qualified_name,
            }
            print(json.dumps(line))  # noqa: T201 - the answer
print(json.dumps([v.qualified_name for v in api.registries(sys.argv[1]).versions()]))  # noqa: T201
