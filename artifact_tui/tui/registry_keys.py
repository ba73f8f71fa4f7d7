"""The keys of the registries screen and of its dialog, as data."""

from __future__ import annotations

from artifact_tui.tui.keyrow import KeyRow

TO_REGISTRIES = (
    KeyRow(
        "browse.registries",
        "R",
        "registries",
        "registries",
        "The configured registries: add, test, switch to another, remove.",
    ),
)

REGISTRIES = (
    KeyRow(
        "registries.switch",
        "enter,l,right",
        "switch",
        "switch",
        "Leave this registry and open the one under the cursor.",
        footer=True,
        row=True,
    ),
    KeyRow("registries.add", "a", "add", "add", "Add a registry.", footer=True),
    KeyRow(
        "registries.test",
        "t",
        "test",
        "test",
        "Ask the registry how it is: reachable, what it can do, read-only or not.",
        footer=True,
        row=True,
    ),
    KeyRow("registries.test_all", "T", "test_all", "test all", "Test every registry."),
    KeyRow(
        "registries.default",
        "asterisk",
        "default",
        "default",
        "Use this registry where none is named.",
        row=True,
    ),
    KeyRow(
        "registries.remove",
        "x",
        "remove",
        "remove",
        "Take the registry out of the configuration; the registry itself is not touched.",
        footer=True,
        row=True,
    ),
    KeyRow("registries.back", "escape,q", "back", "back", "Back to the list.", footer=True),
)

ADDING = (KeyRow("adding.apply", "enter", "apply", "add", "Write it to the configuration."),)
