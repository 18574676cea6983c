# SPDX-License-Identifier: Apache-2.0
"""What a test says when something is not as it must be."""

import time
from typing import Callable, Optional, TypeVar

T = TypeVar("T")


class Failure(AssertionError):
    """A claim that did not hold; its text is the report."""


class Missing(Failure):
    """The machine lacks what the test needs. A failure, never a skipped pass."""


def expect(condition: object, text: str) -> None:
    """Unlike `assert`, stays when Python runs with -O."""
    if not condition:
        raise Failure(text)


def wait_for(what: str, probe: Callable[[], Optional[T]], timeout: float = 10.0,
             pause: float = 0.01) -> T:
    """Asks `probe` until it answers something true, and gives that back."""
    deadline = time.monotonic() + timeout
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failure(f"waited {timeout:g} s for {what}")
        time.sleep(pause)
