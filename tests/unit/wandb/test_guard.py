"""Which documents only read: taken for writing in case of doubt."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from artifact_tui.clients.wandb import wandb_transport


@pytest.mark.parametrize(
    "document",
    [
        "{a}",
        "query{a}",
        "query A($x:Int={a:1}){b(c:$x){d}}",
        "  # mutation{a}\n query{a}",
        "query{a}query B{b}",
        'query{a(b:"}mutation{c")}',
        'query{a(b:"""}mutation{c""")}',
        'query{a(b:"\\"}mutation{")}',
        'query{a(b:"""\\"""}mutation{""")}',
        "fragment F on A{a}query{...F}",
        "query{mutation}",
        "query mutation{a}",
        'query @a(b:{c:"}"}){d}',
        "{a(b:[{c:1}])}",
    ],
)
def test_what_only_reads(document: str) -> None:
    assert wandb_transport.is_reading_document(document)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "mutation{a}",
        "mutation A{a}",
        "query{a}mutation{b}",
        "{a}mutation B{b}",
        "query{a}\n#c\n mutation{b}",
        'query{a(b:"x")}mutation{c}',
        'query{a(b:"""x""")}mutation{c}',
        'query{a(b:"\\\\")}mutation{c}',
        "fragment F on A{a}mutation{b}",
        "subscription{a}",
        "schema{query:Q}",
        "query{a",
        "query{a}}mutation{b}",
        "}mutation{b}{",
        "\ufeffmutation{a}",
        "query{a},mutation{b}",
        '"""a"""mutation{b}',
        "# only a comment",
    ],
)
def test_what_may_write(document: str) -> None:
    assert not wandb_transport.is_reading_document(document)


WORDS = st.sampled_from(
    ["query", "{", "}", "a", '"', '"""', "(", ")", "#", "\n", "\\", "fragment", ":", "b", " "]
)


@given(st.lists(WORDS, max_size=12), st.lists(WORDS, max_size=6))
@example([], ['"', "\\"])
def test_a_mutation_that_the_server_would_see_is_seen(before: list[str], after: list[str]) -> None:
    from graphql import GraphQLSyntaxError, OperationDefinitionNode, parse  # noqa: PLC0415

    document = "".join(before) + " mutation{b}" + "".join(after)
    try:
        found = parse(document)
    except (GraphQLSyntaxError, IndexError):  # the latter: a backslash ends an open string
        return
    writes = any(
        isinstance(one, OperationDefinitionNode) and one.operation.value != "query"
        for one in found.definitions
    )
    if writes:
        assert not wandb_transport.is_reading_document(document)


@pytest.mark.parametrize(
    ("method", "path", "body", "reads"),
    [
        ("POST", "/graphql", b'{"query":"{a}"}', True),
        ("POST", "/graphql", b'{"query":"mutation{a}"}', False),
        ("POST", "/graphql", b'{"query":"{a}","query":"mutation{a}"}', False),
        ("POST", "/graphql", b"[]", False),
        ("POST", "/graphql", b"", False),
        ("POST", "/graphql", b'{"variables":{}}', False),
        ("POST", "/graphql?x", b'{"query":"{a}"}', False),
        ("POST", "/other", b'{"query":"{a}"}', False),
        ("POST", "/oidc/token", b"grant_type=x", True),
        ("POST", "/oidc/token/x", b"", False),
        ("GET", "/graphql", b"", False),
        ("DELETE", "/graphql", b'{"query":"{a}"}', False),
    ],
)
def test_which_requests_pass(method: str, path: str, body: bytes, *, reads: bool) -> None:
    request = httpx.Request(method, f"https://wandb.example{path}", content=body)
    assert wandb_transport.is_reading_request(request) is reads
