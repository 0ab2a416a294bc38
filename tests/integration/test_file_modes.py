"""Who may read what: events in the spool, and the files of secrets."""

import os
import pwd
import re
import stat

import pytest

from harness.files import below
from harness.nginx import check_config, worker_user
from harness.webhook import SPOOL, file_destination, webhook

MALFORMED = b'{"no": "event"}'


@pytest.fixture
def open_umask():
    """As nginx has it as a daemon."""
    before = os.umask(0)
    yield
    os.umask(before)


def assert_private(directory, owner):
    """Everything in it is its owner's alone."""
    found = [(directory, directory.lstat()), *below(directory)]
    for path, info in found:
        wanted = 0o700 if stat.S_ISDIR(info.st_mode) else 0o600
        assert stat.S_IMODE(info.st_mode) == wanted, path
        assert info.st_uid == owner, path
    return len(found)


def test_the_spool_is_the_workers_alone(start_webhook, open_umask, momentoctl):
    hook = start_webhook(
        workers=2, http="map $momento_topic $nowhere { volatile; default nowhere; }",
        server=webhook(destination="$nowhere", path="= /nowhere"))
    owner = pwd.getpwnam(worker_user()).pw_uid if os.geteuid() == 0 else os.geteuid()
    spool = hook.path("spool")
    assert hook.send().status == 200
    assert hook.send(MALFORMED).status == 400
    assert hook.send(path="/nowhere").status == 200
    hook.allow("unknown destination")
    assert assert_private(spool, owner) > 5
    assert list((spool / ".dead").rglob("*"))

    # Neither a restart nor momentoctl, as root, leaves others behind.
    hook.kill()
    hook.start_again()
    redriven = momentoctl("dead", "redrive", "--to", "bus", spool)
    assert redriven.returncode == 1, redriven.stderr  # the malformed one is left
    assert len(hook.events(2)) == 2
    assert_private(spool, owner)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can read what others may not")
def test_the_spool_opens_for_nobody_else(start_webhook):
    hook = start_webhook()
    assert hook.send().status == 200
    nobody = pwd.getpwnam("nobody").pw_uid
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setuid(nobody)
        os._exit(0 if not os.access(hook.path("spool"), os.R_OK | os.X_OK) else 1)
    assert os.waitpid(child, 0)[1] == 0


def warnings(mode):
    """What nginx -t says of a file of this mode that holds a secret."""
    def restrict(directory):
        (directory / "hook.secret").chmod(mode)

    result = check_config(
        files={"hook.secret": "1234567890\n"}, prepare=restrict,
        http=f"{SPOOL} {file_destination()}",
        server=webhook(secret="file:%%DIR%%/hook.secret"))
    assert result.status == 0, result.output
    assert "1234567890" not in result.output
    return re.findall(r"\[warn\] .*?(\".*) in \S+:\d+$", result.output, re.M)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_secret_that_is_kept_is_no_news(mode):
    assert warnings(mode) == []


@pytest.mark.parametrize("mode, who", [
    (0o644, "read by everybody"), (0o604, "read by everybody"),
    (0o620, "written by its group"), (0o660, "written by its group"),
    (0o602, "written by everybody"), (0o666, "read by everybody"),
])
def test_a_secret_that_others_can_reach_is_a_warning_that_names_it(mode, who):
    warning, = warnings(mode)
    assert warning.startswith('"%%DIR%%/hook.secret"')
    assert who in warning
    assert f"{mode:04o}" in warning
    assert "chmod 640" in warning
