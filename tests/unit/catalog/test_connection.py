from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import connect, marks
from artifact_tui.catalog.catalog_file import TABLES
from artifact_tui.catalog.catalog_rows import snapshot
from artifact_tui.catalog.listing import registry_totals
from artifact_tui.catalog.version_names import find_version
from artifact_tui.errors import ArtifactTuiError, NotFoundError, RegistryError
from artifact_tui.model import schema_sql
from tests.support.catalogs import Maker
from tests.support.writing import change

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534
READ_AS_NOBODY = """
import os, sys
from contextlib import closing
from pathlib import Path
from artifact_tui.catalog import connect
from artifact_tui.errors import RegistryError
from artifact_tui.model import schema_sql
schema_sql()  # while this user may read the library
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
try:
    with closing(connect(Path(sys.argv[1]))) as conn:
        print(conn.execute("SELECT count(*) FROM collection").fetchone()[0])
except RegistryError as error:
    print(error)
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="artifact-tui-test-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def read_as_nobody(path: Path) -> str:
    """What a user is told who may read, and not write, the catalog and its folder."""
    for one in path.parent.iterdir():
        one.chmod(0o444)
    path.parent.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", READ_AS_NOBODY, str(path), str(NOBODY)],
        capture_output=True,
        text=True,
        check=False,
        cwd=os.getcwd(),  # noqa: PTH109 - where the package is, for who may not go home
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_catalog_cannot_be_written(tmp_path: Path) -> None:
    path = Maker().collection("a").write(tmp_path / "catalog.db")
    with (
        closing(connect(path)) as conn,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        conn.execute("DELETE FROM collection")


def test_a_catalog_in_a_folder_that_can_only_be_read_is_read(public: Path) -> None:
    path = Maker().collection("a").write(public / "catalog.db")
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
    names = sorted(one.name for one in public.iterdir())
    assert read_as_nobody(path) == "1"
    assert sorted(one.name for one in public.iterdir()) == names


def test_changes_left_in_a_log_are_read_where_nothing_can_be_written(public: Path) -> None:
    path = Maker().collection("a").write(public / "made.db")
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("DELETE FROM collection")
        writer.commit()
        (public / "folder").mkdir()
        for end in ("", "-wal"):
            shutil.copy(public / f"made.db{end}", public / "folder" / f"catalog.db{end}")
    assert read_as_nobody(public / "folder" / "catalog.db") == "0"
    (public / "folder").chmod(0o755)


def test_a_missing_file_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"nothing\.db") as caught:
        connect(tmp_path / "nothing.db")
    assert "There is no such file" in caught.value.hint
    assert not (tmp_path / "nothing.db").exists()


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    path.write_bytes(b"hello " * 1000)
    with pytest.raises(RegistryError, match=r"catalog\.db"):
        connect(path)
    assert path.read_bytes() == b"hello " * 1000


def test_a_database_without_the_tables_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE version(id)")
    with pytest.raises(RegistryError, match="has no table alias, blob"):
        connect(path)


def test_the_tables_asked_for_are_those_of_the_model() -> None:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript(schema_sql())
        names = {name for (name,) in conn.execute("SELECT name FROM sqlite_schema")}
    assert names >= TABLES


@pytest.mark.parametrize("name", ["with space", "a?b#c%20d", "ü", "-x"])
def test_any_path_works(tmp_path: Path, name: str) -> None:
    path = Maker().collection("a").write(tmp_path / f"{name}.db")
    with closing(connect(path, marks=tmp_path / f"{name} marks.db")) as conn:
        assert marks.mark_keys(conn, ["k"]) == 1
    assert (tmp_path / f"{name} marks.db").exists()


def test_the_marks_are_the_owners_alone(tmp_path: Path) -> None:
    path = Maker().collection("a").write(tmp_path / "catalog.db")
    with closing(connect(path, marks=tmp_path / "marks.db")):
        assert stat.S_IMODE((tmp_path / "marks.db").stat().st_mode) == 0o600


def test_damaged_marks_are_named(tmp_path: Path) -> None:
    path = Maker().collection("a").write(tmp_path / "catalog.db")
    (tmp_path / "marks.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(ArtifactTuiError, match=r"marks\.db") as caught:
        connect(path, marks=tmp_path / "marks.db")
    assert "Move it away" in caught.value.hint


def test_commits_of_others_are_seen_at_once(tmp_path: Path) -> None:
    maker = Maker()
    maker.version("a", size=1)
    path = maker.write(tmp_path / "catalog.db")
    with closing(connect(path)) as conn:
        assert registry_totals(conn).size == 1
        change(path, "UPDATE version SET size = 5")
        assert registry_totals(conn).size == 5


def test_a_failure_in_the_middle_leaves_no_half_known_totals(tmp_path: Path) -> None:
    maker = Maker()
    maker.version("a", size=1)
    path = maker.write(tmp_path / "catalog.db")
    with closing(connect(path)) as conn:
        with pytest.raises(NotFoundError):
            _ask_and_fail(conn)
        assert not conn.in_transaction
        assert registry_totals(conn).size == 1


def _ask_and_fail(conn: sqlite3.Connection) -> None:
    with snapshot(conn):
        registry_totals(conn)
        find_version(conn, "no:such")


def test_a_catalog_that_breaks_while_open_is_named(tmp_path: Path) -> None:
    maker = Maker()
    for _ in range(2_000):
        maker.version("a", size=1)
    path = maker.write(tmp_path / "catalog.db")
    with closing(connect(path)) as conn:
        conn.execute("PRAGMA mmap_size = 0")
        content = bytearray(path.read_bytes())
        content[8192:] = b"\xff" * (len(content) - 8192)
        path.write_bytes(content)
        with pytest.raises(RegistryError, match=r"catalog\.db cannot be read") as caught:
            registry_totals(conn)
        assert "fsck" in caught.value.hint
        assert not conn.in_transaction
