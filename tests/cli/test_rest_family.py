"""Servers of the REST family as they were met, from the command line: listed, planned, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.config import config_dir
from tests.servers.rest.process import fresh
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli
    from tests.servers.rest.process import Server


@pytest.fixture
def process() -> Server:
    return fresh()


@pytest.fixture
def server(process: Server) -> Server:
    """An empty registry, configured as `zoo`."""
    process.seed([])
    process.clear()
    (config_dir() / "config.toml").write_text(
        f'[registries.zoo]\naddress = "{process.address}"\n', encoding="utf-8"
    )
    return process


FAMILY: dict[str, dict[str, Any]] = {
    "all rows, and an offset below": {
        "page_size": 1000, "offset_header": "below", "offset_from": "nowhere", "health": "missing",
    },
    "413 unless a type is named": {"too_many": 100, "too_many_typed": 100},
    "413 unless searched for": {"too_many": 20, "too_many_typed": 20},
    "offset told and read in X-Offset": {
        "page_size": 30, "offset_header": "x-offset", "offset_from": "x-header",
    },
    "one page comes twice": {"page_size": 30, "repeats": 1, "health": "missing"},
}  # fmt: skip


@pytest.mark.parametrize("dialect", FAMILY)
def test_every_server_lists_all_and_deletes_what_was_planned(
    cli: Cli, server: Server, tmp_path: Path, dialect: str
) -> None:
    kinds = ("model", "dataset", "code")
    server.seed([Entry(str(n), f"acme/n{n % 5}", kinds[n % 3]) for n in range(1, 121)])
    server.become(**FAMILY[dialect])
    ran = cli("ls", "zoo", "--versions", "--json")
    assert len({record["key"] for record in ran.records}) == 120
    assert "incomplete" not in ran.err
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "name:acme/n1", "--unknown-lineage", "-o", plan)
    ran = cli("apply", plan, "--yes", "--expect", "24")
    assert "24 deleted, verified gone" in ran.out
    assert {entry.name for entry in server.entries()} == {f"acme/n{n}" for n in (0, 2, 3, 4)}


def test_a_search_that_gives_only_the_first_is_not_taken_for_everything(
    cli: Cli, server: Server, tmp_path: Path
) -> None:
    """A deletion that was not done is seen, though no listing shows the artifact any more."""
    server.seed([Entry(str(n), f"acme/d{n}", "dataset") for n in range(1, 121)])
    assert len(cli("ls", "zoo", "--versions", "--json").records) == 120
    server.become(too_many=20, too_many_typed=20, search="capped", health="missing")
    ran = cli("ls", "zoo", "--versions", "--json")
    assert len(ran.records) == 120, "what is not listed is not gone"
    assert "Its search gives no more than 40 at once." in ran.err
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "name:acme/d11*", "--unknown-lineage", "-o", plan)
    server.become(Fault("404", methods=("DELETE",), path="/119"), too_many=20,
                  too_many_typed=20, search="capped", health="missing")  # fmt: skip
    ran = cli("apply", plan, "--yes", "--expect", "11", code=1)
    assert "1 failed: answered not there, but it is" in ran.out
    assert "119" in server.ids()
    assert len(server.ids()) == 110


@pytest.mark.parametrize("search", ["413", "missing"])
def test_what_a_server_will_not_list_is_said_and_not_taken_as_gone(
    cli: Cli, server: Server, tmp_path: Path, search: str
) -> None:
    server.seed(
        [Entry(str(n), f"acme/d{n % 3}", "dataset") for n in range(1, 41)]
        + [Entry(str(n), f"acme/m{n % 3}", "model") for n in range(41, 51)]
    )
    assert len(cli("ls", "zoo", "--versions", "--json").records) == 50
    server.become(too_many=20, too_many_typed=20, search=search)
    ran = cli("ls", "zoo", "--versions", "--json")
    assert len(ran.records) == 50, "what is not listed is not gone"
    assert "does not list all artifacts of the type dataset" in ran.err
    assert "too many artifacts" in ran.err
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "name:acme/*1", "--unknown-lineage", "-o", plan)
    going = sum(entry.name.endswith("1") for entry in server.entries())
    cli("apply", plan, "--yes", "--expect", str(going))
    assert not [entry for entry in server.entries() if entry.name.endswith("1")]
    assert len(server.entries()) == 50 - going


def test_a_server_that_lists_nothing_in_any_way_says_why(cli: Cli, server: Server) -> None:
    server.fill(30)
    server.become(too_many=20, too_many_typed=20, search="413")
    ran = cli("ls", "zoo", code=1)
    assert "too many artifacts" in ran.err


THROTTLES: dict[str, dict[str, Any]] = {
    "403 with Retry-After": {"quota_status": 403, "retry_after": "1"},
    "403 with a spent quota": {
        "quota_status": 403,
        "quota_headers": {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"},
    },
    "409 with Retry-After": {"quota_status": 409, "retry_after": "1"},
    "503 with a spent quota": {
        "quota_status": 503,
        "quota_headers": {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1"},
    },
}


@pytest.mark.parametrize("throttle", THROTTLES)
def test_a_throttle_under_another_status_is_waited_for(
    cli: Cli, server: Server, tmp_path: Path, throttle: str
) -> None:
    server.fill(12)
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "name:acme/*", "--unknown-lineage", "-o", plan)
    server.become(quota=4, quota_path="DELETE", quota_times=2, **THROTTLES[throttle])
    ran = cli("apply", plan, "--yes", "--expect", "12")
    assert "12 deleted, verified gone" in ran.out
    assert len(server.sent("DELETE")) == 14
    assert not server.entries()


def test_a_plain_refusal_stays_one_in_the_words_of_the_server(
    cli: Cli, server: Server, tmp_path: Path
) -> None:
    server.fill(6)
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "name:acme/*", "--unknown-lineage", "-o", plan)
    faults = [Fault(status, path=f"/{n}") for n, status in ((2, "403"), (3, "451"), (5, "409"))]
    server.become(*faults)
    ran = cli("apply", plan, "--yes", "--expect", "6", code=1)
    assert "3 deleted, verified gone" in ran.out
    assert "3 refused: the registry refused" in ran.out
    assert all(f"injected {status}" in ran.out for status in ("403", "451", "409"))
    assert server.ids() == {"2", "3", "5"}
    assert len(server.sent("DELETE")) == 6, "a refusal is not repeated"


@pytest.mark.parametrize("deleted", ["202", "queued"])
def test_what_was_only_accepted_is_looked_at_until_it_is_gone(
    cli: Cli, server: Server, tmp_path: Path, deleted: str
) -> None:
    server.fill(4)
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "name:acme/*", "--unknown-lineage", "-o", plan)
    server.become(deleted=deleted, later_s=1.2, safe=True)
    ran = cli("apply", plan, "--yes", "--expect", "4")
    assert "4 deleted, verified gone" in ran.out
    assert len(server.sent("DELETE")) == 4, "what was accepted is not sent again"


def test_what_stays_accepted_is_told_so_and_ends_as_gone_in_an_empty_registry(
    cli: Cli, server: Server, tmp_path: Path
) -> None:
    server.fill(3)
    config = config_dir() / "config.toml"
    config.write_text(config.read_text() + "accepted_seconds = 0.5\n", encoding="utf-8")
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "name:acme/*", "--unknown-lineage", "-o", plan)
    server.become(deleted="202", later_s=-1)
    ran = cli("apply", plan, "--yes", "--expect", "3", code=1)
    assert "  3 accepted by the registry, and not gone yet" in ran.out
    assert f"3 may work when tried again: artifact-tui resume {plan} --retry-failed" in ran.out
    assert len(server.ids()) == 3
    server.seed([])
    ran = cli("resume", plan, "--retry-failed")
    assert "3 deleted, verified gone" in ran.out
    assert len(server.sent("DELETE")) == 3


def test_a_health_that_never_answers_is_asked_once_and_holds_up_nothing(
    cli: Cli, server: Server, tmp_path: Path
) -> None:
    server.fill(3)
    server.become(health="hangs")
    config = config_dir() / "config.toml"
    config.write_text(config.read_text() + "item_seconds = 0.2\nanswer_seconds = 0.5\n", "utf-8")
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "version:2", "--unknown-lineage", "-o", plan)
    assert 0 < [one.target for one in server.sent("GET")].count("/api/health") <= 2
    server.clear()
    ran = cli("apply", plan, "--yes", "--expect", "1")
    assert "1 deleted, verified gone" in ran.out
    assert 0 < [one.target for one in server.sent("GET")].count("/api/health") <= 2
    assert server.ids() == {"1", "3"}


def test_what_cannot_tell_its_details_is_deleted_with_the_rest(
    cli: Cli, server: Server, tmp_path: Path
) -> None:
    """An ingestion that failed, one that is still running, and two that the server trips over."""
    server.fill(8, names=8)
    config = config_dir() / "config.toml"
    config.write_text(config.read_text() + "item_seconds = 0.5\n", encoding="utf-8")
    silent = Fault("hang_before", methods=("GET",), path="/model/7")
    odd = [
        Fault(status, methods=("GET",), path=f"/model/{n}")
        for n, status in ((2, "424"), (4, "500"), (5, "422"), (6, "403"))
    ]
    server.become(silent, *odd, health="nothing", page_size=3)
    plan = tmp_path / "a.plan"
    ran = cli("plan", "zoo", "name:acme/*", "--scan-lineage", code=None)
    assert "3 of 8 models scanned" in ran.out + ran.err
    assert "--unknown-lineage" in ran.out + ran.err
    cli("plan", "zoo", "name:acme/*", "--unknown-lineage", "-o", plan)
    cli("show", "zoo", "acme/model-0001:2")
    ran = cli("apply", plan, "--yes", "--expect", "8")
    assert "8 deleted, verified gone" in ran.out
    assert "No source address was noted of 5: this plan cannot make them again" in ran.out
    assert not server.entries()
    assert len(server.sent("DELETE")) == 8


@pytest.mark.parametrize("page_size", [5, 1000])
def test_addresses_that_differ_by_door_are_no_change(
    cli: Cli, server: Server, tmp_path: Path, page_size: int
) -> None:
    server.fill(60)
    server.become(row_urls=True, other_urls=True, page_size=page_size, instances=2)
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "name:acme/model-0001|name:acme/model-0002", "--unknown-lineage", "-o", plan)
    ran = cli("apply", plan, "--yes", "--expect", "4")
    assert "4 deleted, verified gone" in ran.out


def test_an_address_that_really_changed_is_refused(
    cli: Cli, server: Server, tmp_path: Path
) -> None:
    server.fill(6)
    server.become(row_urls=True, other_urls=True)
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "name:acme/*", "--unknown-lineage", "-o", plan)
    first, *rest = server.entries()
    server.seed([Entry(first.id, first.name, first.type, "https://example.org/other"), *rest])
    ran = cli("apply", plan, "--yes", "--expect", "6", code=1)
    assert "its content changed since the review" in ran.out
    assert server.ids() == {first.id}


def deleted_plan(cli: Cli, server: Server, folder: Path) -> Path:
    """A plan that has deleted three datasets, beside which one more has the same name."""
    server.seed(
        [Entry(str(n), f"acme/d{n}", "dataset", f"https://example.org/{n}") for n in (1, 2, 3)]
        + [Entry("4", "acme/d1", "model", "https://example.org/other")]
    )
    plan = folder / "a.plan"
    cli("plan", "zoo", "type:dataset", "--unknown-lineage", "-o", plan)
    cli("apply", plan, "--yes", "--expect", "3")
    return plan


def test_what_came_back_as_something_else_is_told_and_counted(
    cli: Cli, server: Server, tmp_path: Path
) -> None:
    plan = deleted_plan(cli, server, tmp_path)
    server.become(created="as model")
    ran = cli("restore", "--plan", plan, code=1)
    assert "3 entries made again, 3 of them not as before" in ran.out
    assert ran.out.count("its type is model, not dataset, its source address is lost") == 3
    made = {entry.id: entry for entry in server.entries() if entry.id != "4"}
    assert all(f"is now model/{one}" in ran.out for one in made)
    again = cli("restore", "--plan", plan, "--json", code=1)
    assert {record["differs"] for record in again.records} == {
        "its type is model, not dataset, its source address is lost"
    }
    assert len(server.entries()) == 4, "nothing is made twice"


@pytest.mark.parametrize("created", ["202", "202 without id"])
def test_what_was_only_accepted_is_waited_for(
    cli: Cli, server: Server, tmp_path: Path, created: str
) -> None:
    plan = deleted_plan(cli, server, tmp_path)
    server.become(created=created, created_s=1.6)
    ran = cli("restore", "--plan", plan)
    assert "3 entries made again" in ran.out
    assert len(server.entries()) == 4


def test_what_was_accepted_and_failed_is_not_told_as_made(
    cli: Cli, server: Server, tmp_path: Path
) -> None:
    plan = deleted_plan(cli, server, tmp_path)
    server.become(created="202 and fails")
    ran = cli("restore", "--plan", plan, code=1)
    assert "0 entries made again, 3 not" in ran.out
    assert ran.out.count("424: ingestion failed: no metadata") == 3


def test_what_was_made_and_goes_a_second_later_is_not_told_as_made(
    cli: Cli, server: Server, tmp_path: Path
) -> None:
    plan = deleted_plan(cli, server, tmp_path)
    server.become(created="202 and goes", created_s=1)
    ran = cli("restore", "--plan", plan, code=1)
    assert "0 entries made again, 3 not" in ran.out
    assert ran.out.count("the registry made it, and lists it no more") == 3
    assert server.ids() == {"4"}


def test_an_answer_of_failure_about_what_was_made_is_told_as_made(
    cli: Cli, server: Server, tmp_path: Path
) -> None:
    plan = deleted_plan(cli, server, tmp_path)
    server.become(Fault("500_after", methods=("POST",), path="/artifact/"))
    ran = cli("restore", "--plan", plan)
    assert "3 entries made again" in ran.out
    urls = sorted(entry.url for entry in server.entries() if entry.type == "dataset")
    assert urls == [f"https://example.org/{n}" for n in (1, 2, 3)]


def test_reingest_without_a_source_deletes_nothing(cli: Cli, server: Server) -> None:
    server.seed([Entry("1", "acme/m", "model", failed=True), Entry("2", "acme/n", "model")])
    words = ("reingest", "zoo", "acme/m:1", "--unknown-lineage", "--yes", "--expect", "1")
    ran = cli(*words, code=1)
    assert "--url" in ran.err
    assert server.ids() == {"1", "2"}
    cli(*words, "--url", "https://example.org/m")
    assert [entry.url for entry in server.entries() if entry.name == "acme/m"] == [
        "https://example.org/m"
    ]


def test_many_are_verified_by_listings_where_a_get_is_slow(
    cli: Cli, server: Server, tmp_path: Path
) -> None:
    server.fill(300, names=3)
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "name:acme/*", "--unknown-lineage", "-o", plan)
    server.become(get_s=0.15)
    server.clear()
    ran = cli("apply", plan, "--yes", "--expect", "300")
    assert "300 deleted, verified gone" in ran.out
    assert "No source address was noted of" in ran.out
    asked = [line for line in server.sent("GET") if "/artifact" in line.target]
    assert 0 < len(asked) < 300
    assert server.counts()["POST"] < 20


def test_a_parent_that_is_gone_is_shown_as_broken_lineage(
    cli: Cli, server: Server, tmp_path: Path
) -> None:
    """`external:` names, invented parents, and a parent that a plan has just deleted."""
    server.seed(
        [
            Entry("1", "acme/base"),
            Entry("2", "acme/tuned", parents=("1",)),
            Entry("3", "acme/old", parents=("name:acme/lost", "base-3")),
        ]
    )
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "name:acme/base", "--orphan-dependents", "-o", plan)
    shown = cli("show", "zoo", "acme/old:3").out
    assert " acme/lost:? (deleted)" in shown
    assert " base-3:? (deleted)" in shown
    assert "acme/base:1" in cli("show", "zoo", "acme/tuned:2").out
    cli("apply", plan, "--yes", "--expect", "1")
    assert "acme/base:1 (deleted)" in cli("show", "zoo", "acme/tuned:2").out
    record = cli("show", "zoo", "acme/old:3", "--json").records[0]
    assert [(one["name"], one["state"]) for one in record["parents"]] == [
        ("acme/lost", "deleted"),
        ("base-3", "deleted"),
    ]
