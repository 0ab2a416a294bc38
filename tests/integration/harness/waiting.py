"""Waiting for something to become true, instead of sleeping and hoping."""

import time

PATIENCE = 20.0  # seconds; only a test that fails waits this long


def eventually(condition, what="the condition", patience=PATIENCE):
    """Calls `condition` until it answers something true, and returns that."""
    deadline = time.monotonic() + patience
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true in {patience:g} s")
        time.sleep(0.01)
