"""Weights that a revision holds in several forms: one of them goes, the others stay."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import constants, scan_cache_dir, snapshot_download

from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

OLD, NEW, QUANTS, TUNED = (commit_of(word) for word in ("old", "new", "quants", "tuned"))
BASE, GGUF, LORA = "models--acme--base", "models--acme--base-GGUF", "models--me--lora"
PAST = {
    "config.json": b"{}",
    "pytorch_model.bin": b"b" * 6000,
    "tf_model.h5": b"h" * 7000,
}
PRESENT = {
    "config.json": b"{} ",
    "training_args.bin": b"t" * 90,
    "model-00001-of-00002.safetensors": b"s" * 3000,
    "model-00002-of-00002.safetensors": b"S" * 3100,
    "model.safetensors.index.json": b"{index}",
    "pytorch_model.bin": b"b" * 6000,
    "onnx/model.onnx": b"o" * 400,
    "onnx/model.onnx_data": b"O" * 4000,
}
FORMS = {
    "README.md": b"---\nbase_model: acme/base\n---\n",
    "base-Q4_K_M.gguf": b"4" * 4000,
    "base-Q8_0.gguf": b"8" * 8000,
    "BF16/base-BF16-00001-of-00002.gguf": b"x" * 9000,
    "BF16/base-BF16-00002-of-00002.gguf": b"y" * 7000,
}


@pytest.fixture(params=[False, True], ids=["own blobs", "shared blobs"])
def hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A base model in several formats, its quantisations, and an adapter for it."""
    made = Hub(tmp_path / "hub", shared=request.param)
    made.download(BASE, OLD, PAST)
    made.download(BASE, NEW, PRESENT, refs=("main",))
    made.download(GGUF, QUANTS, FORMS, refs=("main",))
    card = {"README.md": b"---\nbase_model: acme/base\n---\n", "adapter_model.safetensors": b"a"}
    made.download(LORA, TUNED, card, refs=("main",))
    monkeypatch.setenv("HF_HUB_CACHE", str(made.root))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return made


def labels(cli: Cli, wish: str = "") -> dict[str, int]:
    records = cli("ls", "hf:", *filter(None, [wish]), "--versions", "--json", code=None).records
    return {f"{one['name']}:{one['version']}": one["unique"] for one in records}


def free(cli: Cli, wish: str, plan: Path, *more: str, code: int | None = 0) -> str:
    said = cli("plan", "hf:", wish, "-o", plan, *more, code=code).out
    count = said.split("will be deleted: ")[1].split(" ")[0]
    cli("apply", plan, "--yes", "--expect", count)
    return said


def there(hub: Hub, folder: str, commit: str) -> set[str]:
    top = hub.root / folder / "snapshots" / commit
    return {path.relative_to(top).as_posix() for path in top.rglob("*") if not path.is_dir()}


def check(hub: Hub, kept: dict[str, str]) -> None:
    """The library finds these revisions, and nothing to warn of."""
    found = scan_cache_dir(hub.root)
    assert [str(one) for one in found.warnings] == []
    assert {one.repo_path.name for one in found.repos} == {key.partition("@")[0] for key in kept}
    for key, commit in kept.items():
        _, *name = key.partition("@")[0].split("--")
        where = snapshot_download(
            "/".join(name), revision=commit, cache_dir=hub.root, local_files_only=True
        )
        assert where.endswith(commit)


EVERY = {BASE: NEW, f"{BASE}@old": OLD, GGUF: QUANTS, LORA: TUNED}


def test_each_form_is_listed_with_what_only_it_needs(cli: Cli, hub: Hub) -> None:
    new, old, quants = NEW[:12], OLD[:12], QUANTS[:12]
    assert labels(cli) == {
        f"acme/base:{old}": 2,
        f"acme/base:{old}/bin": 0,
        f"acme/base:{old}/h5": 7000,
        f"acme/base:{new}": 93,
        f"acme/base:{new}/safetensors": 6107,
        f"acme/base:{new}/bin": 0,
        f"acme/base:{new}/onnx": 4400,
        f"acme/base-GGUF:{quants}": len(FORMS["README.md"]),
        f"acme/base-GGUF:{quants}/base-Q4_K_M.gguf": 4000,
        f"acme/base-GGUF:{quants}/base-Q8_0.gguf": 8000,
        f"acme/base-GGUF:{quants}/BF16/base-BF16.gguf": 16_000,
        f"me/lora:{TUNED[:12]}": len(FORMS["README.md"]) + 1,
    }
    assert "in 3 forms" in cli("show", "hf:", "acme/base:main").out


def test_one_quantisation_goes_and_frees_what_it_said(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    before = hub.bytes()
    asks = cli("plan", "hf:", "version:*Q8_0*", "-o", tmp_path / "p", code=1).out
    assert "needs your consent" in asks
    said = free(cli, "version:*Q8_0*", tmp_path / "p", "--delete-aliases")
    assert "8 KB listed, 8 KB freed" in said
    assert "aliases that stay  1  main: on a version that stays, without these parts" in said
    assert f"aliases main in acme/base-GGUF:{QUANTS[:12]}" in said
    assert "aliases that go" not in said
    assert before - hub.bytes() >= 8000
    assert there(hub, GGUF, QUANTS) == FORMS.keys() - {"base-Q8_0.gguf"}
    assert (hub.root / GGUF / "refs/main").read_text() == QUANTS
    check(hub, EVERY)
    assert f"acme/base-GGUF:{QUANTS[:12]}/base-Q4_K_M.gguf" in labels(cli)


def test_what_waits_for_consent_is_said_to_lose_a_part_and_no_alias(
    cli: Cli, hub: Hub, tmp_path: Path
) -> None:
    plan = tmp_path / "p"
    said = cli("plan", "hf:", "version:*Q8_0* | version:*/onnx", "-o", plan, code=1).out
    parts = r"2 versions\n  parts of a version with the alias main .2, which stays \(2\)\n"
    assert re.search(f"needs your consent, and stays without it: {parts}", said)
    assert "carry an alias" not in said
    assert "it carries an alias" not in said
    assert "it is a part of a version with an alias, which stays" in said
    assert "--delete-aliases: include them" in said
    (record, _) = cli("plan", "hf:", "version:*Q8_0* | version:*/onnx", "-o", plan, "--json",
                      code=1).records  # fmt: skip
    assert record["reason"] == "part"
    assert record["detail"].startswith("main in acme/base")


def test_with_its_revision_a_form_waits_for_the_alias_that_goes(
    cli: Cli, hub: Hub, tmp_path: Path
) -> None:
    said = cli("plan", "hf:", "name:acme/base-GGUF | version:*/onnx", "-o", tmp_path / "p",
               code=1).out  # fmt: skip
    assert re.findall(r"  (carry an alias: main .*)", said)
    assert "parts of a version with the alias main, which stays (1)" in said


def test_an_alias_goes_with_its_revision_and_not_with_the_forms(
    cli: Cli, hub: Hub, tmp_path: Path
) -> None:
    said = free(cli, "name:acme/base-GGUF | version:*/onnx", tmp_path / "p", "--delete-aliases")
    (goes,) = re.findall(r"aliases that go +(\d.*)", said)
    (stays,) = re.findall(r"aliases that stay +(\d.*)", said)
    assert (goes.split(), stays.split(":")[0].split()) == (["1", "main"], ["1", "main"])
    assert not (hub.root / GGUF).exists()
    assert (hub.root / BASE / "refs/main").read_text() == NEW


def test_the_form_that_is_left_is_the_revision_again(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    free(cli, "name:acme/base-GGUF version:*BF16* | version:*Q8*", tmp_path / "p",
         "--delete-aliases")  # fmt: skip
    assert labels(cli, "name:acme/base-GGUF") == {
        f"acme/base-GGUF:{QUANTS[:12]}": 4000 + len(FORMS["README.md"])
    }
    assert not (hub.root / GGUF / "snapshots" / QUANTS / "BF16").exists()
    check(hub, EVERY)


def test_what_a_ref_points_to_is_not_without_an_alias(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    assert labels(cli, "alias:none").keys() == {
        f"acme/base:{OLD[:12]}", f"acme/base:{OLD[:12]}/bin", f"acme/base:{OLD[:12]}/h5",
    }  # fmt: skip
    before = hub.bytes()
    said = free(cli, "alias:none", tmp_path / "p")
    assert "3 versions, 13 KB listed, 7 KB freed" in said
    assert before - hub.bytes() >= 7002
    check(hub, {key: commit for key, commit in EVERY.items() if commit != OLD})


def test_a_revision_takes_its_forms_along(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    stays = cli("plan", "hf:", f"version:{OLD[:12]}", "-o", tmp_path / "p", code=1).out
    assert "nothing will be deleted" in stays
    assert f"{OLD[:12]}/h5" in stays
    free(cli, f"version:{OLD[:12]}", tmp_path / "q", "--with-dependents")
    assert not (hub.root / BASE / "snapshots" / OLD).exists()
    check(hub, {key: commit for key, commit in EVERY.items() if commit != OLD})


def test_a_collection_goes_in_one_gesture(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    free(cli, "name:acme/base-GGUF", tmp_path / "p", "--delete-aliases")
    assert not (hub.root / GGUF).exists()
    check(hub, {key: commit for key, commit in EVERY.items() if key != GGUF})


@pytest.mark.parametrize("form", ["", "/onnx"])
def test_a_revision_is_kept_with_all_its_forms_and_a_form_by_itself(
    cli: Cli, hub: Hub, tmp_path: Path, form: str
) -> None:
    cli("add", "--from", "hf:", f"acme/base:{NEW[:12]}{form}", "kept")
    cli("export", "kept:v0", "-o", tmp_path / "out")
    out = tmp_path / "out"
    assert {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} == {
        name for name in PRESENT if name.startswith(form[1:])
    }


def test_models_that_were_tuned_keep_one_form_of_their_base(
    cli: Cli, hub: Hub, tmp_path: Path
) -> None:
    said = free(cli, f"name:acme/base version:{NEW[:12]}/*", tmp_path / "p", "--delete-aliases",
                code=None)  # fmt: skip
    assert "made from it" in said
    assert there(hub, BASE, NEW) == {
        name
        for name in PRESENT
        if "safetensors" in name or name in {"config.json", "training_args.bin"}
    }
    check(hub, EVERY)


def test_a_form_that_was_downloaded_again_since_stays(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    plan = tmp_path / "p"
    cli("plan", "hf:", "version:*/h5 | version:*Q4*", "-o", plan, "--delete-aliases")
    hub.download(GGUF, QUANTS, {"base-Q4_K_M-00001-of-00002.gguf": b"new"})
    assert cli("apply", plan, "--yes", "--expect", "2", code=None).code != 0
    assert "base-Q4_K_M.gguf" in there(hub, GGUF, QUANTS)
    assert "tf_model.h5" not in there(hub, BASE, OLD)


def test_a_form_that_came_since_the_review_holds_its_revision(
    cli: Cli, hub: Hub, tmp_path: Path
) -> None:
    plan = tmp_path / "p"
    cli("plan", "hf:", "alias:none", "-o", plan)
    hub.download(BASE, OLD, {"model.safetensors": b"n" * 500})
    assert cli("apply", plan, "--yes", "--expect", "3", code=None).code != 0
    assert there(hub, BASE, OLD) == {"config.json", "model.safetensors"}


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["model.safetensors", "tokenizer.bin", "training_args.bin", "optimizer.pt"], []),
        (["model.safetensors", "pytorch_model.bin.index.json"], ["bin", "safetensors"]),
        (["model.safetensors", "1_Dense/pytorch_model.bin"], []),
        (
            ["unet/d_model.safetensors", "unet/d_model.fp16.safetensors", "vae/model.bin"],
            ["unet/fp16.safetensors", "unet/safetensors"],
        ),
        (["original/consolidated.00.pth", "model.safetensors"], ["pth", "safetensors"]),
        (["a.gguf", "mmproj-a.gguf"], ["a.gguf", "mmproj-a.gguf"]),
        (["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"], []),
    ],
)  # fmt: skip
def test_what_is_a_form_of_its_own(
    cli: Cli, tmp_path: Path, files: list[str], found: list[str]
) -> None:
    made = Hub(tmp_path / "plain")
    made.download("models--m", NEW, {name: name.encode() for name in files})
    made.download("datasets--d", NEW, {name: name.encode() for name in files})
    records = cli("ls", f"hf:{made.root}", "--versions", "--json").records
    names = {one["version"] for one in records if one["type"] == "model"}
    assert names == {NEW[:12], *(f"{NEW[:12]}/{form}" for form in found)}
    assert sum(one["type"] == "dataset" for one in records) == 1


@pytest.mark.parametrize("seed", range(6))
def test_whatever_goes_together_frees_what_was_promised(
    cli: Cli, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same each time
    hub = Hub(tmp_path / "some")
    names = ["model.safetensors", "model.bin", "model.h5", "model.onnx", "a.gguf", "c.json"]
    for commit in (OLD, NEW):
        for folder in (BASE, GGUF):
            files = {
                name: f"{folder[-4:]}{name[-3:]}{chance.randrange(3)}".encode() * 5
                for name in chance.sample(names, chance.randrange(2, 6))
            }
            hub.download(folder, commit, files, refs=("main",) * chance.randrange(2))
    address, plan, keys = f"hf:{hub.root}", tmp_path / "p", tmp_path / "keys"
    records = cli("ls", address, "--versions", "--json").records
    some = chance.sample(records, chance.randrange(1, len(records)))
    keys.write_text("\n".join(one["key"] for one in some))
    more = ("--delete-aliases", "--with-dependents")
    said = cli("plan", address, "--from", keys, "-o", plan, *more).out
    promised = re.search(r"deleted: (\d+) versions?, .*\b(\d+) B freed", said)
    assert promised is not None
    before = payload(hub)
    cli("apply", plan, "--yes", "--expect", promised[1])
    assert before - payload(hub) == int(promised[2])
    assert [str(one) for one in scan_cache_dir(hub.root).warnings] == []


def payload(hub: Hub) -> int:
    return sum(path.stat().st_size for path in hub.root.glob("*/blobs/*"))
