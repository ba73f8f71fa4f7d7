"""Somebody logs in to a machine that is full, sees what is on it, and frees it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui import config, stores
from artifact_tui.model import Deletion
from artifact_tui.tui.keymap import keymap_from
from tests.servers.stuck import stuck
from tests.support.hub import Hub, commit_of
from tests.support.sync_store import SyncStore
from tests.tui.remote.conftest import configured
from tests.tui.review.world import says_yes, types_it
from tests.tui.support import goes_to_row
from tests.unit.local.support import put

if TYPE_CHECKING:
    import pytest

    from tests.support.blobs import Ollama
    from tests.tui.home.conftest import AtHome

HUB = "hf:~/.cache/huggingface/hub"


async def test_sees_every_store_the_largest_first(
    at_home: AtHome, hub: Hub, ollama: Ollama, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no cache")
    configured(f'[registries.broken]\naddress = "hf:{tmp_path}/file"\n')
    async with at_home() as user:
        await user.sees("40 KB", "25 KB", "3 KB", "cannot be read", "nothing there yet")
        await user.sees(" free of ", "% full", "4 stores", "25 KB can go")
        lines = [user.screen.index(name) for name in (HUB, "ollama:~/", "local:", "broken")]
        assert lines == sorted(lines)
        assert "kitops" not in user.screen  # a usual place without anything
        assert user.line("broken").split()[1:3] == ["broken", "hf"]
    assert not config.embedded_registry().exists()  # looking made nothing
    assert hub.root.is_dir()
    assert ollama.bytes()


async def test_frees_what_can_go_with_three_keys(at_home: AtHome, hub: Hub) -> None:
    async with at_home() as user:
        await user.sees("25 KB can go")
        for key in (*"gc", "asterisk", "d"):
            user.app.simulate_key(key)
        await user.sees("Review · 2 versions in 2", "25 KB freed")
        await types_it(user, "y")
        await user.sees("enter applies the plan now")
        await user.presses("enter")
        await user.sees("finished")
        await user.presses("escape", "minus")
        await user.sees("Home", "15 KB")
        await user.sees_no("40 KB", "25 KB can go")
    gone = hub.root / "models--acme--big/snapshots" / commit_of("big old")
    assert not gone.exists()
    assert (hub.root / "models--acme--big/snapshots" / commit_of("big")).exists()


async def test_goes_in_and_out(at_home: AtHome, hub: Hub, ollama: Ollama) -> None:
    async with at_home() as user:
        await user.sees("40 KB", "3 KB")
        await goes_to_row(user, f"hf:{hub.root}")
        await user.presses("l")
        await user.sees("acme/big", "armed")
        await user.presses("slash", *"small", "enter")
        await user.sees("2 of 4")
        await user.presses("escape")
        await user.sees("4 of 4")
        await user.presses("escape")  # nothing else is to be closed
        await user.sees("Home", "open now")
        await user.sees_no("Opening")
        await user.presses("escape")
        await user.sees("q leaves")
        await user.presses("enter")
        await user.sees("acme/big")
        await user.presses("R")
        await user.sees("open now")
        await goes_to_row(user, f"ollama:{ollama.root}")
        await user.presses("enter")
        await user.sees_no("Home")
        assert user.app.services.target.address == f"ollama:{ollama.root}"
        await user.presses("minus")
        await user.sees("open now")
        await user.presses("q")
        await user.until(lambda: user.app.return_code is not None, "the app to end")


async def test_keys_typed_ahead_act_in_the_store_that_they_open(at_home: AtHome, hub: Hub) -> None:
    async with at_home() as user:
        await user.sees("40 KB")
        await goes_to_row(user, f"hf:{hub.root}")
        for key in ("enter", "d"):
            user.app.simulate_key(key)
        await user.sees("Review · 2 versions in 1")


async def test_what_the_keyboard_opens_is_made_then_and_not_before(at_home: AtHome) -> None:
    async with at_home() as user:
        await user.sees("nothing there yet")
        await goes_to_row(user, "local:")
        assert not config.embedded_registry().exists()
        await user.presses("enter")
        await user.sees("Nothing here")
        assert config.embedded_registry().exists()


async def test_one_that_hangs_is_said_and_cannot_be_opened(
    at_home: AtHome, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = str(Path(stuck.__file__).parent)
    monkeypatch.syspath_prepend(installed)
    monkeypatch.setenv("PYTHONPATH", installed)
    (tmp_path / "disk").mkdir()
    os.mkfifo(tmp_path / "disk/pipe")
    configured(f'[registries.nfs]\naddress = "stuck:{tmp_path}/disk"\n')
    async with at_home() as user:
        await user.sees("40 KB", "measuring")
        await user.sees("not answering")
        await goes_to_row(user, "nfs")
        await user.presses("enter")
        await user.sees("Not possible here: it does not answer (r looks again).")
        assert user.app.registry is None
        await goes_to_row(user, f"hf:{hub.root}")
        await user.presses("enter")
        await user.sees("acme/big")


async def test_a_session_that_only_reads_reads_every_store(at_home: AtHome, hub: Hub) -> None:
    async with at_home(locked=True) as user:
        await user.sees("40 KB", "read-only")
        await goes_to_row(user, f"hf:{hub.root}")
        await user.presses("enter")
        await user.sees("acme/big", "read-only")
        await user.presses("d")
        await user.sees("this session is read-only")


async def test_a_store_that_is_here_no_more_leaves_home_as_it_was(
    at_home: AtHome, hub: Hub, ollama: Ollama
) -> None:
    async with at_home() as user:
        await user.sees("40 KB", "3 KB")
        await goes_to_row(user, f"hf:{hub.root}")
        hub.root.rename(hub.root.with_name("elsewhere"))
        await user.presses("enter")
        await user.sees("There is no Hugging Face cache")
        await user.presses("r")
        await user.sees_no("40 KB")
        await user.sees("ollama")
        assert ollama.bytes()


async def test_those_of_all_homes_are_there_once_and_stay(
    at_home: AtHome, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = Hub(tmp_path / "ada/hub")
    theirs.download("models--ada--net", commit_of("net"), {"weights": b"w" * 7_000})
    installed = str(Path(stuck.__file__).parent)
    monkeypatch.syspath_prepend(installed)
    monkeypatch.setenv("PYTHONPATH", installed)
    monkeypatch.setenv("STUCK_OTHERS", f"hf:{hub.root} hf:{theirs.root}")
    configured('[registries.team]\naddress = "https://team.example/api"\n')
    async with at_home() as user:
        await user.sees("40 KB", "7 KB", "nothing there yet")
        await user.sees_no("being measured")
        assert user.screen.count(HUB) == 1
        await goes_to_row(user, "team")
        await user.presses("x")
        await says_yes(user, "Take team out")
        await user.sees_no("https://team.example")
        assert "7 KB" in user.screen
        await user.presses("r")
        await user.sees_no("being measured")
        await user.sees("40 KB", "7 KB")
        await goes_to_row(user, f"hf:{theirs.root}")
        await user.presses("enter")
        await user.sees("ada/net")
        await user.presses("minus")
        await user.sees("open now")
        await user.sees_no("being measured")
        await user.presses("r")
        await user.sees_no("being measured")
        await user.sees("40 KB", "7 KB")


async def test_what_is_protected_while_it_is_open_is_opened_with_that(
    at_home: AtHome, hub: Hub
) -> None:
    async with at_home() as user:
        await user.sees("40 KB")
        await goes_to_row(user, f"hf:{hub.root}")
        await user.presses("enter")
        await user.sees("acme/big", "armed")
        configured(f'[registries.weights]\naddress = "hf:{hub.root}"\nproduction = true\n')
        await user.presses("minus")
        await user.sees("Home")
        await user.sees_no("being measured")
        await user.presses("r")
        await user.sees("in the configuration")
        await goes_to_row(user, "weights")
        await user.presses("enter")
        await user.sees("acme/big", "production", "read-only")
        await user.presses("d")
        await user.sees("read-only")
        assert user.app.services.target.read_only


async def test_where_no_process_can_be_started_home_says_so_and_stays(
    at_home: AtHome, hub: Hub, own_measuring: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "command_of", lambda *_: [f"{hub.root}/no program"])
    async with at_home() as user:
        await user.sees("no process can be started", "disks: not known")
        await goes_to_row(user, f"hf:{hub.root}")
        await user.presses("j", "k")
        await user.sees_no("no process")
        await user.presses("enter")
        await user.sees("no process can be started")
        await user.presses("j", "k", "t")
        await user.sees("no process can be started")


async def test_two_names_of_a_store_open_it_each_with_its_own_settings(
    at_home: AtHome, hub: Hub
) -> None:
    configured("".join(f'[registries.{name}]\naddress = "hf:{hub.root}"\n' for name in "ab"))
    async with at_home() as user:
        for name in "ab":
            await goes_to_row(user, name)
            await user.presses("enter")
            await user.sees("acme/big")
            assert user.app.services.target.name == name
            await user.presses("minus")
            await user.sees("Home", "open now")


async def test_a_store_of_two_names_takes_its_bytes_once(at_home: AtHome, hub: Hub) -> None:
    configured("".join(f'[registries.{name}]\naddress = "hf:{hub.root}"\n' for name in "ab"))
    async with at_home() as user:
        await user.sees("3 stores · 40 KB on disk · 25 KB can go", "full  25 KB can go")
        await user.sees_no("being measured")
        await user.sees("3 stores · 40 KB on disk · 25 KB can go", "full  25 KB can go")


async def test_a_part_that_cannot_be_read_is_told_with_the_rest(
    at_home: AtHome, ollama: Ollama
) -> None:
    broken = ollama.root / "manifests/registry.ollama.ai/library/llama/broken"
    broken.write_text("no manifest")
    async with at_home() as user:
        await user.sees("3 KB")
        await goes_to_row(user, f"ollama:{ollama.root}")
        await user.sees("Expecting", "nobody")  # words: lines end anywhere


def test_keys_of_the_registries_are_still_known() -> None:
    keys = {"registries.test": ("f5",), "browse.registries": ("H",)}
    keymap = keymap_from(config.Config(keys=keys))
    assert keymap == {"home.test": "f5", "browse.home": "H"}


async def test_home_names_the_keys_that_one_has(at_home: AtHome, hub: Hub) -> None:
    configured(
        '[registries.broken]\naddress = "hf:/dev/null"\n'
        '[keys]\n"home.measure" = "f2"\n"home.quit" = "f3"\n"ask.no" = "f4"\n'
    )
    async with at_home() as user:
        await user.sees("40 KB", "cannot be read")
        await user.presses("escape")
        await user.sees("this is where everything begins, f3 leaves")
        await goes_to_row(user, "broken")
        await user.presses("enter")
        await user.sees("(f2 looks again)")
        await user.presses("x")
        await user.sees("y removes it · f4 leaves")


async def test_what_can_go_of_ones_own_registry_is_its_trash(at_home: AtHome) -> None:
    store = SyncStore.create(config.embedded_registry())
    gone = put(store, "gone", {"weights": b"w" * 9_000})
    put(store, "kept", {"weights": b"v" * 4_000})
    store.delete([Deletion(gone, delete_aliases=True)])
    store.close()
    async with at_home() as user:
        await user.sees("9 KB can go")
        for key in (*"gc", "asterisk"):
            user.app.simulate_key(key)
        await user.sees("Trash", "1 marked")
        await user.presses("escape")
        await user.sees("kept")
        await user.presses("minus")
        await user.sees("Home", "9 KB can go")
