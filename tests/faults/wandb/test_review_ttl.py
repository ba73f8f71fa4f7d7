"""What may expire at once is confirmed like what will: an inherited TTL is not known here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifact_tui.cli import editing
from artifact_tui.config import Target
from artifact_tui.edits.changes import CommonEdit, Effect, edit_confirmation
from artifact_tui.model import TTL_INHERIT
from tests.servers.wandb.scenes import Series, Team, Version

if TYPE_CHECKING:
    import pytest

    from tests.faults.wandb.scene import Scene

DAY = 86_400
NOW_US = 1_800_000_000_000_000
"""Long after the stand-in's versions were made."""


async def foreseen(scene: Scene, folder: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the command line foresees for versions that all have a TTL of their own."""
    monkeypatch.setenv("ARTIFACT_TUI_HOME", str(folder))
    versions = [Version(ttl=3650 * DAY, created_us=NOW_US - 100 * DAY * 1_000_000)] * 2
    scene.seed(
        teams=[Team(name="acme", ttl=DAY)],
        series=[Series(path="acme/vision/m", versions=versions)],
    )
    target = Target("vision", scene.server.address())
    wanted = CommonEdit(ttl_us=TTL_INHERIT)
    async with scene.client() as client:
        found = await editing.look_at_edit(
            client, target, editing.ChosenVersions(filter="*"), wanted
        )
        before = scene.server.expire(NOW_US)
        await editing.send_changes(client, found)
    assert before == set()
    assert len(scene.server.expire(NOW_US)) == 2, "the server deletes both at once"
    return found


async def test_inheriting_asks_for_the_count(
    scene: Scene, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await foreseen(scene, tmp_path, monkeypatch)
    assert +found.counts == {Effect.INHERITS: 2}
    plain = edit_confirmation(found, production=False, registry="vision")
    harmful = edit_confirmation(found, production=True, registry="vision")
    assert [plain.prompt, harmful.prompt] == ["type 2 to change", "type vision to change"]
    assert "may expire at once" in plain.why
