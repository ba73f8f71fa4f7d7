"""The server of a store on this machine: MLflow's own, started when it is first asked something.

It runs `mlflow_serving` with the Python that MLflow is installed in, and listens at a Unix socket
in a folder that only this user can enter: at no port, which everybody on the machine could use. It
ends when we do, however that is: it watches a pipe of which we hold the other end. Each process
that opens a store starts one of its own, so one that applies a plan does not depend on the screen.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from artifact_tui.clients.mlflow import mlflow_serving
from artifact_tui.clients.transport import HttpAnswer, HttpCall, HttpTransport
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.clients.mlflow.mlflow_settings import MlflowOptions
    from artifact_tui.clients.servers import ConnectionOptions, Origin

PROGRAM = "mlflow"
BEGIN_S = 180.0
"""Seconds that a server may take to begin: its imports take many on a busy machine."""
LOOK_S = 0.05
"""Seconds between two looks whether it has begun."""

_INSTALL = (
    "Install it beside artifact-tui: pip install mlflow (pipx: pipx inject artifact-tui mlflow)."
)
_LONGEST_SOCKET = 100
"""Bytes that the path of a socket may have, some less than systems allow."""
_KEPT_VARIABLES = ("MLFLOW_S3_", "MLFLOW_BOTO_", "MLFLOW_SQLALCHEMYSTORE_")
"""Beginnings of MLflow's variables that a server needs; others say what it is, or who asks."""
_EXEC = re.compile(rb"exec'?\s+(\"[^\"]+\"|'[^']+'|\S+)")
"""How an installer writes the Python of a program whose path is too long for its first line."""


def python_of(program: Path | None) -> str:
    """The Python that MLflow is installed in, by its program `mlflow`.

    Raises:
        RegistryError: there is no such program, or it is none of Python's.
    """
    beside = Path(sys.executable).with_name(PROGRAM)
    found = program or (beside if beside.is_file() else shutil.which(PROGRAM))
    if found is None:
        raise RegistryError(
            "A store on this machine is read by MLflow itself, which is not installed.",
            hint=_INSTALL,
        )
    try:
        with Path(found).open("rb") as file:
            first, second = file.readline(4096), file.readline(4096)
    except OSError as error:
        raise RegistryError(f"{found} cannot be read: {error.strerror}.", hint=_INSTALL) from error
    words = shlex.split(os.fsdecode(first[2:])) if first.startswith(b"#!") else []
    if words and words[0] == "/bin/sh" and (fit := _EXEC.search(second)):
        words = shlex.split(os.fsdecode(fit[1]))
    if words and Path(words[0]).name == "env":
        words = [shutil.which(words[-1]) or ""]
    if not words or "python" not in Path(words[0]).name:
        raise RegistryError(
            f"Which Python {found} belongs to cannot be told.",
            hint="Name the program in the bin folder of its environment as `program`:"
            " artifact-tui registries add NAME mlflow:PATH --set program=…/bin/mlflow",
        )
    return words[0]


class MlflowServer:
    """The server of one store: not started yet, on its way, or answering."""

    def __init__(self, store: Path, options: MlflowOptions, *, read_only: bool) -> None:
        self.starting = False
        """Whether it is waited for."""
        self.store = store
        self._options = options
        self._read_only = read_only
        self._home = private_folder()
        self.socket = self._home / "mlflow"
        self._log = self._home / "log"
        self._turn = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: BinaryIO | None = None
        """Our end of the pipe that it watches."""

    async def ready(self) -> None:
        """Wait until it answers; start it where it does not run.

        Raises:
            RegistryError: it cannot be started; nothing was sent, and nothing changed.
        """
        async with self._turn:
            if self._process is not None and self._process.poll() is None and self.socket.exists():
                return
            self.starting = True
            try:
                if self._process is None or self._process.poll() is not None:
                    self._start()
                await self._begun()
            finally:
                self.starting = False

    def _start(self) -> None:
        self.socket.unlink(missing_ok=True)
        python = python_of(self._options.program)
        words = [
            python, mlflow_serving.__file__, str(self.store),
            str(self._options.kept), str(self.socket),
            *(["read-only"] if self._read_only else []),
        ]  # fmt: skip
        reading, writing = os.pipe()
        self.close_pipe()
        self._pipe = open(writing, "wb", buffering=0)  # noqa: PTH123, SIM115 - it is open while we are
        try:
            with self._log.open("wb") as log:
                self._process = _spawn(words, reading, log)
        except OSError as error:
            raise RegistryError(
                f"MLflow's server cannot be started with {python}: {error.strerror}."
            ) from error
        finally:
            os.close(reading)
        threading.Thread(target=self._process.wait, name="mlflow-reaper", daemon=True).start()

    async def _begun(self) -> None:
        """Until it listens.

        Raises:
            RegistryError: it ended instead, or does not come to it.
        """
        process, deadline = self._process, time.monotonic() + BEGIN_S
        assert process is not None  # noqa: S101 - for the type checker: it was started
        while not self.socket.exists():
            if (code := process.poll()) is not None:
                raise self._failure(code)
            if time.monotonic() > deadline:
                self.close_pipe()
                raise RegistryError(
                    f"MLflow's server for {self.store} has not begun in {BEGIN_S:.0f} s.",
                    hint="Try again when the machine is less busy.",
                )
            await asyncio.sleep(LOOK_S)

    def _failure(self, code: int) -> RegistryError:
        """Why it ended before it began."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        said = lines[-1].strip()[:300] if lines else f"it ended with {code}"
        kept = f"{self.store} was left as it is."
        if code == mlflow_serving.OLDER:
            return RegistryError(
                f"The database is of an older MLflow than the one that is installed here. {kept}",
                hint="Copy it first, then bring it up to date: mlflow db upgrade"
                f" {shlex.quote(f'sqlite:///{self.store}')}",
            )
        if code == mlflow_serving.NEWER:
            return RegistryError(
                f"The database is of a newer MLflow than the one that is installed here. {kept}",
                hint="Bring MLflow up to date: pip install --upgrade mlflow",
            )
        missing = "ModuleNotFoundError" in said
        return RegistryError(
            f"MLflow's server for {self.store} did not start: {said.rstrip('.')}.",
            hint=_INSTALL if missing else "Nothing was sent, and nothing was changed.",
        )

    def close_pipe(self) -> None:
        """Let it end, once what is under way is done."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def close(self) -> None:
        """Let it end; it removes what it leaves."""
        self.close_pipe()
        shutil.rmtree(self._home, ignore_errors=True)


def _spawn(words: Sequence[str], watched: int, log: BinaryIO) -> subprocess.Popen[bytes]:
    """Start it in a session of its own: an interrupt at the terminal is not meant for it."""
    return subprocess.Popen(  # noqa: S603 - the user's own MLflow, without a shell
        words, stdin=watched, stdout=log, stderr=log, env=variables(), start_new_session=True
    )


def variables() -> dict[str, str]:
    """The environment of a server: what is said there of other servers is not said of it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "_MLFLOW_")) or name.startswith(_KEPT_VARIABLES)
    }
    return {
        **kept,
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_FILE_STORE": "true",  # else MLflow 3 refuses a folder
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def private_folder() -> Path:
    """A new folder that only this user can enter, with a path that is short enough for a socket."""
    for place in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes it private
        if place and len(os.fsencode(place)) < _LONGEST_SOCKET - 40:
            with suppress(OSError):
                return Path(tempfile.mkdtemp(prefix="artifact-tui-mlflow-", dir=place))
    raise RegistryError(
        "There is no folder for the socket of MLflow's server.",
        hint="Set TMPDIR to a folder that you can write to, with a short path.",
    )


class ServedTransport(HttpTransport):
    """All requests to the server of a store, which is started before the first."""

    def __init__(
        self,
        server: MlflowServer,
        origin: Origin,
        options: ConnectionOptions,
        *rest: Any,
        **more: Any,
    ) -> None:
        super().__init__(origin, replace(options, socket=server.socket), *rest, **more)
        self._server = server

    async def send(self, call: HttpCall) -> HttpAnswer:
        """The answer to one request, sent once."""
        await self._server.ready()
        return await super().send(call)

    def pace(self) -> str:
        """What limits the speed now: at first that the server must begin."""
        if self._server.starting:
            return f"starting mlflow server for {self._server.store.name}"
        return super().pace()

    async def aclose(self) -> None:
        """Close every connection, and let the server end."""
        await super().aclose()
        self._server.close()
