"""momentoctl for whoever sits at a terminal, beside a running gateway."""

import contextlib
import os
import pty
import re
import subprocess

from harness import settings
from harness.events import documented_event
from harness.standin import partial
from harness.waiting import eventually


class Terminal:
    """momentoctl at a terminal of its own; `screen` is all that it wrote."""

    def __init__(self, *arguments):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen([settings.MOMENTOCTL, *map(str, arguments)],
                                        stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True)
        os.close(slave)
        os.set_blocking(self.master, False)
        self.screen = ""

    def read(self):
        with contextlib.suppress(BlockingIOError, OSError):  # nothing yet; the end
            while piece := os.read(self.master, 65536):
                self.screen += piece.decode(errors="replace")
        return self.screen

    def wait_for(self, pattern):
        eventually(lambda: re.search(pattern, self.read()), f"{pattern!r} in {self.screen!r}")

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        """The exit status."""
        status = self.process.wait(60)
        self.read()
        return status

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


@contextlib.contextmanager
def terminal(*arguments):
    opened = Terminal(*arguments)
    try:
        yield opened
    finally:
        opened.close()


def test_drain_shows_what_is_left_by_destination_and_names_orphans(start_webhook, standin,
                                                                   momentoctl):
    standin.unreachable()
    hook = start_webhook(standin)
    for number in range(3):
        assert hook.send(documented_event(topic_sequence_number=number)).status == 200
    spool = hook.path("spool")
    # As one that the configuration has forgotten: a copy that nobody has.
    subprocess.run(["cp", "-a", spool / "bus", spool / "forgotten"], check=True)
    with terminal("drain", spool) as drain:
        drain.wait_for(r'pending 6: "bus": 3, "forgotten": 3; "forgotten": orphans\?')
        standin.open()
        standin.wait_for_entries(3)
        drain.wait_for(r'pending 3: "forgotten": 3')
        assert '"bus": orphans?' not in drain.screen
        hook.allow("orphan")  # an alert, as it should be
        moved = momentoctl("spool", "move", spool / "forgotten", spool / "bus")
        assert moved.returncode == 0, moved.stderr
        assert drain.end() == 0
        assert drain.screen.endswith("\r\x1b[K"), "the line is taken away"
    standin.wait_for_entries(6)


def test_rm_asks_before_a_letter_is_gone(start_webhook, standin, momentoctl):
    hook = start_webhook(standin)
    spool = hook.path("spool")
    standin.answer(partial({0: "MalformedDetail"}))
    assert hook.send(documented_event(text="poison")).status == 200
    eventually(lambda: momentoctl("dead", "ls", "--json", spool).stdout, "a dead letter")
    letter = momentoctl("dead", "ls", spool).stdout.decode().splitlines()[1].split()[0]
    for answer, status, left in (("n\n", 1, 1), ("y\n", 0, 0)):
        with terminal("dead", "rm", letter, spool) as rm:
            rm.wait_for(r'remove 1 dead letter for good \("MalformedDetail": 1\)\? \[y/N\] ')
            rm.type(answer)
            assert rm.end() == status, rm.screen
        listed = momentoctl("dead", "ls", "--json", spool).stdout
        assert len(listed.splitlines()) == left


def test_send_shows_how_far_it_is_unless_told_to_be_quiet(start_webhook, standin):
    hook = start_webhook(standin)
    secret = hook.path("hook.secret")
    secret.write_text("not the hook's")
    arguments = ["send", f"http://127.0.0.1:{hook.port}/momento", "--secret", f"file:{secret}",
                 "--count", "3"]
    hook.allow("forged")
    with terminal(*arguments) as send:
        assert send.end() == 1
        assert "sent 1 of 3: 403: 1" in send.screen
        assert "403: the secret, or the clock?" in send.screen
    with terminal(*arguments, "--quiet") as send:
        assert send.end() == 1
        assert "sent" not in send.screen and "clock" not in send.screen
