"""Who used a version and what was made of it; what a version was made from."""

from __future__ import annotations

from artifact_tui.clients.wandb.documents.parts import IDENTITY, PAGE, PLACE

_RELATIVE = (
    "fragment Relative on Artifact{id state versionIndex <Artifact.isGenerated|isGenerated>"
    " artifactType{name} artifactSequence{id name project{name entity{name}}}}"
)

_ARTIFACTS = (
    "<ArtifactConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<ArtifactEdge.cursor|cursor> node{{...Relative}}}}"
)
_INPUTS = (
    "<InputArtifactConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<InputArtifactEdge.cursor|cursor> node{{...Relative}}}}"
)
_RUNS = (
    "<RunConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<RunEdge.cursor|cursor> node{{...Maker}}}}"
)

_MAKER = (
    "fragment Maker on Run{id name project{name entity{name}}"
    f" outputArtifacts(first:20){{{_ARTIFACTS}}}}}"
)

_USERS = f"<Artifact.usedCount|usedCount> <Artifact.usedBy|usedBy(first:20){{{_RUNS}}}>"

FACTS = (
    f"artifact(id:$id){{{IDENTITY}"
    f" artifactSequence{{name project{{name entity{{name}}}}}} {_USERS}}}"
)
"""What decides about one version."""

_USERS_PARTS = f"<Artifact.usedBy|{_RELATIVE} {_MAKER}>"

FACTS_PARTS = f"{PLACE} {_USERS_PARTS}"

USERS = f"artifact(id:$id){{id state {_USERS}}}"
"""The runs that used one version, with what they made."""

USERS_PARTS = _USERS_PARTS

FAMILY = (
    f"artifact(id:$id){{id state {_USERS}"
    " createdBy{__typename ...on Run{id name project{name entity{name}}"
    f" inputArtifacts(first:50){{{_INPUTS}}}}}}}}}"
)
"""The same, and what the run that made it had used."""

FAMILY_PARTS = f"{_RELATIVE} <Artifact.usedBy|{_MAKER}>"

RUNS_OF = f"artifact(id:$id){{id usedBy(first:$first,after:$after){{{_RUNS}}}}}"
"""A page of the runs that used one version."""

RUNS_PARTS = f"{_RELATIVE} {_MAKER}"

_RUN = "project(entityName:$e,name:$p){run(name:$r)"

OUTPUTS_OF = f"{_RUN}{{outputArtifacts(first:$first,after:$after){{{_ARTIFACTS}}}}}}}"
"""A page of what one run made."""

INPUTS_OF = f"{_RUN}{{inputArtifacts(first:$first,after:$after){{{_INPUTS}}}}}}}"
"""A page of what one run used."""

RELATIVE_PARTS = _RELATIVE
