"""What a server does not tell, or says badly, is not known: never gone, never none."""

from __future__ import annotations

import pytest

from artifact_tui.clients.wandb import ids
from artifact_tui.errors import RegistryError
from artifact_tui.model import Deletion, Result
from tests.servers.wandb.scenes import Series, Version
from tests.servers.wandb.traps import Untold
from tests.unit.wandb.opened import HOME, fresh, opened
from tests.unit.wandb.standin import server

INSIDE = (
    ("Artifact.usedBy", "run not found"),
    ("Artifact.artifactSequence", "project not found"),
    ("Artifact.artifactSequence", "artifact collection not found"),
)
"""Fields that take their version with them, and what the server says of them."""

TROUBLE = (
    "dial tcp: lookup mysql.internal on 10.0.0.10:53: no such host",
    "could not resolve bucket",
    "Error 1146: Table wandb.artifacts doesn't exist",
    "artifact manifest not found",
    "failed to open the store of the artifact: bucket does not exist",
    "project not found",
    "could not find artifact type for the version",
)
"""What servers say of themselves, with words that sound like an absence."""

ABSENT = (
    "could not find artifact QXJ0aWZhY3Q6MQ==",
    "artifact not found",
    "Artifact with id Artifact:12 not found",
    "graphql: artifact QXJ0aWZhY3Q6MQ== does not exist.",
    "artifact collection doesn't exist",
    "invalid global ID",
)


def one(*untold: Untold, **traps: object) -> str:
    """A version on a server that does not tell this; gives its key."""
    stand_in = fresh(**traps)
    known = stand_in.seed(series=[Series(path=f"{HOME}/m", versions=[Version()])])
    stand_in.change(untold=untold)
    return ids.SourceKey(known[f"{HOME}/m:v0"]).key


@pytest.mark.parametrize("errors", ["status", "ok"])
@pytest.mark.parametrize(("field", "error"), INSIDE)
async def test_an_error_inside_a_version_does_not_say_that_it_is_gone(
    field: str, error: str, errors: str
) -> None:
    key = one(Untold(field=field, error=error), errors=errors)
    async with opened() as client:
        with pytest.raises(RegistryError, match=error):
            await client.facts([key])


@pytest.mark.parametrize("error", TROUBLE)
async def test_trouble_of_the_server_does_not_say_that_a_version_is_gone(error: str) -> None:
    key = one(Untold(field="Query.artifact", error=error))
    async with opened() as client:
        with pytest.raises(RegistryError, match="refused reading versions"):
            await client.facts([key])


@pytest.mark.parametrize("error", ABSENT)
async def test_a_version_of_which_the_server_says_so_is_gone(error: str) -> None:
    key = one(Untold(field="Query.artifact", error=error))
    async with opened() as client:
        assert await client.facts([key]) == {}


async def test_a_code_says_that_a_version_is_gone() -> None:
    key = one(Untold(field="Query.artifact", error="sorry", code="NOT_FOUND"))
    async with opened() as client:
        assert await client.facts([key]) == {}


async def test_an_error_after_a_deletion_is_no_answer() -> None:
    key = one(deleted="gone")
    async with opened() as client:
        (outcome,) = await client.delete([Deletion(key)])
        assert outcome.result is Result.DONE
        no_answer = Untold(field="Query.artifact", error="lookup mysql: no such host")
        server().change(untold=(no_answer,))
        with pytest.raises(RegistryError, match="no such host"):
            await client.facts([key])
        server().change(untold=())
        assert await client.facts([key]) == {}
