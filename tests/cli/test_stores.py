"""The stores of a machine: found by the environment, measured one beside the other."""

from __future__ import annotations

import asyncio
import json
import os
import re
import select
import shlex
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.catalog import connect
from artifact_tui.catalog.listing import registry_totals
from artifact_tui.catalog.sync import SyncProgress, sync
from artifact_tui.clients import disk, every_kind, open_client
from artifact_tui.config import catalog_file, config_file, load
from artifact_tui.stores import find_stores, measure
from tests.servers.folders import folders
from tests.servers.stuck import stuck
from tests.support.blobs import Oci, Ollama
from tests.support.disks import hanging_disk, let_everyone_enter
from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.servers.wandb.process import Server

INSTALLED = str(Path(stuck.__file__).parent)


@pytest.fixture(autouse=True)
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of somebody who has nothing yet, and no variable set."""
    path = tmp_path / "account"
    path.mkdir()
    for name in list(os.environ):
        if name.startswith(("HF_", "HUGGINGFACE_", "OLLAMA_", "KITOPS_", "WANDB_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(path))
    monkeypatch.chdir(path)
    return path


def cache(root: Path) -> Hub:
    """A cache with a revision that is called `main`, and the one before it."""
    hub = Hub(root)
    hub.download("models--a--b", commit_of("old"), {"x": b"x" * 500, "shared": b"s" * 100})
    hub.download(
        "models--a--b", commit_of("new"), {"x": b"y" * 700, "shared": b"s" * 100}, refs=("main",)
    )
    return hub


def stores(cli: Cli) -> dict[str, dict[str, Any]]:
    """What `stores --json` says, by what other commands call it."""
    return {one["registry"]: one for one in cli("stores", "--json").records}


@pytest.fixture
def no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds that hang are installed."""
    monkeypatch.syspath_prepend(INSTALLED)
    monkeypatch.setenv("PYTHONPATH", INSTALLED)


def test_who_has_nothing_is_told_what_to_do(cli: Cli) -> None:
    ran = cli("stores")
    assert "Nothing was found" in ran.out
    assert "artifact-tui registries add" in ran.out
    assert cli("stores", "--json").records == []


def test_a_cache_that_a_variable_names_is_found_and_measured(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache(tmp_path / "hf" / "hub")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (one,) = stores(cli).values()
    address = f"hf:{tmp_path}/hf/hub"
    assert (one["registry"], one["address"], one["why"]) == (address, address, "$HF_HOME")
    assert (one["state"], one["size"], one["reclaimable"]) == ("measured", 1300, 500)
    assert (one["collections"], one["versions"]) == (1, 2)
    assert 0 < one["disk_free"] < one["disk_size"]
    assert Path(one["mount"]).is_mount()
    assert "2 versions" in cli("ls", address, "--cached").out
    freed = cli("plan", address, one["filter"], "-o", tmp_path / "plan").out
    assert "500 B freed" in freed


def test_each_kind_says_what_may_go(
    cli: Cli, account: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Ollama(account / ".ollama" / "models")
    models.tag("a", "1", {"model": b"m" * 400})
    orphan = models.file(models.blob(b"o" * 300)["digest"])
    os.utime(orphan, (0, 0))
    kit = Oci(tmp_path / "kit" / "storage")
    kit.tag("b", "1", {"model": b"m" * 400})
    monkeypatch.setenv("KITOPS_HOME", str(tmp_path / "kit"))
    cli("demo", tmp_path / "sample", "--versions", "300", "--no-open")
    cli("registries", "add", "mine", f"local:{tmp_path}/sample")
    staged = account / ".local/share/wandb/artifacts/staging/forgotten"
    staged.parent.mkdir(parents=True)
    staged.write_bytes(b"f" * 70)
    os.utime(staged, (0, 0))
    found = stores(cli)
    assert {name.partition(":")[0]: one["state"] for name, one in found.items()} == dict.fromkeys(
        ("ollama", "oci", "mine", "wandb-cache"), "measured"
    )
    ollama = found[f"ollama:{account}/.ollama/models"]
    assert (ollama["size"], ollama["reclaimable"]) == (models.bytes(), 300)
    assert found[f"oci:{tmp_path}/kit/storage"]["reclaimable"] == 0
    assert (found["wandb-cache:"]["size"], found["wandb-cache:"]["reclaimable"]) == (70, 70)
    trash = sum(one["unique"] for one in cli("trash", "mine", "--json").records)
    assert 0 < trash <= found["mine"]["reclaimable"] < found["mine"]["size"]
    blobs = (tmp_path / "sample" / "blobs").rglob("*")
    assert found["mine"]["size"] == sum(one.stat().st_size for one in blobs if one.is_file())


def test_a_usual_place_counts_once_there_is_something_to_say_of_it(cli: Cli, account: Path) -> None:
    hub = account / ".cache" / "huggingface" / "hub"
    hub.mkdir(parents=True)
    (account / "wandb").mkdir()  # which may be anything
    assert stores(cli) == {}
    Hub(hub).ref("models--a--b", "main", commit_of("gone"))
    (one,) = stores(cli).values()
    assert (one["why"], one["state"], one["size"], one["versions"]) == (
        "usual place", "measured", 0, 1,
    )  # fmt: skip


def test_one_place_is_one_row_under_its_configured_name(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache(tmp_path / "real" / "hub")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    cli("registries", "add", "weights", f"hf:{tmp_path}/real/hub")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "real" / "hub"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "link"))
    assert [(name, one["why"]) for name, one in stores(cli).items()] == [("weights", "configured")]


def test_what_cannot_be_read_is_listed_with_the_reason(
    cli: Cli, account: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file"))
    monkeypatch.setenv("KITOPS_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "gone"))
    (account / ".cache" / "huggingface").mkdir(parents=True)
    (account / ".cache" / "huggingface" / "hub").symlink_to("nowhere")
    said = {name.removeprefix(str(tmp_path)): one for name, one in stores(cli).items()}
    assert {name: (one["state"], one["size"]) for name, one in said.items()} == {
        f"hf:{tmp_path}/file": ("unreadable", None),
        f"oci:{tmp_path}/file/storage": ("unreadable", None),
        f"ollama:{tmp_path}/gone": ("absent", None),
        f"hf:{account}/.cache/huggingface/hub": ("unreadable", None),
    }
    assert all(one["disk_size"] for name, one in said.items() if "storage" not in name)
    assert "Not a directory" in said[f"hf:{tmp_path}/file"]["reason"]
    assert "Not a directory" in said[f"oci:{tmp_path}/file/storage"]["reason"]
    assert "No such file" in said[f"hf:{account}/.cache/huggingface/hub"]["reason"]
    assert "$HF_HUB_CACHE · unreadable: Not a directory" in cli("stores").out


def test_stores_in_other_homes_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "HOMES", (tmp_path / "homes", tmp_path / "none"))
    cache(tmp_path / "homes" / "ada" / ".cache" / "huggingface" / "hub")
    Ollama(tmp_path / "homes" / "bob" / ".ollama" / "models")
    (tmp_path / "homes" / "carol").mkdir()
    found = [place for kind in every_kind() for place in kind.places_of_others()]
    assert {place.address: place.why for place in found} == {
        f"hf:{tmp_path}/homes/ada/.cache/huggingface/hub": "home of ada",
        f"ollama:{tmp_path}/homes/bob/.ollama/models": "home of bob",
    }


AS_NOBODY = """
import os, sys
from artifact_tui import measuring
from artifact_tui.clients import every_kind
every_kind()
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
measuring.main(["4", "60"])
"""


def test_a_place_of_another_user_is_told_with_the_words_of_the_system(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    cache(closed / "hub")
    let_everyone_enter(tmp_path)
    closed.chmod(0)
    process = subprocess.Popen(
        [sys.executable, "-c", AS_NOBODY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(f"hf:{closed}/hub").encode() + b"\n")
    process.stdin.flush()
    said: dict[str, Any] = {}
    for line in process.stdout:
        _, _, facts = line.strip().partition(b" ")
        if not facts:
            break
        said |= json.loads(facts)
    closed.chmod(0o755)
    process.communicate()
    assert said["state"] == "unreadable"
    assert said["reason"] == f"Permission denied: {closed}/hub."


@pytest.mark.slow
@pytest.mark.usefixtures("no_answer")
def test_those_that_do_not_answer_keep_nobody_waiting(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        (tmp_path / f"disk{number}").mkdir()
        os.mkfifo(tmp_path / f"disk{number}" / "pipe")
        cli("registries", "add", f"stuck{number}", f"stuck:{tmp_path}/disk{number}")
    cli("registries", "add", "stopped", f"stopped:{tmp_path}/disk0")
    monkeypatch.setenv("STUCK_OTHERS", f"{tmp_path}/disk1 {tmp_path}/theirs")
    (tmp_path / "theirs").mkdir()
    os.mkfifo(tmp_path / "theirs" / "pipe")
    for number in range(4):
        cache(tmp_path / f"hub{number}")
        cli("registries", "add", f"hub{number}", f"hf:{tmp_path}/hub{number}")
    order = [(one["registry"], one["state"]) for one in cli("stores", "--json").records]
    assert len(order) == 11
    assert (f"stuck:{tmp_path}/theirs", "not answering") in order
    assert sorted(order[:4]) == [(f"hub{number}", "measured") for number in range(4)]
    assert {state for _, state in order[4:]} == {"not answering"}


async def test_a_store_that_a_screen_syncs_meanwhile_is_measured_without_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = cache(tmp_path / "hub")
    hub.download("models--c--d", commit_of("only"), {"x": b"x" * 900}, refs=("main",))
    monkeypatch.setenv("HF_HUB_CACHE", str(hub.root))
    client = open_client(f"hf:{hub.root}", read_only=True)
    path = catalog_file(client.identity.uid)
    words = [sys.executable, "-m", "artifact_tui", "stores", "--json"]
    told: list[dict[str, Any]] = []

    def midway(state: SyncProgress) -> None:
        if state.collections == 1 and not told:
            told.append(json.loads(subprocess.run(words, check=True, capture_output=True).stdout))

    for _ in range(2):
        told.clear()
        done = await sync(client, path, progress=midway)
        assert done.removed == 0
        with closing(connect(path)) as conn:
            assert registry_totals(conn).versions == 3
        assert (told[0]["size"], told[0]["versions"]) == (2200, 3)
    await client.aclose()


def test_without_its_process_nothing_is_known_and_nobody_waits(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache(tmp_path / "hub")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    one = stores(cli)[f"hf:{tmp_path}/hub"]
    assert (one["state"], one["size"]) == ("unreadable", None)
    assert "ended too early" in one["reason"]


@pytest.mark.slow
@pytest.mark.usefixtures("no_answer")
async def test_figures_come_while_a_store_is_listed_and_are_no_last_word(
    cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    cli("registries", "add", "half", f"halting:{tmp_path}/disk")
    told = [found async for _, found in measure(find_stores(load(), os.environ), patience_s=4)
            if "halting" in found.place]  # fmt: skip
    assert ("measuring", 100) in {(found.state, found.size) for found in told}
    assert told[-1].state == "not answering"
    assert not told[-1].figured
    found = await asyncio.to_thread(stores, cli)
    half = found["half"]
    assert (half["state"], half["size"], half["versions"]) == ("not answering", None, None)


def test_a_part_that_cannot_be_read_is_told_with_the_rest(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Ollama(tmp_path / "models")
    models.tag("a", "1", {"model": b"m" * 400})
    (models.root / "manifests/registry.ollama.ai/library/a/2").write_text("no manifest")
    monkeypatch.setenv("OLLAMA_MODELS", str(models.root))
    (one,) = stores(cli).values()
    assert one["state"] == "measured"
    assert one["size"] >= models.bytes()
    assert f"{models.root}/manifests" in one["reason"]
    assert one["reason"] in cli("stores").out


@pytest.mark.slow
def test_a_disk_that_hangs_keeps_nobody_waiting_not_even_at_the_end(
    cli: Cli, tmp_path: Path
) -> None:
    with hanging_disk(tmp_path / "disk") as hanging:
        cli("registries", "add", "gone", f"hf:{tmp_path}/elsewhere")
        text = config_file().read_text().replace(f"{tmp_path}/elsewhere", f"{hanging}/hub")
        config_file().write_text(text)
        cache(tmp_path / "hub")
        cli("registries", "add", "here", f"hf:{tmp_path}/hub")
        ran = subprocess.run(
            [sys.executable, "-m", "artifact_tui", "stores"], check=True, capture_output=True
        )
        left = [path for path in Path("/proc").glob("[0-9]*/stat") if hangs(path)]
    *rows, total, _ = ran.stdout.decode().splitlines()
    assert [row.split()[1] for row in rows[-2:]] == ["here", "gone"]
    assert rows[-1].endswith("configured · not answering")
    assert total.startswith("2 stores, ")
    assert left


@pytest.mark.usefixtures("no_answer")
def test_nothing_is_left_running_when_the_program_is_killed(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    os.mkfifo(tmp_path / "disk" / "pipe")
    cli("registries", "add", "stuck", f"stuck:{tmp_path}/disk")
    words = [sys.executable, "-m", "artifact_tui", "stores"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as program:
        os.close(os.open(tmp_path / "disk" / "pipe", os.O_WRONLY))  # waits for one that reads
        started = children(program.pid)
        started += [pid for one in started for pid in children(one)]
        assert len(started) >= 2
        ends = [os.pidfd_open(pid) for pid in started]
        program.kill()
    for end in ends:
        assert select.select([end], [], [], 100)[0]
        os.close(end)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def hangs(stat: Path) -> bool:
    """Whether a process of ours waits in the system, and nothing can end it."""
    try:
        state = stat.read_text().rpartition(")")[2].split()[0]
        return state == "D" and b"artifact_tui.measuring" in (stat.parent / "cmdline").read_bytes()
    except OSError:
        return False


def test_a_remote_registry_is_told_as_it_was_last_listed(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = str(Path(folders.__file__).parent)
    monkeypatch.syspath_prepend(installed)
    monkeypatch.setenv("PYTHONPATH", installed)
    (tmp_path / "shelf" / "model" / "net" / "v0").mkdir(parents=True)
    (tmp_path / "shelf" / "model" / "net" / "v0" / "data.bin").write_bytes(b"x" * 100)
    cli("registries", "add", "shelf", f"folders:{tmp_path}/shelf")
    unlisted = stores(cli)["shelf"]
    assert (unlisted["state"], unlisted["size"], unlisted["as_of"]) == ("remembered", None, None)
    assert "not listed yet" in cli("stores").out
    cli("ls", "shelf")
    (tmp_path / "shelf" / "model" / "net" / "v0" / "more.bin").write_bytes(b"x" * 100)
    listed = stores(cli)["shelf"]
    assert (listed["state"], listed["size"], listed["versions"]) == ("remembered", 100, 1)
    assert listed["as_of"] is not None


def test_people_see_the_disks_and_the_largest_first(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache(tmp_path / "hf" / "hub")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    cli("demo", tmp_path / "sample", "--versions", "300", "--no-open")
    cli("registries", "add", "mine", f"local:{tmp_path}/sample")
    first, *rows, total, following = cli("stores").out.splitlines()
    assert re.search(r"^/\S*  [\d.]+ .B free of [\d.]+ .B$", first)
    assert [row.split()[:2] for row in rows] == [["1", "mine"], ["2", f"hf:{tmp_path}/hf/hub"]]
    assert "500 B reclaimable" in rows[1]
    assert total.startswith("2 stores, ")
    assert following.startswith("next: artifact-tui ls mine state:trash")
    assert cli(*shlex.split(following.removeprefix("next: artifact-tui "))).out


def fullness(folder: Path) -> float:
    found = os.statvfs(folder)
    return 1 - found.f_bavail / found.f_blocks


def test_the_fullest_disk_is_told_first(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = [Path(name) for name in ("/dev/shm", "/var/tmp") if os.access(name, os.W_OK)]  # noqa: S108 - a folder of its own is made in one
    apart = [one for one in other if one.stat().st_dev != tmp_path.stat().st_dev]
    if not apart:
        pytest.skip("this machine has one disk")
    with tempfile.TemporaryDirectory(dir=apart[0]) as folder:
        cache(Path(folder))
        cache(tmp_path / "hf" / "hub")
        monkeypatch.setenv("HF_HUB_CACHE", folder)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        first, second, *_ = cli("stores").out.splitlines()
        (fuller, _), (emptier, _) = first.split(maxsplit=1), second.split(maxsplit=1)
    assert fuller != emptier
    assert fullness(Path(fuller)) >= fullness(Path(emptier))


def test_a_store_of_two_names_takes_its_bytes_once(cli: Cli, tmp_path: Path) -> None:
    cache(tmp_path / "hub")
    for name in ("one", "two"):
        cli("registries", "add", name, f"hf:{tmp_path}/hub")
    assert "2 stores, 1.3 KB on disk, 500 B reclaimable" in cli("stores").out


def test_a_name_with_control_characters_stays_text(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache(tmp_path / "a\x1b[31m\nb")
    monkeypatch.setenv("HF_HUB_CACHE", f"{tmp_path}/a\x1b[31m\nb")
    assert "a\\x1b[31m\\x0ab" in cli("stores").out
    (one,) = stores(cli).values()
    assert one["size"] == 1300


def test_a_login_leads_to_its_entity_which_the_server_may_have_to_tell(
    cli: Cli, vision: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file().unlink()
    (entity,) = stores(cli).values()
    assert entity["registry"] == vision.address("acme")
    assert entity["why"] == f"W&B login on {vision.host}"
    assert entity["state"] == "remembered"
    assert cli("ls", entity["registry"]).out
    assert stores(cli)[entity["registry"]]["versions"] > 0
    monkeypatch.setenv("WANDB_ENTITY", "zoo")
    assert list(stores(cli)) == [vision.address("zoo")]
    monkeypatch.delenv("WANDB_ENTITY")
    cli("registries", "add", "all", vision.address("acme"))
    assert list(stores(cli)) == ["all"]
    monkeypatch.setenv("WANDB_API_KEY", "w" * 40)
    refused = stores(cli)[f"wandb+http://{vision.host}/"]
    assert refused["state"] == "unreadable"
    assert "w" * 40 not in str(refused)
    monkeypatch.setenv("WANDB_BASE_URL", "no address")
    assert list(stores(cli)) == ["all"]
