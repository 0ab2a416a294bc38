"""Waiting for something to become true, instead of sleeping and hoping."""

import time

# Seconds. Only a test that fails waits this long, and the machine may be very busy.
PATIENCE = 60.0


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
