"""What is asked to try a server out: who it is, who we are, and whether what we want is there."""

from __future__ import annotations

WHO = (
    "query{viewer{username <User.entity|entity>}"
    " <Query.serverInfo|serverInfo{__typename <ServerInfo.features|features{name isEnabled}>"
    " <ServerInfo.latestLocalVersionInfo|latestLocalVersionInfo{outOfDate latestVersionString"
    " versionOnThisInstanceString}>}>}"
)
"""Never `apiKeys`: servers gate them, and nobody needs them here."""

_ENTITY = (
    "name <Entity.readOnly|readOnly> <Entity.storageBytes|storageBytes>"
    " <Entity.artifactTTLDurationSeconds|artifactTTLDurationSeconds>"
)

ENTITY = f"query($e:String){{entity(name:$e){{{_ENTITY}}}}}"

PROJECT = (
    "query($e:String,$p:String){project(entityName:$e,name:$p)"
    f"{{name <Project.readOnly|readOnly>}} entity(name:$e){{{_ENTITY}}}}}"
)
