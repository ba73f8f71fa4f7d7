"""S3 servers, each in a process of its own, on loopback: moto's and MiniStack's."""

from __future__ import annotations

import atexit
import contextlib
import functools
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import botocore.session

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

# Each client of boto3 parses descriptions of the whole protocol anew, a megabyte of JSON.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

_PORT = (
    "import gc, sys; from moto.server import ThreadedMotoServer as S;"
    " gc.set_threshold(50_000, 20, 20);"
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


@functools.cache
def shared_moto() -> str:
    """The endpoint of the one that the tests of this process share: each has buckets of its own."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(moto())


def as_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let boto3 find credentials of nobody, and no files of this machine's user."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "canary-secret",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


_READY_S = 30.0
_ONLY_S3_ON_LOOPBACK = {
    "BIND_HOST": "127.0.0.1",
    "SERVICES": "s3",
    "IOT_MTLS_ENABLED": "0",  # or it listens on 0.0.0.0:8883, whatever BIND_HOST says
    "SFTP_ENABLED": "0",
    "DOCKER_HOST": "unix:///nowhere",  # it would look for containers of its own
}


@contextlib.contextmanager
def ministack() -> Iterator[str]:
    """The endpoint of a fresh MiniStack that serves nothing but S3."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home}
        environment |= _ONLY_S3_ON_LOOPBACK | {"GATEWAY_PORT": str(port)}
        command = [sys.executable, "-m", "ministack"]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                _until_ready(process, port)
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()


def _free_port() -> int:
    """A port that is free now: MiniStack cannot choose one and say which."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    """Ask until it answers; waiting for its end between two questions notices one that died."""
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        if _says_ready(port):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"MiniStack ended with {process.wait(0.05)}")
    raise AssertionError("MiniStack was not ready in time")


def _says_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/_ministack/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
