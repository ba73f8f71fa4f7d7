"""Hostile ids never address another path: proved on the request line that a server receives."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.clients.artifact_keys import Ref
from artifact_tui.clients.rest.rest_requests import RestPaths, RestRequests, reading_only
from artifact_tui.clients.rest.rest_settings import RestAddress, RestOptions
from artifact_tui.clients.transport import AddressingError, HttpCall
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.model import Deletion, Result
from tests.servers.rest.registry import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.rest.process import Server
    from tests.unit.http.conftest import Opener

HOSTILE = [
    "", ".", "..", "../", "../..", "../../reset", "x/../../../reset", "/", "//", "/reset", "a/",
    "a/b", "a/../b", "a?x=1", "a#f", "a?#", "a%2Fb", "%2e%2e", "%2E%2E/%2E%2E/reset",
    "%252e%252e%252freset", "..%2f..%2freset", "..\\..\\reset", "a\\b", "a;b=c", "a:b", "a b",
    " a", "a\tb", "a\r\nX: y", "a\x00b", "a\x7fb", "a\x1b[2Jb", "a\u202eb", "ä/ö", "日本", "a&b=c",
    "a+b", "a=b", "*", "~", "@", "a,b", "a|b", "http://evil/", "//evil/reset", "a%00b", "reset",
    "x" * 5000, "x" * 70_000, "\ud800",
]  # fmt: skip
ADDRESS = RestAddress.parse("http://127.0.0.1:8000/api")
PATHS = RestPaths("/api")


def request_of(call: HttpCall) -> httpx.Request:
    return RestRequests(ADDRESS, RestOptions(), read_only=False).transport._request(call)


def calls(text: str) -> list[HttpCall]:
    """Every call that carries untrusted text; what is refused is left out."""
    ref, typed = Ref("model", text), Ref(text, "1")
    makers: list[Callable[[], HttpCall]] = [
        lambda: PATHS.get(ref),
        lambda: PATHS.get(ref, singular=True),
        lambda: PATHS.get(typed),
        lambda: PATHS.delete(ref),
        lambda: PATHS.delete(ref, singular=True),
        lambda: PATHS.delete(typed),
        lambda: PATHS.lineage(ref),
        lambda: PATHS.create(text, b"{}", 1.0),
    ]
    found = []
    for make in makers:
        try:
            found.append(make())
        except AddressingError as error:
            assert "Nothing was sent" in f"{error} {error.hint}" or "byRegEx" in str(error)  # noqa: PT017
    return found


@given(st.text(max_size=40) | st.lists(st.sampled_from([*"./\\%?#:; a\t", "%2e", "%2F", "reset"]),
                                       max_size=8).map("".join))  # fmt: skip
def test_a_built_request_has_exactly_its_parts(text: str) -> None:
    for call in calls(text):
        request = request_of(call)
        path = request.url.raw_path.decode("ascii")
        parts = path.split("/")
        assert path.startswith("/api/artifact")
        assert "?" not in path
        assert "#" not in path
        assert len(parts) in {4, 5, 6}
        assert not {".", "..", ""} & {unquote(part) for part in parts[1:]}
        assert text in [unquote(part) for part in parts]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_cannot_be_made_safe_is_refused(text: str) -> None:
    forms = {text, unquote(text), unquote(unquote(text)), unquote(unquote(unquote(text)))}
    dotted = any({".", "..", ""} & set(f.replace("\\", "/").split("/")) for f in forms)
    control = any(unicodedata.category(c) in {"Cc", "Cs"} for f in forms for c in f)
    refused = dotted or control or len(text) > 16_000
    assert (not calls(text)) is refused


def test_a_library_that_changes_the_path_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    call = PATHS.delete(Ref("model", "a=b"))
    monkeypatch.setattr(httpx.URL, "raw_path", property(lambda _: b"/api/reset"))
    with pytest.raises(AddressingError):
        request_of(call)


async def test_on_the_raw_request_line_of_a_server(server: Server, opener: Opener) -> None:
    """50 hostile ids through every method: each request line is the quoted id, or none is sent."""
    server.become(types="404")
    entries = [Entry("keep", "keep"), Entry("reset", "reset"), Entry("a", "a"), Entry("1", "one")]
    server.seed(entries)
    client = opener()
    await client.facts(["model/keep"])
    for text in HOSTILE:
        server.clear()
        encoded = quote(text, safe="", errors="surrogatepass")
        for attempt in (
            lambda encoded=encoded: client.entry(f"model/{encoded}"),
            lambda encoded=encoded: client.entry(f"{encoded}/1"),
            lambda encoded=encoded: client.lineage([f"model/{encoded}"]),
            lambda encoded=encoded: client.delete([Deletion(f"model/{encoded}")]),
            lambda encoded=encoded: client.delete([Deletion(f"{encoded}/nope")]),
            lambda text=text: client.create(text, "n", "u"),
        ):
            try:
                await attempt()
            except (ArtifactTuiError, UnicodeError):
                continue
        lines = server.log()
        assert len(lines) >= 5 * bool(calls(text)), text
        for line in lines:
            assert line.target.startswith("/api/artifact"), (text, line.target)
            assert f"/{encoded}" in line.target, (text, line.target)
            assert "reset" not in line.target.split("/") or text == "reset"
            assert not {".", ".."} & {unquote(part) for part in line.target.split("/")}
    left = {entry.id for entry in server.entries()}
    assert left == {"keep", "a", "1"}, "only the id that is really called reset was deleted"


async def test_an_id_that_cannot_be_addressed_is_refused_and_stays(
    server: Server, opener: Opener
) -> None:
    ids = ["..", ".", "a/b", "../../reset", "", "x\ty"]
    server.seed([Entry(one, "n") for one in [*ids, "5"]])
    client = opener()
    keys = [Ref("model", one).key for one in ids]
    assert set(await client.facts(keys)) == set(keys)
    outcomes = await client.delete([Deletion(key) for key in keys])
    assert {one.result for one in outcomes} == {Result.REFUSED}
    assert all(one.message for one in outcomes)
    assert set(await client.facts(keys)) == set(keys)
    assert len(server.entries()) == 7


def test_searches_and_the_login_pass_in_read_only_mode() -> None:
    reads = reading_only(PATHS)
    one = Ref("model", "1")
    for call in (
        PATHS.by_regex(), PATHS.listing(offset=1), PATHS.authenticate(),
        PATHS.get(one),
    ):  # fmt: skip
        assert reads(request_of(call))
    for call in (PATHS.reset(), PATHS.delete(one), PATHS.create("model", b"{}", 1.0)):
        assert not reads(request_of(call))
