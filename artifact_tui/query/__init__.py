"""The filter language: text to a frozen tree, and the tree to SQL with bound parameters.

A bare word is found anywhere in a name, in either case (with `*` it is the whole name); a field is
exact, letter by letter, case and accents, also beside a `*`. Terms are joined by "and", `|` by
"or", `-` negates, quotes hold spaces and take `*`, `none` and `any` literally, parentheses group.
`field:value`, and `<`, `<=`, `>`, `>=` for what is ordered.

    type:model alias:none -latest:3 age>30d size>1GB

What is not known of a version (no size, say) meets neither a term nor its negation.
"""

from artifact_tui.query.compiler import Where, compile_query
from artifact_tui.query.complete import complete
from artifact_tui.query.fields import FIELDS, Field
from artifact_tui.query.parser import parse
from artifact_tui.query.tokens import quoted
from artifact_tui.query.tree import Query

__all__ = ["FIELDS", "Field", "Query", "Where", "compile_query", "complete", "parse", "quoted"]
