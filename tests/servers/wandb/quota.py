"""Rate limits: a fixed window, told in headers."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.servers.wandb.traps import Quota

SCALE = 1000


class Window:
    """How much of the quota is spent in the present window."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.began = time.monotonic()
        self.spent = 0

    def take(self, mutations: int) -> bool:
        """Whether there was enough left."""
        now = time.monotonic()
        if now >= self.began + self.quota.window_s:
            self.began, self.spent = now, 0
        cost = max(mutations, 1) if self.quota.counts == "mutations" else 1
        if self.spent + cost > self.quota.most:
            return False
        self.spent += cost
        return True

    def headers(self, *, refused: bool) -> dict[str, str]:
        """What every answer says about it."""
        left_s = max(self.began + self.quota.window_s - time.monotonic(), 0.0)
        wait = str(math.ceil(left_s))
        said = {"retry-after": wait} if refused and self.quota.retry_after else {}
        if not self.quota.headers:
            return said
        left = (self.quota.most - self.spent) * SCALE // self.quota.most
        return said | {
            "ratelimit-limit": str(SCALE),
            "ratelimit-remaining": str(0 if refused else left),
            "ratelimit-reset": wait,
        }
