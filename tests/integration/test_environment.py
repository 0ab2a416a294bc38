"""Secrets and credentials of the environment: workers use them, and show them to nobody."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

from harness import settings
from harness import standin as aws
from harness.events import documented_event
from harness.nginx import environment
from harness.waiting import eventually

SECRET = "s3cret-of-the-environment"
VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HOOK_SECRET")


@pytest.fixture(name="hook")
def start_hook(start_webhook, standin):
    standin.credentials[aws.ACCESS_KEY_ID] = (aws.SECRET_ACCESS_KEY, "a-session-token")
    return start_webhook(standin, secret="env:HOOK_SECRET", workers=2,
                         env={"HOOK_SECRET": SECRET, "OTHER": "kept"},
                         main="env OTHER; env HOOK_SECRET; env AWS_SECRET_ACCESS_KEY;")


def environment_of(pid):
    return pathlib.Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")


@pytest.mark.smoke
def test_workers_use_what_their_environment_does_not_show(hook, standin):
    assert hook.send(secret=SECRET).status == 200
    standin.wait_for_entries(1)
    for pid in hook.workers():
        shown = environment_of(pid)
        for name in VARIABLES:
            assert f"{name}=" not in shown
        for value in (SECRET, aws.SECRET_ACCESS_KEY, "a-session-token"):
            assert value not in shown


def test_no_process_shows_them_in_its_title(hook):
    for title in hook.processes().values():
        assert SECRET not in title and aws.SECRET_ACCESS_KEY not in title


@pytest.mark.smoke
def test_a_reload_finds_them_again(hook, standin):
    hook.reload()
    assert hook.send(secret=SECRET).status == 200
    standin.wait_for_entries(1)
    hook.kill_worker()
    assert hook.send(secret=SECRET).status == 200
    standin.wait_for_entries(2)


def start_orphaned(hook):
    """Starts it again from a shell that ends: nginx upgrades its binary only if the parent it
    was started by has gone, as after daemonizing."""
    hook.stop()
    command = [settings.NGINX_BINARY, "-p", hook.directory, "-c", hook.path("nginx.conf"),
               "-e", hook.path("error.log")]
    hook.process = subprocess.Popen(
        ["sh", "-c", '"$@" & until [ -s nginx.pid ]; do sleep 0.01; done', "sh", *command],
        cwd=hook.directory, start_new_session=True,
        env=environment(hook.directory, hook.env), stdin=subprocess.DEVNULL,
        stdout=hook.stderr, stderr=hook.stderr)
    hook.process.wait()
    eventually(lambda: len(hook.workers()) == 2, "nginx's start")
    return hook.master()


def test_an_upgrade_of_the_binary_keeps_them(hook, standin):
    master = start_orphaned(hook)
    try:
        old = set(hook.workers())
        os.kill(master, signal.SIGUSR2)
        eventually(lambda: len(set(hook.workers()) - old) == 2, "the new workers")
        os.kill(master, signal.SIGQUIT)
        eventually(lambda: master not in hook.processes(), "the old master's end")
        master = hook.master()
        assert hook.send(secret=SECRET).status == 200
        standin.wait_for_entries(1)
        for pid in hook.workers():
            assert SECRET not in environment_of(pid)
    finally:
        os.kill(master, signal.SIGQUIT)
        eventually(lambda: not hook.processes(), "the end")


def test_a_secret_that_changes_in_its_file_is_read_at_a_reload(start_webhook):
    hook = start_webhook(secret="file:%%DIR%%/secret", files={"secret": "old\n"})
    assert hook.send(secret="old").status == 200
    hook.write("secret", "new\n")
    hook.reload()
    assert hook.send(secret="new").status == 200
    assert hook.send(secret="old").status == 403


def test_a_single_process_works_too(start_webhook, standin):
    hook = start_webhook(standin, main="master_process off;")
    body = documented_event()
    assert hook.send(body).status == 200
    standin.wait_for_entries(1)
    assert not re.search(r"\[alert\]", hook.error_log())
