"""A registry that a group shares: all that is made in it follows the folder above."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli, Local


@pytest.fixture(params=[0o002, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """How the program is started."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def made(cli: Cli, above: Path) -> dict[str, int]:
    """Make a registry two folders below, and use it; the bits of all that is in `above` then."""
    root, source = above / "team" / "reg", above.parent / "weights"
    source.write_bytes(b"x" * 100)
    address = f"local:{root}"
    cli("add", source, "net", "--type", "model", "--registry", address, "--create")
    with closing(sqlite3.connect(root / "registry.db")) as conn:  # its log stays meanwhile
        assert conn.execute("SELECT count(*) FROM version").fetchone() == (1,)
        cli("alias", address, "net:v0", "--add", "candidate", "--yes", "--expect", "1")
        assert (root / "registry.db-shm").exists()
        return {
            str(path.relative_to(above)): stat.S_IMODE(path.stat().st_mode)
            for path in above.rglob("*")
        }


def test_what_a_group_shares_stays_shared(cli: Cli, tmp_path: Path, umask: int) -> None:
    above = tmp_path / "share"
    above.mkdir()
    above.chmod(0o2775)
    for name, mode in made(cli, above).items():
        blob = "blobs/" in name and len(name) > len("team/reg/blobs/ab/")
        folder = not blob and "." not in name and not name.endswith("FORMAT")
        others = 0 if umask == 0o077 else 0o5 if folder else 0o4
        assert mode == (0o440 if blob else 0o2770 if folder else 0o660) | others, name


@pytest.mark.parametrize(("above", "bits"), [(0o755, 0o755), (0o700, 0o700), (0o1777, 0o777)])
def test_elsewhere_the_umask_and_the_folder_above_say_who_may(
    cli: Cli, tmp_path: Path, umask: int, above: int, bits: int
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own").chmod(above)
    for name, mode in made(cli, tmp_path / "own").items():
        assert mode & ~(bits & ~umask) == 0, name
        assert mode >= 0o400, name


def test_hints_name_no_option_that_nobody_gave(cli: Cli, registry: Local) -> None:
    cli("registries", "add", "team", registry.address, "--production")
    for args in (
        ["gc", "team"],
        ["alias", "team", "net:v0", "--add", "a"],
        ["purge", "team", "--all"],
    ):
        ran = cli(*args, code=None)
        assert ran.code != 0
        assert "--read-only" not in ran.err
