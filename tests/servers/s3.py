"""moto's S3 server in a process of its own, on loopback."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PORT = (
    "import sys; from moto.server import ThreadedMotoServer as S;"
    " s = S('127.0.0.1', 0, verbose=False);"
    " s.start(); print(s.get_host_and_port()[1], flush=True); sys.stdin.read(); s.stop()"
)


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """The endpoint of a fresh S3 server."""
    command = [sys.executable, "-c", _PORT]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
