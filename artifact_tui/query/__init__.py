"""The filter language: text to a frozen tree, and the tree to SQL with bound parameters.

A bare word is found anywhere in a name, in either case (with `*` it is the whole name); a field is
exact, letter by letter, case and accents, also beside a `*`. Terms are joined by "and", `|` by
"or", `-` negates, quotes hold spaces and take `*`, `none` and `any` literally, parentheses group.
`field:value`, and `<`, `<=`, `>`, `>=` for what is ordered.

    type:model alias:none -latest:3 age>30d size>1GB

What is not known of a version (no size, say) meets neither a term nor its negation.
"""

from artifact_tui.query.filter_fields import FIELDS, FilterField, complete
from artifact_tui.query.filter_tree import Query
from artifact_tui.query.parser import parse, quoted
from artifact_tui.query.sql import Where, compile_query

__all__ = [
    "FIELDS",
    "FilterField",
    "Query",
    "Where",
    "compile_query",
    "complete",
    "parse",
    "quoted",
]
