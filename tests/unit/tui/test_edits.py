"""What is typed into the dialog of a change, read or refused."""

from __future__ import annotations

import pytest

from artifact_tui.edits.changes import CommonEdit
from artifact_tui.errors import UsageError
from artifact_tui.tui.widgets.edit_request import TTL_FORM, names_form
from tests.unit.tui.rows import DAY


def test_what_is_typed_is_read_or_refused() -> None:
    assert TTL_FORM.read({"ttl": " "}) is None
    assert TTL_FORM.read({"ttl": "36h"}) == CommonEdit(ttl_us=36 * DAY // 24)
    for wrong in ("30", "soon", "-3d", "0d", "none", "inherit"):
        with pytest.raises(UsageError):
            TTL_FORM.read({"ttl": wrong})
    form = names_form(aliases=True, tags=False)
    assert [field.id for field in form.fields] == ["add-alias", "remove-alias"]
    assert form.read({"add-alias": "a, b,,a", "remove-alias": ""}) == CommonEdit(
        add_aliases=("a", "b")
    )
    assert form.read({"add-alias": ""}) is None
    assert names_form(aliases=False, tags=True).title == "Tags"
