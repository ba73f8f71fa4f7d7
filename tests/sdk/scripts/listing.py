"""Everything of a project, one line of JSON a version: `entity/project`."""

import json
import sys

import wandb

api = wandb.Api()
for kind in api.artifact_types(sys.argv[1]):
    for collection in kind.collections():
        for version in collection.artifacts():
            line = {
                "type": kind.name,
                "collection": collection.name,
                "is_sequence": collection.is_sequence(),
                "version": version.version,
                "aliases": version.aliases,
                "tags": version.tags,
                "size": version.size,
                "state": version.state,
                "ttl_s": version.ttl and int(version.ttl.total_seconds()),
                "file_count": version.file_count,
                "is_link": version.is_link,
                "source": version.source_qualified_name,
            }
            print(json.dumps(line))  # noqa: T201 - the answer
