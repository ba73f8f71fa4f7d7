"""Aliases, tags and times to live at W&B: previewed, changed, stopped half way, refused."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.model import now_us
from tests.servers.wandb.scenes import Place, Series, Version
from tests.support.signals import as_in_a_shell

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
    assert "  left as they are  4  they would be deleted at once: delete them" in said
    assert "      mnist:v0, mnist:v1, mnist:v3, mnist:v4\n" in said
    assert f"  1 expires on {time.strftime('%Y-%m-%d', time.gmtime(days * 86400))}\n" in said
    assert "young:v0  ttl none (inherited) → 30 d · expires 20" in said
    assert not vision.done()
    assert "no terminal to ask on" in cli(*words, code=2).err
    cli(*words, *YES, "4", code=1)
    assert not vision.done()
    assert "1 of 1 changed.\n" in cli(*words, *YES, "1").out
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
    assert "4 of 5 changed, 1 not: see why.\n  refused  1  the registry will not" in ran.err


def test_an_alias_moves_within_its_collection(cli: Cli, vision: Server) -> None:
    words = ("alias", "vision", "mnist:v0", "--add", "latest")
    assert "mnist:v0  +latest (moves from v4)\n" in cli(*words, "--dry-run").out
    cli(*words, *YES, "1")
    assert "aliases latest\n" in cli("alias", "vision", "mnist:v0").out
    assert "aliases none\n" in cli("alias", "vision", "mnist:v4").out


def test_an_alias_of_a_link_is_that_of_the_registry(cli: Cli, vision: Server) -> None:
    registry = vision.address("acme-org/wandb-registry-model")
    cli("alias", registry, "Prod:v0", "--remove", "production", "--add", "staging", *YES, "1")
    (one,) = cli("ls", "vision", "--versions", "--json", "registry:any").records
    assert one["alias_in"] == {"acme-org/wandb-registry-model/Prod": ["staging"]}


def test_an_alias_that_is_held_elsewhere_says_where_and_what_to_type(
    cli: Cli, vision: Server
) -> None:
    for words in (("mnist:v2",), ("--filter", "alias:production")):
        code = 1 if len(words) == 1 else 0
        said = cli("alias", "vision", *words, "--remove", "production", code=code).out
        assert "stay as they are" not in said
        assert "production is held in acme-org/wandb-registry-model/Prod: change it there" in said
    (line,) = re.findall(
        r"^  to remove production from .*?: artifact-tui (.*)$", said, re.MULTILINE
    )
    said = cli("alias", "vision", "mnist:v2", "--add", "production", "--dry-run").out
    assert "  +production (that of acme-org/wandb-registry-model/Prod stays)" in said
    said = cli("alias", "vision", "mnist:v0", "--remove", "production", "--dry-run").out
    (there,) = re.findall(r"^  production is on mnist:v2: artifact-tui (.*)$", said, re.MULTILINE)
    assert "is held in acme-org" in cli(*shlex.split(there), "--dry-run", code=1).out
    cli(*shlex.split(line), *YES, "1")
    assert [one.split()[0] for one in vision.done()] == ["deleteAliases"]
    assert not cli("ls", "vision", "--versions", "--json", "alias:production").records


def test_a_configured_neighbour_is_named_as_it_is_configured(cli: Cli, vision: Server) -> None:
    cli("registries", "add", "prod", vision.address("acme-org/wandb-registry-model"))
    said = cli("alias", "vision", "mnist:v2", "--remove", "production", code=1).out
    assert "artifact-tui alias prod Prod:production --remove production\n" in said


def test_tags_of_a_link_are_those_of_its_source(cli: Cli, vision: Server) -> None:
    registry = vision.address("acme-org/wandb-registry-model")
    for what in ("--add", "--remove"):
        said = cli("tag", registry, "Prod:v0", what, "raw", code=1).out
        assert "a link has no tags of its own: change those of its source" in said
    link = "wandb-registry-model/Prod:v0"
    said = cli("tag", vision.address("acme"), link, "--add", "x", code=1).out
    assert "those of its source, vision/mnist:v2\n" in said
    assert not vision.done()


def test_an_alias_that_a_registry_protects_stays_in_its_words(cli: Cli, vision: Server) -> None:
    vision.add(places=[Place(path="acme-org/wandb-registry-model", protected=["production"])])
    registry = vision.address("acme-org/wandb-registry-model")
    ran = cli("alias", registry, "Prod:production", "--remove", "production", *YES, "1", code=1)
    assert "  refused  1  " in ran.out
    assert "Prod:v0: W&B refused: " in ran.out
    assert not vision.done()


def test_what_would_be_deleted_at_once_can_be_planned_as_printed(cli: Cli, vision: Server) -> None:
    address = vision.address("acme/vision")
    vision.add(series=[Series(path="acme/vision/a b", versions=[Version()])])
    said = cli("ttl", address, "--filter", "alias:none", "1h", "--dry-run").out
    (line,) = re.findall(r"^      artifact-tui (plan .*)$", said, re.MULTILINE)
    words = shlex.split(line)
    assert words[:2] == ["plan", "vision"] or words[1] == address
    assert words[2].count("version:") == 5
    assert "delete 5 versions of 3 collections" in cli(*words).out


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
        [*cli, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=as_in_a_shell,  # noqa: PLW1509 - it takes no lock
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 100
        while not vision.done() and time.monotonic() < deadline:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
    assert process.returncode == 130
    results = [json.loads(line)["result"] for line in out.splitlines()]
    assert set(results) == {"done", "not_tried"}
    assert results.count("done") == len(vision.done())
    assert "stopped: what was done stays done" in err
    (changed,) = re.findall(r"^(\d+) of 800 changed", err, re.MULTILINE)
    assert int(changed) == results.count("done")
