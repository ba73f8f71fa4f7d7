"""Python programs that begin with their imports done: forked from a process that has done them.

A test that needs a process of its own, and not its start, saves what an interpreter and hundreds of
modules cost. The process is like any other, but for what `/proc` says of its command line.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from tests.support.signals import as_in_a_shell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
MOST_BYTES = 1 << 18
"""Of a request: the program, its arguments and its environment."""

OURS = (
    "artifact_tui.clients.*",
    "artifact_tui.deletion.*",
    "artifact_tui.cli",
    "artifact_tui.configfile",
    "httpx",
    "httpcore",
    "anyio._backends._asyncio",
    "boto3.session",
    "botocore.docs.service",
    "botocore.retries.standard",
    "botocore.httpsession",
    "boto3.s3.inject",
    "boto3.s3.transfer",
)
"""What is needed sooner or later; `*`: all modules of a package."""

SDK = ("wandb.apis.public", "wandb.sdk.artifacts.*", "requests.sessions", "stringprep")

MLFLOW = ("tests.servers.mlflow.flask_server",)


@dataclass
class Forked:
    """A program that runs or ran, to be asked what `subprocess.Popen` is."""

    pid: int
    _status: int
    returncode: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            with self._lock:
                if self.returncode is None:
                    self.returncode = int(os.read(self._status, 16))
                    os.close(self._status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


Process = Forked | subprocess.Popen[bytes]


def start(
    program: Sequence[str],
    *,
    imports: tuple[str, ...] = OURS,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.DEVNULL,
) -> Process:
    """Start what `python PROGRAM` would, in a session of its own.

    `program` is `-c CODE ARGS`, `-m MODULE ARGS` or `SCRIPT ARGS`.
    """
    if sys.platform != "linux":  # others fork, and send file descriptors, less well
        return subprocess.Popen(
            [sys.executable, *program],
            env=env,
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - a device
        files = [nothing if one == subprocess.DEVNULL else one for one in (stdin, stdout, stderr)]
        fds = [*files, theirs]
        request = {
            "program": list(program),
            "env": dict(os.environ if env is None else env),
            "cwd": str(cwd or Path.cwd()),
        }
        numbers = [one if isinstance(one, int) else one.fileno() for one in fds]
        socket.send_fds(_starter(imports), [json.dumps(request).encode()], numbers)
    return Forked(int(ours.recv(16)), ours.detach())


def run(
    program: Sequence[str],
    *,
    imports: tuple[str, ...] = OURS,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 100,
) -> subprocess.CompletedProcess[str]:
    """Run it to its end; what it printed is in the answer."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start(program, imports=imports, env=env, cwd=cwd, stdout=out, stderr=err)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        for file in (out, err):
            file.seek(0)
        said = (file.read().decode("utf-8") for file in (out, err))
        return subprocess.CompletedProcess(list(program), code, *said)


def worker(path: Path, log: BinaryIO) -> Process:
    """The process that applies a plan, as `artifact_tui.deletion.worker` starts it."""
    return start(["-m", "artifact_tui.deletion.worker", str(path)], stdout=log, stderr=log)


@functools.cache
def _starter(imports: tuple[str, ...]) -> socket.socket:
    """A connection to the process that has these modules; it ends when those to it do.

    One worker of a test run starts it for all of them: the imports take seconds.
    """
    path = Path(tempfile.gettempdir()) / f"forked-{run_id()}-{zlib.crc32(repr(imports).encode())}"
    ours = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    atexit.register(ours.close)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(OSError):
            ours.connect(str(path))
            return ours
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as theirs:
            theirs.bind(str(path))
            theirs.listen(64)
            _start_starter(theirs, imports)
        ours.connect(str(path))
    return ours


_starters: list[subprocess.Popen[bytes]] = []


def _start_starter(theirs: socket.socket, imports: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.forked", str(theirs.fileno()), *imports],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
    )
    _starters.append(process)  # whose destructor would warn that it still runs


def run_id() -> str:
    """What the workers of one test run have in common, and those of another have not."""
    return os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))


def _import(name: str) -> None:
    if not name.endswith(".*"):
        importlib.import_module(name)
        return
    package = importlib.import_module(name.removesuffix(".*"))
    for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(one.name)


def _serve(connection: socket.socket) -> None:
    """Start what is asked for, until nobody can ask any more."""
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        data, fds, _, _ = socket.recv_fds(connection, MOST_BYTES, 4)
        if not data:
            return
        if os.fork() == 0:
            _watch(connection, json.loads(data), fds)
        for fd in fds:
            os.close(fd)


def _serve_all(listening: socket.socket) -> None:
    """Serve each who connects in a process of its own, until the last of them has gone."""
    listening.settimeout(1)
    place = listening.getsockname()
    while True:
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                for left in (place, f"{place}.lock"):
                    Path(left).unlink(missing_ok=True)
                return
            continue
        if os.fork() == 0:
            listening.close()
            connection.setblocking(True)  # noqa: FBT003 - it has no name
            _serve(connection)
            os._exit(0)
        connection.close()


def _watch(connection: socket.socket, request: dict[str, Any], fds: list[int]) -> None:
    """Run the program in a child, and tell its number and how it ended."""
    connection.close()
    *files, told = fds
    pid = os.fork()
    if pid == 0:
        os.close(told)
        os._exit(_become(request, files))
    with socket.socket(fileno=told) as status:
        status.send(str(pid).encode())
        for fd in files:
            os.close(fd)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(BrokenPipeError):  # who started it may be gone
            status.send(str(code).encode())
    os._exit(0)


def _become(request: dict[str, Any], files: list[int]) -> int:
    """Run the program, as the interpreter does; gives the exit code."""
    os.setsid()
    for target, fd in enumerate(files):
        os.dup2(fd, target)
        os.close(fd)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    if os.isatty(0):
        _take_terminal()
    time.tzset()
    sys.path[1:1] = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    try:
        _run(request["program"])
        code: object = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)  # noqa: T201 - as the interpreter does
        code = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code or 0


def _take_terminal() -> None:
    """Make the terminal that of this session, and write to it as the interpreter does."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    as_in_a_shell()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        mode = "w" if number else "r"
        stream = open(number, mode, buffering=1, closefd=False)  # noqa: SIM115 - a terminal
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _run(program: list[str]) -> None:
    if program[0] == "-m":
        sys.argv = program[1:]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # it was imported already
            runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    elif program[0] == "-c":
        sys.argv = ["-c", *program[2:]]
        exec(program[1], {"__name__": "__main__"})  # noqa: S102 - a test's own
    else:
        sys.argv = program
        runpy.run_path(program[0], run_name="__main__")


if __name__ == "__main__":
    for _name in sys.argv[2:]:
        _import(_name)
    gc.set_threshold(50_000, 20, 20)
    gc.freeze()  # what all share is walked through, and so copied, by none
    _serve_all(socket.socket(fileno=int(sys.argv[1])))
