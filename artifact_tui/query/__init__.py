"""The filter language: text to a frozen tree, and the tree to SQL with bound parameters.

Words narrow by name (part of it, any case; `*` makes it the whole name), terms are joined by
"and", `|` by "or", `-` negates, quotes hold spaces and take `*`, `none` and `any` literally,
parentheses group. `field:value`, and `<`, `<=`, `>`, `>=` for what is ordered.

    type:model alias:none -latest:3 age>30d size>1GB

A term about something a version does not have (no size, never used) is not met; its negation is.
"""

from artifact_tui.query.compiler import Where, compile_query
from artifact_tui.query.complete import complete
from artifact_tui.query.fields import FIELDS, Field
from artifact_tui.query.parser import parse
from artifact_tui.query.tokens import quoted
from artifact_tui.query.tree import Query

__all__ = ["FIELDS", "Field", "Query", "Where", "compile_query", "complete", "parse", "quoted"]
