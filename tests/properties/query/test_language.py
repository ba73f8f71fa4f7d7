"""Whatever is typed: a filter is read, or an error points into it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from hypothesis import example, given
from hypothesis import strategies as st

from artifact_tui.errors import QueryError
from artifact_tui.model import schema_sql
from artifact_tui.query import FIELDS, compile_query, complete, parse
from tests.properties.query.strategies import filters

_FIELD = st.sampled_from(sorted(FIELDS)) | st.sampled_from(("typ", "Size", "", "x"))
_VALUE = st.sampled_from(
    ("none", "any", "3", "1GB", "9" * 30, "30d", "-1", "2026-02-30", "trash", '"', "*", "é", "(")
)
_LIKE_FILTERS = st.lists(
    st.one_of(
        st.builds(
            "{}{}{}".format,
            _FIELD,
            st.sampled_from((":", "<", "<=", ">", ">=", "=", "")),
            _VALUE | st.text(max_size=5),
        ),
        st.sampled_from((" ", "-", "|", "(", ")", '"', "*", "\\")),
        st.text(max_size=6),
    ),
    max_size=12,
).map("".join)


@given(_LIKE_FILTERS | st.text(st.characters(), max_size=60))
@example("(" * 2000)
@example("-" * 3000 + "a")
@example("a " * 1500)
@example("a|" * 1500)
@example("\ud800")
@example("size>" + "9" * 3000)
@example("created<9999")
@example("created>0001")
@example("age>9999999999999999999y")
def test_reading_either_works_or_points(text: str) -> None:
    try:
        query = parse(text)
    except QueryError as error:
        points = bool(str(error) and error.hint) and 0 <= error.position <= len(text)
        query = None
    if query is None:
        assert points
        return
    assert query.fields <= set(FIELDS)
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript(schema_sql())
        where = compile_query(query, 1_800_000_000_000_000)
        conn.execute(
            "SELECT v.id FROM version v CROSS JOIN collection c ON c.id = v.collection_id"
            f" WHERE {where.sql}",
            where.params,
        ).fetchall()


@given(filters)
def test_what_the_other_properties_type_can_be_read(text: str) -> None:
    assert parse(text).text == text


@given(_LIKE_FILTERS, st.integers(0, 70))
def test_completion_continues_what_is_there(text: str, cursor: int) -> None:
    cursor = min(cursor, len(text))
    for start, offer in complete(text, cursor):
        assert 0 <= start <= cursor
        assert offer.lower().startswith(text[start:cursor].lower())


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_name_can_be_quoted(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    where = compile_query(parse(f'name:"{quoted}"'), 0)
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute("CREATE TABLE c(name TEXT)")
        conn.execute("INSERT INTO c VALUES (?), (?)", (name, f"{name}x"))
        rows = conn.execute(
            f"SELECT name FROM c, (SELECT 'live' AS state) v WHERE {where.sql}", where.params
        )
        assert rows.fetchall() == [(name,)]
