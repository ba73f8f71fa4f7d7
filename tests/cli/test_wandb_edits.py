"""Aliases, tags and times to live at W&B: previewed, changed, stopped half way, refused."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.here import now_us

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.servers.wandb.process import Server

MNIST = "acme/vision/mnist"
YES = ("--yes", "--expect")


def version(server: Server, label: str) -> dict[str, Any]:
    found: dict[str, Any] = server.state()["collections"][MNIST]["versions"][label]
    return found


def test_a_time_to_live_is_previewed_as_dates_and_set(cli: Cli, vision: Server) -> None:
    days = now_us() // 86_400_000_000 + 30
    vision.add(series=[{"path": "acme/vision/young", "versions": [{"created_us": now_us()}]}])
    words = ("ttl", "vision", "--filter", "name:mnist -version:v2 | name:young", "30d")
    said = cli(*words, "--dry-run").out
    assert "time to live 30 d: 1 version of vision will change\n" in said
    assert "  4 versions would be deleted at once: left as they are\n" in said
    assert "      mnist:v0, mnist:v1, mnist:v3, mnist:v4\n" in said
    assert f"  1 expires on {time.strftime('%Y-%m-%d', time.gmtime(days * 86400))}\n" in said
    assert "young:v0  ttl none (inherited) → 30 d · expires 20" in said
    assert not vision.done()
    assert "no terminal to ask on" in cli(*words, code=2).err
    cli(*words, *YES, "4", code=1)
    assert not vision.done()
    assert "1 version of vision changed\n" in cli(*words, *YES, "1").out
    young = vision.state()["collections"]["acme/vision/young"]["versions"]["v0"]
    assert young["ttl"] == 30 * 86400
    assert {version(vision, f"v{n}")["ttl"] for n in (0, 1, 3, 4)} == {-1}
    cli("ttl", "vision", "young:v0", "inherit", *YES, "1")
    cli("ttl", "vision", "mnist:v1", "none", *YES, "1")
    young = vision.state()["collections"]["acme/vision/young"]["versions"]["v0"]
    assert (young["ttl"], version(vision, "v1")["ttl"]) == (-1, -2)


def test_a_link_has_no_time_to_live_of_its_own(cli: Cli, vision: Server) -> None:
    registry = vision.address("acme-org/wandb-registry-model")
    said = cli("ttl", registry, "--filter", "*", "30d").out
    assert "Prod:v0: it is a link: the time to live is that of its source\n" in said
    assert not vision.done()


def test_what_wandb_refuses_is_told_and_the_rest_is_done(cli: Cli, vision: Server) -> None:
    words = ("ttl", "vision", "--filter", "name:mnist", "900d", *YES, "5")
    ran = cli(*words, "--json", code=1)
    assert [one["result"] for one in ran.records] == ["done", "done", "refused", "done", "done"]
    assert "linked to a registry" in ran.records[2]["message"]
    assert "4 versions of vision changed\n  1 not: refused\n" in ran.err


def test_an_alias_moves_within_its_collection(cli: Cli, vision: Server) -> None:
    words = ("alias", "vision", "mnist:v0", "--add", "latest")
    assert "mnist:v0  alias +latest (moves from v4)\n" in cli(*words, "--dry-run").out
    cli(*words, *YES, "1")
    assert "aliases latest\n" in cli("alias", "vision", "mnist:v0").out
    assert "aliases none\n" in cli("alias", "vision", "mnist:v4").out


def test_an_alias_of_a_link_is_that_of_the_registry(cli: Cli, vision: Server) -> None:
    registry = vision.address("acme-org/wandb-registry-model")
    assert "already so" in cli("alias", "vision", "mnist:v2", "--remove", "production").out
    cli("alias", registry, "Prod:v0", "--remove", "production", "--add", "staging", *YES, "1")
    (one,) = cli("ls", "vision", "--versions", "--json", "registry:any").records
    assert one["alias_in"] == {"acme-org/wandb-registry-model/Prod": ["staging"]}


def test_protection_is_not_ours_to_change(cli: Cli, vision: Server) -> None:
    words = ("alias", "vision", "mnist:v4", "--protect", "latest")
    assert "only local registries can do that from here" in cli(*words, code=2).err
    assert "cannot be changed" not in cli("alias", "vision", "mnist:v4").out


def test_read_only_is_refused_before_anything_is_sent(cli: Cli, vision: Server) -> None:
    for words in (
        ("tag", "vision", "--filter", "*", "--add", "x"),
        ("ttl", "vision", "mnist:v0", "3d"),
        ("alias", "vision", "mnist:v0", "--add", "x"),
    ):
        err = cli("--read-only", *words, *YES, "1", code=1).err
        assert "may only be read. Nothing was changed" in err
    assert not vision.log()


@pytest.mark.slow
def test_ctrl_c_stops_after_what_is_in_flight(vision: Server) -> None:
    vision.fill(collections=1, versions=800)
    cli = [sys.executable, "-c", "from artifact_tui.cli import main; raise SystemExit(main())"]
    words = ["tag", "vision", "--filter", "*", "--add", "x", *YES, "800", "--json"]
    vision.change(mutation_ms=20.0, lanes=4)
    with subprocess.Popen(
        [*cli, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not vision.done() and time.monotonic() < deadline:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    results = [json.loads(line)["result"] for line in out.splitlines()]
    assert set(results) == {"done", "not_tried"}
    assert results.count("done") == len(vision.done())
    assert "stopped: what was done stays done" in err
    (changed,) = re.findall(r"^(\d+) versions of vision changed$", err, re.MULTILINE)
    assert int(changed) == results.count("done")
