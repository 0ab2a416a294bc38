"""Mistakes of the first day, and what the error log says of each at Debian's defaults: the level
that nginx has where none is given (`error`), workers of another user, umask 022.

A row is a mistake and a pattern of what is told; several mistakes share one nginx.
"""

import gzip
import re

import pytest

from harness.events import FORGED, SECRET, compact, documented_event, fields, now_ms, signed
from harness.waiting import eventually
from harness.webhook import webhook

# Nothing else at that level is told of before its minute is over.
DEFAULT = {"level": ""}

OTHER_SECRET = "the secret of another webhook"


def told(nginx, pattern):
    """The line that says so, which is at `error` or above."""
    line = nginx.wait_for_log(rf"(?m)^.*momento: .*(?:{pattern}).*$").group()
    assert re.search(r"\[(?:error|alert|emerg)\]", line), line
    return line


def post_unsigned(hook, path):
    hook.post(path, documented_event())


def post_forged(hook, path):
    hook.send(secret=OTHER_SECRET, path=path)


def post_packed(hook, path):
    body = documented_event()
    hook.post(path, gzip.compress(body), {**signed(body), "Content-Encoding": "gzip"})


def post_stale(hook, path):
    hook.send(documented_event(age_ms=90_000), path=path)


def post_early(hook, path):
    hook.send(documented_event(age_ms=-30_000), path=path)


def post_seconds(hook, path):
    hook.send(compact(fields(publish_timestamp=now_ms() // 1000)), path=path)


def post_malformed(hook, path):
    hook.send(b"[]", path=path)


REFUSALS = [
    (post_forged, "", r'1 webhook was forged since the start, none was accepted: '
     r'is "file:\S+/momento\.secret" this webhook\'s secret\?'),
    (post_packed, "", r"1 webhook was forged since the start.*gzip'ed"),
    (post_unsigned, "", r'1 webhook was unsigned since the start: without "Momento-Signature"'),
    (post_stale, "", r"1 webhook was stale since the start: the last one was 90\.\d s old.*"
     r"is the clock of this machine right\?"),
    (post_early, "", r"1 webhook was early since the start: the last one is of \d\d\.\d s from "
     r"now.*is the clock of this machine right\?"),
    (post_seconds, "", r"1 webhook was stale since the start.*looks like seconds: milliseconds are meant"),
    (post_malformed, "", "1 webhook was malformed since the start: .*momentoctl dead cat "
     "--reason malformed"),
    (post_forged, "momento_webhook_dry_run on;", "dry run: 1 webhook was forged since the start"),
]


@pytest.mark.smoke
def test_every_refusal_is_told_of_once_by_one_worker(start_webhook):
    paths = [f"/hook-{index}" for index in range(len(REFUSALS))]
    secret = "file:%%DIR%%/momento.secret"
    hook = start_webhook(
        workers=2, secret=secret, files={"momento.secret": SECRET}, **DEFAULT,
        server="\n".join(webhook(settings, path=f"= {path}", secret=secret)
                         for path, (_, settings, _) in zip(paths, REFUSALS)))
    for path, (mistake, _, _) in zip(paths, REFUSALS):
        mistake(hook, path)
    for path, (_, _, message) in zip(paths, REFUSALS):
        told(hook, f'location "{path}": {message}')

    # Whoever looks next sees that it was told: more is told in a minute.
    for path in paths:
        lines = re.findall(rf'location "{path}": ', hook.error_log())
        assert len(lines) == 1, hook.error_log()
    assert hook.post(paths[0], documented_event(), FORGED).status == 403
    before = len(hook.error_log())
    assert hook.send().status == 200  # and nothing is said of what is accepted
    hook.events()
    assert hook.error_log()[before:] == ""
