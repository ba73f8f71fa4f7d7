"""Projects, collections and versions."""

from __future__ import annotations

from artifact_tui.clients.wandb.documents.parts import (
    COLLECTION,
    MEMBERSHIPS,
    ORDER,
    PAGE,
    PLACE,
    VERSION,
    VERSIONS,
)

REGISTRIES = (
    "query($e:String!){entity(name:$e){id "
    "<Entity.organization|organization{name orgEntity{name}}>"
    " <Entity.user|user{id <User.organizations|organizations{name orgEntity{name}}>}>}}"
)
"""The organisations of an entity, and the entities that own their registries."""

PROJECTS = (
    "query($e:String!,$a:String,$n:Int!){models(entityName:$e,after:$a,first:$n)"
    f"{{{PAGE} edges{{node{{name entityName}}}}}}}}"
)
"""The projects of an entity."""

COLLECTIONS = (
    "query($e:String!,$p:String!,$a:String,$n:Int!,$k:Int!)"
    "{project(entityName:$e,name:$p){artifactCollections(after:$a,first:$n)"
    "{<ArtifactCollectionConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<ArtifactCollectionEdge.cursor|cursor> node{{...Collection"
    f" artifacts(first:$k{ORDER}){{{VERSIONS}}}}}}}}}}}}}"
    f" {COLLECTION} {PLACE} {VERSION}"
)
"""A page of a project's collections, each with its first versions."""

NAMES = (
    "query($e:String!,$p:String!,$a:String,$n:Int!)"
    "{project(entityName:$e,name:$p){artifactCollections(after:$a,first:$n)"
    "{<ArtifactCollectionConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<ArtifactCollectionEdge.cursor|cursor> node{{...Collection}}}}}}}}}}"
    f" {COLLECTION} {PLACE}"
)
"""A page of a project's collections alone."""

HOMES = (
    "query($e:String!,$a:String,$n:Int!){entity(name:$e){projects(after:$a,first:$n)"
    f"{{{PAGE} edges{{node{{name}}}}}}}}}}"
)
"""The projects of the entity of an organisation: its registries."""

VERSIONS_OF = (
    f"artifactCollection(id:$id){{id artifacts(first:$first,after:$after{ORDER}){{{VERSIONS}}}}}"
)
"""A page of the versions of one collection."""

MEMBERSHIPS_OF = (
    f"artifact(id:$id){{id artifactMemberships(first:$first,after:$after){{{MEMBERSHIPS}}}}}"
)
"""A page of the collections that show one version."""

VERSION_PARTS = f"{PLACE} {VERSION}"
"""The fragments of `VERSIONS_OF`."""

MEMBERSHIP_PARTS = PLACE
"""The fragments of `MEMBERSHIPS_OF`."""
