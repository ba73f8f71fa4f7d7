"""Every test of the contract, and the fixture that skips those that do not fit."""

from artifact_tui.testing.contract_collections import *  # noqa: F403 - they are here to be gathered
from artifact_tui.testing.contract_deleting import *  # noqa: F403 - same
from artifact_tui.testing.contract_editing import *  # noqa: F403 - same
from artifact_tui.testing.contract_garbage import *  # noqa: F403 - same
from artifact_tui.testing.contract_lineage import *  # noqa: F403 - same
from artifact_tui.testing.contract_links import *  # noqa: F403 - same
from artifact_tui.testing.contract_reading import *  # noqa: F403 - same
from artifact_tui.testing.contract_trash import *  # noqa: F403 - same
from artifact_tui.testing.contract_use import *  # noqa: F403 - same
from artifact_tui.testing.world import *  # noqa: F403 - `fitting`
