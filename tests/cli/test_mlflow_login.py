"""Who we are at an MLflow server: found where MLflow's own client looks, and sent nowhere else."""

from __future__ import annotations

import http.server
import ssl
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.servers.mlflow.mlflow_registry import MlflowRegistry, fresh_mlflow
from tests.support.certificates import certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Cli

PASSWORD = "correct-horse"  # noqa: S105 - of a server on loopback
VARIABLES = (
    "URI", "USERNAME", "PASSWORD", "TOKEN", "SERVER_CERT_PATH", "CLIENT_CERT_PATH",
    "INSECURE_TLS", "AUTH", "AWS_SIGV4",
)  # fmt: skip


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MlflowRegistry]:
    """A server with five versions of `net` that wants to know who asks, as `ada` may."""
    for name in VARIABLES:
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    server = fresh_mlflow()
    for number in range(5):
        server.version("net", f"s3://bucket/{number}")
    server.guard("ada", PASSWORD)
    yield server
    server.guard("", "")


def test_the_environment_tells_who_we_are(
    cli: Cli, guarded: MlflowRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    assert "5 versions" in cli("ls", guarded.address).out


def test_the_file_of_mlflow_does_too(cli: Cli, guarded: MlflowRegistry, tmp_path: Path) -> None:
    file = tmp_path / ".mlflow" / "credentials"
    file.parent.mkdir()
    file.write_text(
        f"[mlflow]\nmlflow_tracking_username = ada\nmlflow_tracking_password = {PASSWORD}\n"
    )
    assert "5 versions" in cli("ls", guarded.address).out


def test_a_configured_login_comes_first(
    cli: Cli, guarded: MlflowRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "of-somewhere-else")
    monkeypatch.setenv("TEAM_PASSWORD", PASSWORD)
    login = ("--set", "username=ada", "--set", "password_env=TEAM_PASSWORD")
    cli("registries", "add", "team", guarded.address, *login)
    assert "5 versions" in cli("ls", "team").out


def test_a_refusal_says_where_the_login_came_from_and_not_what_it_is(
    cli: Cli, guarded: MlflowRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is a web page, as MLflow's own is."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "wrong-token")
    refused = cli("ls", guarded.address, code=1)
    assert "refused our credentials (401" in refused.err
    assert "MLFLOW_TRACKING_TOKEN" in refused.err
    assert "wrong-token" not in refused.out + refused.err
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
    assert "Set MLFLOW_TRACKING_USERNAME" in cli("ls", guarded.address, code=1).err


def test_a_login_for_another_server_is_not_sent(
    cli: Cli, guarded: MlflowRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    assert "refused our credentials" in cli("ls", guarded.address, code=1).err


def test_each_deletion_costs_less_than_two_requests(
    cli: Cli, guarded: MlflowRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With authentication a server needs most of a second for each."""
    guarded.fill("net", 195)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    plan = tmp_path / "deletion.plan"
    cli("plan", guarded.address, "name:net", "-o", plan)
    guarded.forget()
    cli("apply", plan, "--yes", "--expect", "200")
    assert guarded.versions() == set()
    assert len(guarded.requests()) <= 2 * 200


class Encrypted:
    """The same server behind TLS, and who is let in."""

    def __init__(self, server: MlflowRegistry, folder: Path) -> None:
        self.certificate = certificate(folder, "localhost")
        self.ours = certificate(folder, "client")
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(self.certificate)

        class Forward(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = httpx.get(f"{server.url}{self.path}", trust_env=False)
                self.send_response(answer.status_code)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forward)
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign] # a refused one
        self._http.socket = self._context.wrap_socket(
            self._http.socket, server_side=True, do_handshake_on_connect=False
        )
        self.address = f"mlflow+https://localhost:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def want(self, client: Path) -> None:
        """Let nobody in without this certificate from now on."""
        self._context.load_verify_locations(client)
        self._context.verify_mode = ssl.CERT_REQUIRED

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def encrypted(guarded: MlflowRegistry, tmp_path: Path) -> Iterator[Encrypted]:
    """The server behind TLS; who asks need not log in."""
    guarded.guard("", "")
    found = Encrypted(guarded, tmp_path)
    yield found
    found.close()


def test_a_server_is_trusted_as_the_environment_says(
    cli: Cli, encrypted: Encrypted, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = cli("registries", "test", encrypted.address, code=1)
    assert "is not trusted" in unknown.out + unknown.err
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
    said = "not checked (MLFLOW_TRACKING_INSECURE_TLS)"
    assert said in cli("registries", "test", encrypted.address).out
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    cli("registries", "test", encrypted.address, code=1)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(encrypted.certificate))
    assert "not checked" not in cli("registries", "test", encrypted.address).out
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(encrypted.ours))
    cli("registries", "test", encrypted.address, code=1)
    monkeypatch.delenv("MLFLOW_TRACKING_SERVER_CERT_PATH")
    monkeypatch.delenv("MLFLOW_TRACKING_INSECURE_TLS")
    cli("registries", "add", "team", encrypted.address, "--set", "insecure_tls=true")
    assert "not checked (insecure_tls)" in cli("registries", "test", "team").out


def test_a_server_that_wants_a_certificate_of_ours_gets_it(
    cli: Cli, encrypted: Encrypted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(encrypted.certificate))
    encrypted.want(encrypted.ours)
    refused = cli("registries", "test", encrypted.address, code=1)
    assert "client_cert" in refused.out + refused.err
    monkeypatch.setenv("MLFLOW_TRACKING_CLIENT_CERT_PATH", str(encrypted.ours))
    assert "MLflow 3." in cli("registries", "test", encrypted.address).out
    monkeypatch.delenv("MLFLOW_TRACKING_CLIENT_CERT_PATH")
    ours = ("--set", f"client_cert={encrypted.ours}")
    cli("registries", "add", "team", encrypted.address, *ours)
    assert "MLflow 3." in cli("registries", "test", "team").out


@pytest.mark.parametrize("name", ["MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_AWS_SIGV4"])
def test_a_login_that_is_not_supported_is_named(
    cli: Cli, guarded: MlflowRegistry, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "true")
    assert f"{name} is set, and such a login" in cli("ls", guarded.address, code=1).err


def test_a_workspace_is_a_part_of_the_address(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A plan that was made in one is never applied in another."""
    server = MlflowRegistry(Path(tempfile.mkdtemp()), {"MLFLOW_ENABLE_WORKSPACES": "true"})
    try:
        for name in ("vision", "speech"):
            server.enter(name)
            server.call("POST", "registered-models/create", name="net")
            for source in ("a", "b"):
                server.version("net", f"s3://{name}/{source}")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
        monkeypatch.setenv("MLFLOW_WORKSPACE", "vision")
        plan = tmp_path / "deletion.plan"
        assert "2 versions" in cli("plan", "mlflow:", "name:net", "-o", plan).out
        monkeypatch.setenv("MLFLOW_WORKSPACE", "speech")
        cli("apply", plan, "--yes", "--expect", "2")
        assert server.sources() == {"s3://speech/a", "s3://speech/b"}
        assert "is empty" in cli("ls", server.address).out
        assert "2 versions" in cli("ls", f"{server.address}/workspaces/speech").out
    finally:
        server.close()
