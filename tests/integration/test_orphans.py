"""Events that no configured destination will deliver: they are told of, and can be rescued."""

import pytest

from harness.events import documented_event
from harness.waiting import eventually
from harness.webhook import STATUS

OTHER_SPOOL = "momento_spool %%DIR%%/other size=64m segment=1m;"


@pytest.fixture
def hook(start_webhook, standin):
    """A gateway with three pending events, whose bus is away."""
    standin.unreachable()
    hook = start_webhook(standin, workers=2)
    for number in range(3):
        assert hook.send(documented_event(text=str(number))).status == 200
    hook.allow(r"\[alert\].*momento: orphans: ")
    return hook


def with_other_spool(hook):
    http = hook.parts["http"]
    return OTHER_SPOOL + http[http.index(";") + 1:]


def orphans(hook):
    return {(each["spool"], each["destination"]): each["events"]
            for each in hook.status()["orphans"]}


def wait_for_orphans(hook, wanted):
    """Once a slot's last owner is gone."""
    def found():
        by_place = {}
        status = hook.status()
        for each in status["orphans"]:
            place = (each["spool"], each["destination"])
            by_place[place] = by_place.get(place, 0) + each["events"]
        return by_place == wanted and status["orphaned_events"] == sum(wanted.values())

    eventually(found, f"the orphans {wanted}")


def test_events_in_a_spool_that_is_not_configured_any_more(hook, standin, momentoctl):
    old = hook.path("spool")
    hook.reload(http=with_other_spool(hook))
    wait_for_orphans(hook, {(str(old), "bus"): 3})
    alert = hook.wait_for_log(r"\[alert\].*orphans: 3 events wait .*")[0]
    assert f'"{old}/bus" (3)' in alert
    assert f'"momentoctl spool move {old}/bus {hook.path("other")}/DESTINATION"' in alert

    standin.open()
    assert hook.send(documented_event(text="new")).status == 200
    standin.wait_for_entries(1)
    moved = momentoctl("spool", "move", old / "bus", hook.path("other/bus"))
    assert (moved.returncode, moved.stdout) == (0, b'moved: 3 to "bus"\n'), moved.stderr
    standin.wait_for_entries(4)
    hook.reload()  # new workers look at once, others within a minute
    wait_for_orphans(hook, {})
    assert hook.numbers()["redriven"] == 3


def test_a_spool_that_is_named_again_is_none(hook, standin):
    first = dict(hook.parts)
    hook.reload(http=with_other_spool(hook))
    wait_for_orphans(hook, {(str(hook.path("spool")), "bus"): 3})
    standin.open()
    hook.reload(**first)
    standin.wait_for_entries(3)
    wait_for_orphans(hook, {})


def test_events_are_told_of_when_nothing_is_configured_any_more(hook, standin):
    old = str(hook.path("spool"))
    hook.reload(http="", server=STATUS)
    wait_for_orphans(hook, {(old, "bus"): 3})
    hook.wait_for_log(r"\[alert\].*orphans: 3 events")


def test_events_are_told_of_when_there_is_only_the_spool_left(hook, standin):
    hook.stop()
    hook.parts.update(http="momento_spool %%DIR%%/spool;", server=STATUS)
    hook._configure()
    hook.start_again()
    wait_for_orphans(hook, {(str(hook.path("spool")), "bus"): 3})


def test_a_restart_knows_the_configured_spool_only(hook):
    hook.stop()
    hook.parts.update(http=with_other_spool(hook))
    hook._configure()
    hook.start_again()
    hook.send()
    assert orphans(hook) == {}


def test_an_old_worker_that_still_delivers_has_no_orphans(start_webhook, standin):
    # It has a request that does not end, and so goes on.
    hook = start_webhook(standin, server="location /slow { limit_rate 1; "
                                                  "root %%DIR%%; }",
                         files={"slow": "x" * 3000})
    with hook.connect_raw() as slow:
        slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        standin.unreachable()
        assert hook.send().status == 200
        hook.reload(http=with_other_spool(hook))
        assert hook.exiting_workers()
        assert hook.send().status == 200
        assert hook.status()["orphaned_events"] == 0
        standin.open()
        standin.wait_for_entries(2)
        assert "orphans" not in hook.error_log()
