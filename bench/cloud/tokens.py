"""A token bucket: the share of the account's control-plane quota that one run allows itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: Lambda allows all control-plane calls of an account and region together 15 a second, fixed
#: (quotas of Lambda); what is left is for whoever else works in the account.
CONTROL_CALLS_PER_S = 12.0


#: An endpoint on this machine has no such quota.
LOCAL_CALLS_PER_S = 2_000.0


class TokenBucket:
    """Lets calls pass at a rate that threads share.

    Args:
        rate: calls per second; also what may be saved up.
        wait: waits for so many seconds; gives True to break off.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        rate: float = CONTROL_CALLS_PER_S,
        *,
        wait: Callable[[float], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._wait = wait
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = rate
        self._filled_s = clock()

    def take(self) -> None:
        """Wait for the next free place, or until the wait is broken off.

        A place is taken at once and waited for outside the lock, so those who come later queue.
        """
        with self._lock:
            now_s = self._clock()
            self._tokens = min(self._rate, self._tokens + (now_s - self._filled_s) * self._rate)
            self._filled_s = now_s
            self._tokens -= 1
            delay_s = -self._tokens / self._rate
        if delay_s > 0:
            self._wait(delay_s)
