"""Authentic webhooks outside of the freshness window, one after the other: perhaps it is the
clock of this machine that is wrong. An operator hears of it."""

import re

import pytest

from harness.events import documented_event

HOUR = 3_600_000
ALERT = r"\[alert\].*momento: (\d+) authentic webhooks in a row are (\w+), the last one by " \
        r"(-?\d+) ms: check the clock of this machine"


def alerts(hook):
    return [match.groups() for match in re.finditer(ALERT, hook.error_log())]


def send(hook, count, age_ms, status=403):
    for _ in range(count):
        assert hook.send(documented_event(age_ms=age_ms)).status == status


@pytest.mark.parametrize("age_ms, verdict", [(HOUR, "stale"), (-HOUR, "early")])
def test_ten_in_a_row_raise_an_alert(start_webhook, age_ms, verdict):
    hook = start_webhook()
    hook.allow(ALERT)
    send(hook, 9, age_ms)
    assert alerts(hook) == []
    send(hook, 1, age_ms)
    (count, told, age), = alerts(hook)
    assert (count, told) == ("10", verdict)
    assert abs(int(age) - age_ms) < 60_000
    # And again after ten more: it may be seen late.
    send(hook, 9, age_ms)
    assert len(alerts(hook)) == 1
    send(hook, 1, age_ms)
    assert [count for count, _, _ in alerts(hook)] == ["10", "20"]


def test_one_good_event_shows_that_the_clock_is_right(start_webhook):
    hook = start_webhook()
    for _ in range(3):
        send(hook, 5, HOUR)
        send(hook, 4, -HOUR)
        send(hook, 1, 0, status=200)
    assert alerts(hook) == []


def test_what_is_not_authentic_says_nothing_about_the_clock(start_webhook):
    hook = start_webhook()
    hook.allow(ALERT)
    for _ in range(20):
        assert hook.send(documented_event(age_ms=HOUR), secret="wrong").status == 403
    assert alerts(hook) == []
    send(hook, 9, HOUR)
    assert hook.send(secret="wrong").status == 403  # nor that it is right
    send(hook, 1, HOUR)
    assert len(alerts(hook)) == 1
