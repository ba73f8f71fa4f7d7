"""Ollama's own server, where it runs: what it serves is deleted through it, never behind its back.

It is asked on this machine only. It may serve another folder than ours, with the same tags in it:
it is taken for ours only when it tells the moment at which our file of the tag was written.
"""

from __future__ import annotations

import json
import os
import re
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from artifact_tui.clients.oci.oci_layout import Tag

PORT = 11434
PATIENCE_S = 5.0
_LARGEST = 10_000_000
"""Bytes of an answer."""
_SAME_US = 1000
_MOMENT = re.compile(r"([\dT:-]{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")


def loaded_manifests() -> frozenset[str]:
    """The digests of the manifests of all models that the server has loaded; none without one.

    Whatever folder it serves, the same digest is the same model.
    """
    import httpx  # noqa: PLC0415 - a start does without

    try:
        with _connection() as http:
            models = _listed(http, "/api/ps")
    except (httpx.HTTPError, ValueError, AttributeError, RecursionError):
        return frozenset()
    digests = (
        str(model.get("digest") or "").removeprefix("sha256:")
        for model in (models if isinstance(models, list) else ())
        if isinstance(model, dict)
    )
    return frozenset(f"sha256:{digest}" for digest in digests if digest)


def _connection() -> httpx.Client:
    import ssl  # noqa: PLC0415 - a start does without

    import httpx  # noqa: PLC0415 - same

    address = f"http://127.0.0.1:{daemon_port()}"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody; not used, and made at once
    return httpx.Client(base_url=address, timeout=PATIENCE_S, trust_env=False, verify=tls)


def delete_through_daemon(tag: Tag) -> bool:
    """Let the server that serves a tag delete it; False where none does.

    Raises:
        OSError: it serves the tag, and did not delete it.
    """
    import httpx  # noqa: PLC0415 - only who deletes needs it

    with _connection() as http:
        try:
            models = _listed(http, "/api/tags")
        except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.HTTPStatusError):
            return False  # nobody is there, or somebody else
        except (ValueError, AttributeError, RecursionError):
            return False  # it is no list of models
        except httpx.HTTPError as error:
            raise OSError(f"Ollama does not say what it serves: {error!r}") from error
        for model in models if isinstance(models, list) else ():
            if isinstance(model, dict) and _is_tag(model, tag):
                try:
                    name = {"model": model.get("name"), "name": model.get("name")}
                    with http.stream("DELETE", "/api/delete", json=name) as answer:
                        answer.raise_for_status()
                except httpx.HTTPError as error:
                    raise OSError(f"Ollama did not delete it: {error!r}") from error
                return True
    return False


def _listed(http: httpx.Client, path: str) -> object:
    """The models that the server lists at a path; it has so long to answer, and so much room."""
    import httpx  # noqa: PLC0415 - only who deletes needs it

    until = time.monotonic() + 2 * PATIENCE_S
    body = b""
    with http.stream("GET", path) as answer:
        answer.raise_for_status()
        for part in answer.iter_bytes():
            body += part
            if time.monotonic() > until or len(body) > _LARGEST:
                raise httpx.ReadTimeout("it does not come to an end")
    said: object = json.loads(body).get("models")
    return said


def daemon_port() -> int:
    """The port that `OLLAMA_HOST` names."""
    port = os.environ.get("OLLAMA_HOST", "").rpartition(":")[2].strip("/")
    return int(port) if port.isdecimal() and int(port) < 65536 else PORT  # noqa: PLR2004 - ports


def _is_tag(model: dict[str, Any], tag: Tag) -> bool:
    """Whether a model that the server lists is the one whose tag lies in our folder."""
    name = str(model.get("name") or "")
    digest = str(model.get("digest") or "").removeprefix("sha256:")
    if name != f"{tag.name}:{tag.label}" or f"sha256:{digest}" not in tag.manifests:
        return False
    return abs(_moment_us(str(model.get("modified_at") or "")) - tag.made_us) < _SAME_US


def _moment_us(text: str) -> float:
    """A moment such as `2026-11-30T03:05:15.123456789+01:00`, in microseconds; 0 for no such."""
    parts = _MOMENT.fullmatch(text)
    if parts is None:
        return 0.0
    fraction = float(f"0.{parts[2] or 0}")
    try:
        whole = datetime.fromisoformat(parts[1] + parts[3].replace("Z", "+00:00"))
    except ValueError:
        return 0.0
    return (whole.timestamp() + fraction) * 1e6
