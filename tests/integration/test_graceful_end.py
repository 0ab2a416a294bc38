"""What a worker that ends still does."""

import pytest

from harness import settings
from harness.events import documented_event

ROUNDS = 12
BUFFERED = "access_log %%DIR%%/buffered.log combined buffer=64k;"


@pytest.mark.parametrize("end", ["stop", "terminate"])
def test_a_stop_right_behind_an_event_leaves_nothing_pending(start_webhook, standin, end):
    hook = start_webhook(standin)
    for number in range(1, ROUNDS + 1):
        assert hook.send(documented_event(text=str(number))).status == 200
        getattr(hook, end)()
        assert len(standin.accepted) == number
        hook.start_again()


def test_buffered_logs_are_written_before_an_exit_that_cannot_wait(start_webhook, standin, disk):
    hook = start_webhook(standin, server=BUFFERED, disk=disk)
    assert hook.get("/missing").status == 404
    assert hook.send().status == 200
    standin.wait_for_entries(1)
    assert hook.read("buffered.log") == ""
    disk.hangs()
    hook.stop()
    assert "a thread could not be ended in time" in hook.error_log()
    assert "GET /missing" in hook.read("buffered.log")
    disk.works()


@pytest.mark.skipif(settings.SANITIZED,
                    reason="the module is a part of this nginx: none unloads it")
def test_a_resolver_may_return_after_the_module_is_gone(start_webhook, standin, resolver):
    resolver.hangs()
    hook = start_webhook(
        standin, destinations="momento_destination bus { eventbridge default; "
                              f"endpoint http://bus.example:{standin.port}; }}",
        env=resolver.environment())
    assert hook.send().status == 200
    hook.stop()
    assert resolver.has_answered()  # when there was nothing left but libcurl to return to
