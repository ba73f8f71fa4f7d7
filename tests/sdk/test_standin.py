"""The switches of the stand-in do what they say: other tests rely on them."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.wandb.scenes import Link, Name, Scene, Series, Team, Version
from tests.servers.wandb.store import FIRST_US
from tests.servers.wandb.traps import Fault, Quota, Traps

if TYPE_CHECKING:
    from tests.servers.wandb.process import Answer, Server

MNIST = "acme/vision/mnist"
LIST = (
    'query($a:String,$n:Int){project(entityName:"acme",name:"vision"){'
    'artifactCollection(name:"mnist"){artifacts(first:$n,after:$a,order:"+version_index"){'
    "totalCount pageInfo{hasNextPage endCursor} edges{version node{id state}}}}}}"
)
BASE = Version()


def seed(server: Server, *versions: Version) -> dict[str, str]:
    return server.seed(series=[Series(path=MNIST, versions=list(versions) or [BASE] * 4)])


def delete(server: Server, *gids: str) -> Answer:
    """Several deletions in one document."""
    names = ",".join(f"$d{n}:DeleteArtifactInput!" for n in range(len(gids)))
    parts = " ".join(
        f"d{n}:deleteArtifact(input:$d{n}){{artifact{{id state}}}}" for n in range(len(gids))
    )
    values: dict[str, Any] = {f"d{n}": {"artifactID": gid} for n, gid in enumerate(gids)}
    return server.ask(f"mutation Batch({names}){{{parts}}}", **values)


def page(server: Server, after: str | None = None, many: int | None = 2) -> dict[str, Any]:
    answer = server.ask(LIST, a=after, n=many)
    found: dict[str, Any] = answer.body["data"]["project"]["artifactCollection"]["artifacts"]
    return found


def labels(found: dict[str, Any]) -> list[str]:
    return [edge["version"] for edge in found["edges"]]


@pytest.mark.parametrize(("cursors", "second"), [("offset", ["v4"]), ("keyset", ["v2", "v3"])])
def test_cursors_shift_or_stay(server: Server, cursors: str, second: list[str]) -> None:
    server.become(cursors=cursors, deleted="gone")
    ids = seed(server, *[BASE] * 5)
    first = page(server)
    assert labels(first) == ["v0", "v1"]

    delete(server, ids[f"{MNIST}:v0"], ids[f"{MNIST}:v1"])

    assert labels(page(server, first["pageInfo"]["endCursor"])) == second


@pytest.mark.parametrize(
    ("deleted", "listed", "by_id"),
    [("listed", 1, "DELETED"), ("found", 0, "DELETED"), ("gone", 0, None)],
)
def test_where_deleted_versions_still_show(
    server: Server, deleted: str, listed: int, by_id: str | None
) -> None:
    server.become(deleted=deleted)
    gid = seed(server, BASE)[f"{MNIST}:v0"]
    delete(server, gid)

    found = server.ask("query($i:ID!){artifact(id:$i){state}}", i=gid).body["data"]["artifact"]

    assert page(server)["totalCount"] == listed
    assert (found and found["state"]) == by_id


def test_a_page_is_cut_without_a_word(server: Server) -> None:
    server.become(page_cap=3)
    seed(server)
    assert labels(page(server, many=100)) == ["v0", "v1", "v2"]


@pytest.mark.parametrize(("errors", "status"), [("status", 409), ("ok", 200)])
def test_part_of_a_document_fails(server: Server, errors: str, status: int) -> None:
    server.become(errors=errors)
    ids = seed(server, BASE, Version(aliases=["latest"]), BASE)

    answer = delete(server, *(ids[f"{MNIST}:v{n}"] for n in range(3)))

    assert answer.status == status
    assert answer.body["data"]["d1"] is None
    assert answer.body["errors"][0]["path"] == ["d1"]
    assert server.alive() == {f"{MNIST}:v1"}
    line = server.log()[-1]
    assert (line.operation, line.kind, line.mutations) == ("Batch", "mutation", 3)


def test_with_non_null_fields_one_failure_hides_the_rest(server: Server) -> None:
    server.become(non_null=True)
    ids = seed(server, BASE, Version(aliases=["latest"]), BASE)

    answer = delete(server, *(ids[f"{MNIST}:v{n}"] for n in range(3)))

    assert answer.body["data"] is None
    assert server.alive() == {f"{MNIST}:v1", f"{MNIST}:v2"}, "those after it are not tried"


def test_too_many_mutations_are_refused_undone(server: Server) -> None:
    server.become(batch=2)
    ids = seed(server)
    gids = [ids[f"{MNIST}:v{n}"] for n in range(3)]

    assert delete(server, *gids).status == 400
    assert len(server.alive()) == 4
    assert delete(server, *gids[:2]).status == 200


def test_an_older_server_lacks_fields_and_arguments(server: Server) -> None:
    lacking = ("ArtifactCollection.artifacts(order)", "Artifact.storageBytes")
    server.become(drop_fields=lacking)
    seed(server)

    order = server.ask(LIST)
    field = server.ask('{artifact(id:"x"){storageBytes}}')

    assert order.status == field.status == 400
    assert order.errors == [
        'Unknown argument "order" on field "artifacts" of type "ArtifactCollection".'
    ]
    assert field.errors[0].startswith('Cannot query field "storageBytes" on type "Artifact".')


def test_a_quota_says_what_is_left(server: Server) -> None:
    server.become(quota=Quota(most=2, window_s=60, retry_after=True))
    seed(server)

    answers = [server.ask(LIST) for _ in range(3)]

    assert [one.status for one in answers] == [200, 200, 429]
    assert [one.headers["ratelimit-remaining"] for one in answers] == ["500", "0", "0"]
    assert 50 < int(answers[2].headers["ratelimit-reset"]) <= 60
    assert answers[2].headers["retry-after"] == answers[2].headers["ratelimit-reset"]
    assert "retry-after" not in answers[0].headers


def test_a_window_ends(server: Server) -> None:
    server.become(quota=Quota(most=1, window_s=0.05))
    seed(server)
    statuses = {server.ask(LIST).status for _ in range(200)}
    assert statuses == {200, 429}


def test_a_quota_may_count_mutations(server: Server) -> None:
    server.become(quota=Quota(most=3, window_s=60, counts="mutations"))
    ids = seed(server)
    gids = [ids[f"{MNIST}:v{n}"] for n in range(4)]
    assert [delete(server, *gids[:2]).status, delete(server, *gids[2:]).status] == [200, 429]


@pytest.mark.parametrize(("kind", "left"), [("rst_before", 4), ("rst_after", 0), ("half_rst", 2)])
def test_a_lost_answer_says_nothing_about_what_was_done(
    server: Server, kind: str, left: int
) -> None:
    server.become(Fault(kind=kind, fields=("deleteArtifact",), first=1))
    ids = seed(server)

    with pytest.raises((ConnectionError, http.client.HTTPException)):
        delete(server, *(ids[f"{MNIST}:v{n}"] for n in range(4)))

    assert len(server.alive()) == left
    assert server.log()[-1].fault == kind
    assert server.log()[-1].status == 0


@pytest.mark.parametrize(
    ("kind", "status", "left"),
    [("500", 500, 2), ("500_after", 500, 0), ("half_500", 500, 1), ("null_data", 200, 0)],
)
def test_answers_that_do_not_fit_what_was_done(
    server: Server, kind: str, status: int, left: int
) -> None:
    server.become(Fault(kind=kind))
    ids = seed(server, BASE, BASE)

    answer = delete(server, ids[f"{MNIST}:v0"], ids[f"{MNIST}:v1"])

    assert answer.status == status
    assert len(server.alive()) == left


def test_somebody_else_is_quicker(server: Server) -> None:
    meanwhile = Scene(names=[Name(at=f"{MNIST}:v0", alias="best")])
    server.become(Fault(kind="", fields=("deleteArtifact",), first=1, meanwhile=meanwhile))
    gid = seed(server, BASE)[f"{MNIST}:v0"]
    assert delete(server, gid).errors[0].endswith("it has aliases: best")
    server.add(names=[Name(at=f"{MNIST}:v0", alias="best", off=True)])
    assert delete(server, gid).status == 200


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ("graphql", {"errors": [{"message": "user is not logged in"}], "data": None}),
        ("text", {"error": "user is not logged in"}),
        ("object", {"error": {"message": "user is not logged in"}}),
        ("strings", {"errors": ["user is not logged in"]}),
    ],
)
def test_errors_have_many_shapes(server: Server, shape: str, body: object) -> None:
    server.become(error_shape=shape, api_key="another")
    server.traps = Traps()
    assert server.ask("{viewer{entity}}").body == body


@pytest.mark.parametrize(("counted", "status"), [("own", 200), ("anywhere", 409)])
def test_which_aliases_refuse(server: Server, counted: str, status: int) -> None:
    server.become(aliases_count=counted)
    gid = seed(server, BASE)[f"{MNIST}:v0"]
    link = Link(portfolio="acme/vision/chosen", version=f"{MNIST}:v0", aliases=["live"])
    server.add(links=[link])
    assert delete(server, gid).status == status


def test_memberships_are_cut(server: Server) -> None:
    server.become(memberships=2)
    gid = seed(server, BASE)[f"{MNIST}:v0"]
    shelves = [Link(portfolio=f"acme/vision/s{n}", version=f"{MNIST}:v0") for n in range(3)]
    server.add(links=shelves)
    document = "query($i:ID!){artifact(id:$i){artifactMemberships{totalCount edges{cursor}}}}"
    found = server.ask(document, i=gid).body["data"]["artifact"]["artifactMemberships"]
    assert (found["totalCount"], len(found["edges"])) == (4, 2)


def test_what_has_outlived_its_time_goes(server: Server) -> None:
    now = FIRST_US + 100_000_000
    ttls = [(-1, 0), (99, 0), (101, 0), (-2, 0), (1, 100_000_000)]
    made = [Version(ttl=ttl, created_us=FIRST_US + late) for ttl, late in ttls]
    seed(server, *made)
    assert server.expire(now) == {f"{MNIST}:v1"}
    server.add(teams=[Team(name="acme", ttl=100)])
    assert server.expire(now) == {f"{MNIST}:v0"}, "what the team says is inherited"
    assert server.alive() == {f"{MNIST}:v{n}" for n in (2, 3, 4)}


def test_only_the_right_key_gets_in(server: Server) -> None:
    assert server.ask("{viewer{entity}}").status == 200
    server.become(api_key="another")
    server.traps = Traps()
    assert server.ask("{viewer{entity}}").status == 401


def test_an_identity_token_becomes_an_access_token(server: Server) -> None:
    server.become(identity_token="a.b.c", token_requests=1)  # noqa: S106 - nobody's
    grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c"
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    form = {"content-type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/oidc/token", grant, form)
    token = json.loads(connection.getresponse().read())["access_token"]
    statuses = []
    for _ in range(2):
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        connection.request("POST", "/graphql", '{"query":"{viewer{entity}}"}', headers)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    assert statuses == [200, 401]
