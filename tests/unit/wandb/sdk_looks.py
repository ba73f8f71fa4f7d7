"""A program: where W&B's own SDK finds W&B and its credentials, for each case on standard input.

A case is `{"env": {…}, "cwd": "…", "host": ""}`; one JSON object a line comes out.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from wandb.sdk import wandb_setup
from wandb.sdk.lib.wbauth import authenticate


def look(case: dict[str, Any]) -> dict[str, str]:
    """What the SDK finds in one environment."""
    os.environ.clear()
    os.environ.update(case["env"])
    os.chdir(case["cwd"])
    wandb_setup._singleton = None
    authenticate._session_auth = None
    try:
        base = wandb_setup.singleton().settings.base_url
        found = authenticate.authenticate_session(
            host=case["host"] or base, source="test", prompt=False, update_session=False
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, it refused
        return {"refused": type(error).__name__}
    if found is None:
        return {"base": base}
    return {
        "base": base,
        "key": getattr(found, "api_key", ""),
        "token_file": str(getattr(found, "path", "")),
    }


if __name__ == "__main__":
    for one in json.load(sys.stdin):
        sys.stdout.write(json.dumps(look(one)) + "\n")
