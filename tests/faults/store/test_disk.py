"""A disk that is full, fails, or may not be written: a clear error, and no half version."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.errors import NotFoundError, RegistryError
from artifact_tui.model import Deletion, LocalFile, NewVersion
from tests.faults.store.invariants import check, state_of
from tests.support.disks import fill, small_disk
from tests.support.sync_store import SyncStore
from tests.unit.local.support import add, blobs, leftovers, opened, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
MEGABYTE = 1_000_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB; skipped where this user may not mount one."""
    with small_disk(tmp_path / "disk", 4) as folder:
        yield folder


@pytest.fixture
def src(tmp_path: Path) -> Path:
    """A folder of about 6 MB, in files that differ."""
    folder = tmp_path / "src"
    folder.mkdir()
    for number in range(6):
        (folder / f"part-{number}").write_bytes(os.urandom(MEGABYTE))
    return folder


def test_a_folder_larger_than_the_disk(disk: Path, src: Path) -> None:
    with opened(disk / "registry") as store:
        put(store, "before", {"f": b"small"})
        before = blobs(store.layout)
        with pytest.raises(RegistryError, match="no room left") as caught:
            add(store, src)
        assert str(store.layout.root) in str(caught.value)
        assert caught.value.hint
        assert leftovers(store.layout) == []
        assert blobs(store.layout) == before
        assert [one.name for one in store.listing().collections] == ["before"]
        assert add(store, src / "part-0").size == MEGABYTE
    check(store.layout)


def test_a_disk_without_any_room_takes_nothing_and_gives_what_is_deleted(disk: Path) -> None:
    with opened(disk / "registry") as store:
        keys = [put(store, "m", {"f": b"same"}) for _ in range(20)]
        before = state_of(store.layout)
        ballast = fill(disk)
        calls: list[Callable[[], object]] = [
            lambda: put(store, "n" * 10_000, {"f": b"new" * 5000}),
            lambda: add(store, ballast),
        ]
        for call in calls:
            with pytest.raises(RegistryError, match="no room left") as caught:
                call()
            assert caught.value.hint
            assert state_of(store.layout) == before
        assert leftovers(store.layout) == []
        gone = store.delete([Deletion(key, delete_aliases=True) for key in keys])
        assert {one.result for one in gone} == {"done"}
    check(store.layout)


def test_a_full_disk_without_a_reserve_is_read_and_cleaned_and_says_what_helps(
    disk: Path,
) -> None:
    with opened(disk / "registry") as store:
        keys = [put(store, "m", {"f": b"x" * MEGABYTE}), put(store, "n")]
        store.delete([Deletion(keys[0], delete_aliases=True)])
        store.purge(keys[:1])
        put(store, "o")
    shutil.rmtree(store.layout.root / "reserve")
    fill(disk)
    store = SyncStore(store.layout)
    try:
        assert [one.name for one in store.listing().collections] == ["n", "o"]
        with pytest.raises(RegistryError, match="no room left") as caught:
            store.delete([Deletion(keys[1], delete_aliases=True)])
        assert "artifact-tui gc" in caught.value.hint
        assert store.collect_garbage().freed == MEGABYTE
        assert store.delete([Deletion(keys[1], delete_aliases=True)])[0].result == "done"
    finally:
        store.close()
    check(store.layout)


def attempt(store: SyncStore, src: Path) -> RegistryError | None:
    """Add a folder; gives the error, if any."""
    try:
        add(store, src)
    except RegistryError as error:
        return error
    return None


def attempt_to_keep(store: SyncStore, src: Path) -> RegistryError | None:
    """Keep the files of a folder; gives the error, if any."""
    files = {path.name: LocalFile(path, steady=True) for path in src.iterdir()}
    try:
        store.keep(files, NewVersion(name="kept", type="model"))
    except RegistryError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("work", "name"),
    [
        *((attempt, name) for name in ("open", "write", "fsync", "fchmod", "rename")),
        *((attempt, name) for name in ("mkdir", "chmod")),
        *((attempt_to_keep, name) for name in ("open", "fsync", "link", "replace", "rename")),
    ],
)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_every_call_may_fail_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[SyncStore, Path], RegistryError | None],
    name: str,
    code: int,
) -> None:
    src = tmp_path / "src"
    src.mkdir()
    for number in range(3):
        (src / str(number)).write_bytes(bytes([number]) * 1000)
    real = getattr(os, name)
    failures = 0
    with opened(tmp_path / "registry") as store:
        before = state_of(store.layout)
        for nth in range(1, 50):
            count = 0

            def failing(*args: Any, nth: int = nth, **more: Any) -> Any:
                nonlocal count
                count += 1
                if count == nth and (name == "link" or "src" not in str(args[0])):
                    raise OSError(code, os.strerror(code), "somewhere")
                return real(*args, **more)

            monkeypatch.setattr(os, name, failing)
            error = work(store, src)
            monkeypatch.setattr(os, name, real)
            if count < nth:
                break
            if error is None:
                continue
            assert error.hint
            failures += 1
            assert state_of(store.layout) == before
            assert leftovers(store.layout) == []
            assert blobs(store.layout) == {}
        assert failures >= 1
        check(store.layout)


@pytest.mark.parametrize("limit", [0, 1, 4096, 100_000, 1_500_000])
def test_a_limit_on_the_size_of_files(tmp_path: Path, src: Path, limit: int) -> None:
    with opened(tmp_path / "registry") as store:
        put(store, "before", {"f": b"small"})
    before = state_of(store.layout)
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from artifact_tui.model import NewVersion\n"
        "from artifact_tui.clients.local.local_folder import Layout\n"
        "from tests.support.sync_store import SyncStore\n"
        "from artifact_tui.errors import ArtifactTuiError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)\n"
        "try:\n"
        "    store = SyncStore(Layout(sys.argv[1]))\n"
        "    store.add(Path(sys.argv[2]), NewVersion(name='m', type='model'))\n"
        "except ArtifactTuiError as error:\n"
        "    sys.exit(f'{error} {error.hint}')\n"
    )
    words = [sys.executable, "-c", code, str(store.layout.root), str(src), str(limit)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    if limit > resource.getpagesize() and limit > MEGABYTE:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 1
        assert str(store.layout.root) in done.stderr
        assert state_of(store.layout) == before
        assert leftovers(store.layout) == []
    check(store.layout)


def test_folders_that_vanish_are_named(tmp_path: Path) -> None:
    for name in ("tmp", "blobs", "gc.lock"):
        with opened(tmp_path / name / "registry") as store:
            put(store)
            before = state_of(store.layout)
            path = store.layout.root / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            with pytest.raises(RegistryError, match=f"/registry/{name}") as caught:
                put(store, "n", {"f": b"new"})
            assert caught.value.hint
            assert state_of(store.layout) == before


@pytest.mark.parametrize("planted", ["file", "link to nowhere", "pipe"])
def test_what_is_in_the_way_of_a_folder_of_blobs_is_named(tmp_path: Path, planted: str) -> None:
    with opened(tmp_path / "registry") as store:
        put(store)
        before = state_of(store.layout)
        folder = store.layout.blob("sha256:" + hashlib.sha256(b"new").hexdigest()).parent
        if planted == "file":
            folder.touch()
        elif planted == "pipe":
            os.mkfifo(folder)
        else:
            folder.symlink_to(tmp_path / "nowhere")
        with pytest.raises(RegistryError, match=f"{folder}.* could not be used: Not a directory"):
            put(store, "n", {"f": b"new"})
        assert state_of(store.layout) == before
        assert leftovers(store.layout) == []
        folder.unlink()
    check(store.layout)


def test_a_registry_that_vanishes_is_not_made_again(tmp_path: Path) -> None:
    with opened(tmp_path / "registry") as store:
        shutil.rmtree(store.layout.root)
    with pytest.raises(NotFoundError):
        SyncStore(store.layout)
    assert not store.layout.root.exists()


NOBODY = 65534
SCRIPT = """
import os, sys
from pathlib import Path
from artifact_tui.clients.local import open_registry
from artifact_tui.model import NewVersion
from artifact_tui.clients.local.local_folder import Layout
from tests.support.disks import fill, small_disk
from tests.support.sync_store import SyncStore
from artifact_tui.errors import ArtifactTuiError
root, source, user = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
SyncStore.create(source / "warm").close()  # every module is loaded while we may still read them
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(user); os.setuid(user)
def attempt(what, call):
    try:
        print(what, "ok", call())
    except ArtifactTuiError as error:
        print(what, type(error).__name__, error, "|", error.hint)
store = None
for read_only in (True, False):
    def opening():
        global store
        store = SyncStore(Layout(root), read_only=read_only)
        return bool(store.unwritable), store.read_only, len(store.listing().collections)
    attempt("open", opening)
    if store is None:
        continue
    attempt("fsck", lambda: store.fsck(verify=True).problems)
    attempt("dry", lambda: store.collect_garbage(dry_run=True).blobs)
    key = store.resolve("m:v0")
    attempt("add", lambda: store.add(source / "f", NewVersion(name="m", type="model")))
    attempt("purge", lambda: store.purge([key]))
    attempt("repair", lambda: store.fsck(repair=True))
    attempt("gc", lambda: store.collect_garbage())
    store.close()
    store = None
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="artifact-tui-test-"))
    folder.chmod(0o755)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


def as_nobody(public: Path) -> list[str]:
    """Run the script as a user who may only read; gives the lines that it printed."""
    source = public / "source"
    source.mkdir()
    (source / "f").write_bytes(b"new")
    words = [sys.executable, "-c", SCRIPT, str(public / "registry"), str(source), str(NOBODY)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


SLOW = """
import os, sys
from pathlib import Path
from artifact_tui.clients.local.local_folder import Layout
from artifact_tui.model import NewVersion
from tests.support.sync_store import SyncStore
warm = SyncStore.create(Path(sys.argv[1]) / "warm")
warm.add_many([(NewVersion(name="m", type="model"), {"f": b"1"})])
warm.close()  # every module is loaded while we may still read them
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
print("begin", flush=True)
store = SyncStore(Layout(Path(sys.argv[1]) / "registry"))
store.add_many([(NewVersion(name="m", type="model"), {"f": b"2"})])
print(len(store.listing().collections))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="two users are needed")
@pytest.mark.parametrize("left", [0o600, 0o644], ids=oct)
def test_the_log_that_another_user_is_just_making_is_waited_for(public: Path, left: int) -> None:
    """What the umask of the one who makes it leaves is corrected by SQLite a moment later."""
    with opened(public / "registry") as store:
        put(store, "first")
        for path in [store.layout.root, *store.layout.root.rglob("*")]:
            path.chmod(0o777 if path.is_dir() else 0o666)
        logs = sorted(store.layout.root.glob("registry.db-*"))
        assert len(logs) == 2  # SQLite's log and its index
        for log in logs:
            log.chmod(left)
        words = [sys.executable, "-c", SLOW, str(public), str(NOBODY)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "begin\n"
            time.sleep(0.2)
            for log in logs:
                log.chmod(0o666)
            assert other.stdout.read() == "2\n"
        assert other.returncode == 0


def make_read_only(root: Path) -> None:
    """Everybody may read, nobody may write."""
    for path in [root, *root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def test_a_read_only_folder_can_be_read_and_refuses_to_be_written(public: Path) -> None:
    with opened(public / "registry") as store:
        put(store, "m", {"f": b"12345"})
    before = state_of(store.layout)
    make_read_only(store.layout.root)
    names = sorted(path.name for path in store.layout.root.iterdir())
    lines = as_nobody(public)
    assert lines[0] == lines[7] == "open ok (True, True, 1)"
    assert lines[1:3] == lines[8:10] == ["fsck ok ()", "dry ok 0"]
    for line in (*lines[3:7], *lines[10:14]):
        assert line.split()[1] == "ReadOnlyError"
        assert str(store.layout.root) in line
    assert sorted(path.name for path in store.layout.root.iterdir()) == names
    assert state_of(store.layout) == before


def test_a_read_only_folder_is_read_with_the_changes_left_in_its_log(public: Path) -> None:
    with opened(public / "live") as store:
        put(store, "m")
        shutil.copytree(store.layout.root, public / "registry")
    (public / "registry" / "registry.db-shm").unlink()
    assert (public / "registry" / "registry.db-wal").stat().st_size > 0
    make_read_only(public / "registry")
    lines = as_nobody(public)
    assert lines[0] == lines[7] == "open ok (True, True, 1)"
    assert lines[1:3] == lines[8:10] == ["fsck ok ()", "dry ok 0"]


def test_a_database_that_may_not_be_read_says_so(public: Path) -> None:
    with opened(public / "registry") as store:
        put(store, "m")
    store.layout.db.chmod(0o000)
    for line in as_nobody(public):
        assert "RegistryError" in line
        assert "registry.db cannot be read: Permission denied" in line
    store.layout.db.chmod(0o644)
