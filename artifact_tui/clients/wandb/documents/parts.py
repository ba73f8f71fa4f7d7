"""What several documents ask about a version, a collection, or a page."""

from __future__ import annotations

PAGE = "pageInfo{hasNextPage endCursor}"

PLACE = "fragment Place on ArtifactCollection{__typename id name project{name entity{name}}}"
"""Where a collection is."""

_ALIASES = "aliases{alias artifactCollection{...Place}}"

_MEMBERSHIP = "node{versionIndex artifactCollection{...Place}}"

MEMBERSHIPS = (
    "<ArtifactCollectionMembershipConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<ArtifactCollectionMembershipEdge.cursor|cursor> {_MEMBERSHIP}}}"
)
"""A page of the collections that show a version."""

_MEMBERSHIPS = (
    "<Artifact.artifactMemberships|artifactMemberships"
    f"<Artifact.artifactMemberships(first)|(first:50)>{{{PAGE} edges{{{_MEMBERSHIP}}}}}>"
)
"""The first of them: where there are more, all are read anew."""

IDENTITY = (
    "id digest state versionIndex <Artifact.isGenerated|isGenerated>"
    f" artifactType{{name}} artifactSequence{{id}} {_ALIASES} {_MEMBERSHIPS}"
)
"""What decides about a version, its lineage left out."""

VERSION = (
    f"fragment Version on Artifact{{{IDENTITY}"
    " size fileCount createdAt"
    " <Artifact.storageBytes|storageBytes> <Artifact.usedCount|usedCount>"
    " <Artifact.description|description> <Artifact.tags|tags{name}>"
    " <Artifact.ttlDurationSeconds|ttlDurationSeconds> <Artifact.ttlIsInherited|ttlIsInherited>"
    " <Artifact.createdBy|createdBy{__typename ...on Run{name}"
    " ...on User{id <User.username|username>}}>}"
)
"""All that a list shows of a version."""

VERSIONS = (
    "<VersionedArtifactConnection.totalCount|totalCount>"
    f" {PAGE} edges{{<VersionedArtifactEdge.cursor|cursor> version node{{...Version}}}}"
)
"""A page of versions of a collection."""

ORDER = '<ArtifactCollection.artifacts(order)|,order:"+version_index">'
"""Oldest first, where the server can sort."""

COLLECTION = (
    "fragment Collection on ArtifactCollection{...Place createdAt"
    " <ArtifactCollection.state|state>"
    " <ArtifactCollection.defaultArtifactType|defaultArtifactType{name}>}"
)
"""All that a list shows of a collection."""
