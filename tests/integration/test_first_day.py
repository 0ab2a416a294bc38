"""Mistakes of the first day, and what the error log says of each at Debian's defaults: the level
that nginx has where none is given (`error`), workers of another user, umask 022.

A row is a mistake and a pattern of what is told; several mistakes share one nginx.
"""

import contextlib
import grp
import gzip
import os
import re

import pytest

from harness import standin as aws
from harness.events import FORGED, SECRET, compact, documented_event, fields, now_ms, signed
from harness.nginx import check_config
from harness.standin import partial
from harness.waiting import eventually
from harness.webhook import eventbridge, file_destination, webhook

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


# What `nginx -t` warns of, beside what test_config_errors.py has


def closed_directory(directory):
    (directory / "private").mkdir(mode=0o700)
    (directory / "private/spool").mkdir()


def closed_secret(directory):
    (directory / "momento.secret").write_text(SECRET)
    (directory / "momento.secret").chmod(0o600)


BUS = "momento_destination bus { eventbridge default; region %s; }"
SPOOL = "momento_spool %%DIR%%/spool;"
LIMITED = "limit_req zone=hooks burst=9;"
ZONE = "limit_req_zone $binary_remote_addr zone=hooks:1m rate=5r/s;"
REPLAYED = "momento_replay_zone signatures 1m;"

DOUBTS = {
    "a region that is none": (
        {"http": SPOOL + BUS % "us-west-2a"},
        r'"us-west-2a" is no region that is known here: there are .*"us-west-2"'),
    "a limit that looks like a full log": (
        {"http": SPOOL + file_destination() + ZONE, "server": webhook(LIMITED)},
        r'"limit_req" of a "momento_webhook" answers 503.*"limit_req_status 429;".* in '
        r"%%DIR%%/nginx.conf:\d+"),
    "a small log beside a replay zone": (
        {"http": "momento_spool %%DIR%%/spool size=4m segment=1m;" + file_destination()
                 + REPLAYED, "server": webhook("momento_webhook_replay signatures;")},
        r'"momento_spool" has 4 segments only, and a replay zone keeps.* for 120 s'),
    "a spool that workers cannot come to": (
        {"http": "momento_spool %%DIR%%/private/spool;" + file_destination(),
         "server": webhook(), "prepare": closed_directory},
        r'spool "%%DIR%%/private/spool" cannot be used: workers \(user "www-data"\) may not '
        r'enter "%%DIR%%/private": open that'),
    "a secret that is root's": (
        {"http": SPOOL + file_destination(),
         "server": webhook(secret="file:%%DIR%%/momento.secret"), "prepare": closed_secret},
        r'secret "file:%%DIR%%/momento.secret" cannot be followed by workers \(user '
        r'"www-data"\).*chgrp, chmod 640'),
    "a spool in memory": (
        {"http": "momento_spool /dev/shm/momento-first-day;" + file_destination()},
        r'spool "/dev/shm/momento-first-day" is on tmpfs: its events do not survive'),
    "a disk that is smaller than a log": (
        {"http": "momento_spool %%DIR%%/spool size=1024g;" + file_destination()},
        r'spool "%%DIR%%/spool" is on a disk of \d+ MB, smaller than its "size"'),
}
NOT_DOUBTED = {
    "a limit with a status": (
        {"http": SPOOL + file_destination() + ZONE,
         "server": webhook(LIMITED + "limit_req_status 429;")}, "limit_req"),
    "a region behind an endpoint": (
        {"http": SPOOL + "momento_destination bus { eventbridge default; region here; "
                         "endpoint http://127.0.0.1:1; }"}, "region"),
    "a log of many segments": (
        {"http": "momento_spool %%DIR%%/spool size=8m segment=1m;" + file_destination()
                 + REPLAYED, "server": webhook("momento_webhook_replay signatures;")},
        "segments only"),
}


def output_of(parts):
    result = check_config(**DEFAULT, **parts)
    assert result.status == 0, result.output
    return result.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has workers of another user")
@pytest.mark.parametrize("mistake", DOUBTS)
def test_nginx_t_warns_of(mistake):
    parts, message = DOUBTS[mistake]
    try:
        output = output_of(parts)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.rmdir("/dev/shm/momento-first-day")
    assert re.search(rf"\[warn\].*{message}", output), output


@pytest.mark.parametrize("what", NOT_DOUBTED)
def test_nginx_t_does_not_warn_of(what):
    parts, word = NOT_DOUBTED[what]
    assert word not in output_of(parts)


def test_a_spool_without_a_place_is_an_error_with_its_own():
    text = "momento_spool %%DIR%%/not/there;"
    result = check_config(http=text + "\n" + file_destination(), server=webhook(), **DEFAULT)
    assert (result.status, result.line) == (1, text)
    assert result.message == ('"momento_spool" cannot be made: there is no directory '
                              '"%%DIR%%/not", make it first')


# What is said when nginx runs


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has workers of another user")
def test_a_secret_of_root_is_rotated_as_the_readme_says(start_webhook):
    """Told at the start and when it changes, once by one of two workers; a reload takes it."""
    hook = start_webhook(workers=2, secret="file:%%DIR%%/momento.secret previous=1h",
                         files={"momento.secret": SECRET}, **DEFAULT)
    file = hook.path("momento.secret")
    file.chmod(0o600)
    hook.reload()
    pids = "|".join(map(str, hook.workers()))
    hook.wait_for_log(rf'\[error\] (?:{pids})#.*: momento: secret "file:\S+" cannot be followed, '
                      r"a change counts after a reload.*Permission denied.*chgrp, chmod 640")
    hook.write("new.secret", "new")
    hook.path("new.secret").chmod(0o600)
    hook.path("new.secret").rename(file)
    told(hook, r'secret "file:\S+" has changed and is not read again.*reload nginx')
    assert hook.send(secret="new").status == 403
    assert hook.send().status == 200
    for finding in ("cannot be followed", "has changed"):
        assert len(re.findall(rf" (?:{pids})#.*: .*{finding}", hook.error_log())) == 1

    hook.reload()
    assert hook.send(secret="new").status == 200
    assert hook.send().status == 200, "what it was before still counts"
    hook.reload()
    assert hook.send().status == 200, "after another reload, too"
    file.chmod(0o640)
    os.chown(file, 0, grp.getgrnam("www-data").gr_gid)
    told(hook, r'secret "file:\S+" can be read again')
    hook.write("new.secret", "newer")  # everybody's: it is read without a reload
    hook.path("new.secret").rename(file)
    assert hook.send(secret="newer").status == 200
    assert hook.send(secret="new").status == 200


@pytest.mark.parametrize("way", ["followed", "reloaded"])
def test_a_file_has_no_previous_version_unless_it_is_told_to(start_webhook, way):
    hook = start_webhook(secret="file:%%DIR%%/momento.secret",
                         files={"momento.secret": "old"}, **DEFAULT)
    assert hook.send(secret="old").status == 200
    hook.write("momento.secret", "new")
    if way == "reloaded":
        hook.reload()
    assert hook.send(secret="new").status == 200
    assert hook.send(secret="old").status == 403


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has workers of another user")
def test_where_the_spool_is_is_told_at_the_start_and_after_a_reload(start_webhook):
    hook = start_webhook(spool="momento_spool %%DIR%%/spool size=1024g;", **DEFAULT)
    hook.allow(r"/private/spool.*Permission denied")
    smaller = r'spool "\S+/spool" is on a disk of \d+ MB, smaller than its "size"'
    told(hook, smaller)
    hook.path("private").mkdir(mode=0o700)
    hook.reload(http=hook.parts["http"].replace("%%DIR%%/spool", "%%DIR%%/private/spool"))
    told(hook, r'workers \(user "www-data"\) may not enter "\S+/private"')
    assert len(re.findall(smaller.replace("/spool", "/private/spool"), hook.error_log())) == 1
    assert hook.send().status == 503
    told(hook, r'workers may not enter "\S+/private": open that \(chmod o\+x\)')


def test_a_full_log_says_which_setting_and_why_nothing_leaves(start_webhook, standin):
    sentence = ("User: arn:aws:iam::123456789012:user/x is not authorized to perform: "
                "events:PutEvents on resource: arn:aws:events:us-west-2:123456789012:"
                "event-bus/default")
    standin.always(aws.error("AccessDeniedException", message=sentence))
    hook = start_webhook(standin, spool="momento_spool %%DIR%%/spool size=4m segment=1m;",
                         **DEFAULT)
    padding = "x" * 200_000
    while hook.send(documented_event(text=padding)).status == 200:
        pass
    told(hook, rf'destination "bus" is on hold \(AccessDeniedException: {re.escape(sentence)}')
    full = r'log "bus/\w+": nothing can be stored: the log has reached its size of 4194304 ' \
           r'bytes, "size=" of "momento_spool"; its events are on hold'
    eventually(lambda: hook.send(documented_event(text=padding)).status == 503
               and re.search(full, hook.error_log()), "the reason why it fills")
    told(hook, "webhook is answered 503: ")


MASTERS = (r"; the environment, and HOME with its \.aws, are those of nginx's master "
           r"\(systemctl edit nginx\)")
HELD_UP = [
    ("keyless", "credentials profile hooks;",
     r'destination "keyless": no credentials: profile "hooks" is not found '
     r'\("%%DIR%%/\.aws/credentials" is not there, "%%DIR%%/\.aws/config" is not there\): .*'
     + MASTERS),
    ("nowhere", "credentials container;",
     r'destination "nowhere": no credentials: no credentials found; asked: container'
     + MASTERS),
    ("away", "endpoint http://127.0.0.1:1; retry max_delay=100ms;",
     r'destination "away" cannot be reached \(NotConnected'),
]


def test_what_holds_events_up_is_told(start_webhook, standin):
    """And full letters, which do not begin to be full alone."""
    standin.always(partial(lambda entry: "MalformedDetail"))
    hook = start_webhook(
        spool="momento_spool %%DIR%%/spool size=16m segment=1m;", standin=standin, **DEFAULT,
        destinations=eventbridge(standin, settings="dead_letter file size=4m;") + "".join(
            f"momento_destination {name} {{ eventbridge default; {settings} }}"
            for name, settings, _ in HELD_UP),
        server="".join(webhook(destination=name, path=f"= /{name}") for name, _, _ in HELD_UP))
    hook.allow(r"\[alert\].*momento: .*dead letters cannot be stored")
    for name, _, _ in HELD_UP:
        assert hook.send(path=f"/{name}").status == 200
    padding = "x" * 200_000
    for _ in range(30):  # more than letters have room for, less than events have
        assert hook.send(documented_event(text=padding)).status == 200
    for _, _, message in HELD_UP:
        told(hook, message.replace("%%DIR%%", re.escape(str(hook.directory))))
    told(hook, r'log "\.dead/\w+": nothing can be stored: the log has reached its size of 4194304 '
         r'bytes, "size=" of "dead_letter": "momentoctl dead ls" shows what there is, '
         r'"dead redrive" and "dead rm" make room')
    told(hook, r'destination "bus": \d+ events? .*held because their dead letters cannot be '
         r"stored: make room for them \(momentoctl dead ls\)")
