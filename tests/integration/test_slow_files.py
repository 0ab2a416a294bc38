"""Files that are not the spool's: whatever they do, other destinations are delivered to."""

import contextlib
import fcntl
import json
import os
import select

import pytest

from harness import preload
from harness.events import SECRET, documented_event
from harness.nginx import check_config
from harness.waiting import eventually
from harness.webhook import SPOOL, Webhook, eventbridge, file_destination, webhook

OTHERS = 100
AWS = webhook(destination="aws", path="= /aws")
CANNOT_BE_SYNCED = "is no regular file and cannot be synced"


def start(start_webhook, standin, destination=None, env=None, **parts):
    """A file destination "bus" beside an EventBridge one, "aws"."""
    return start_webhook(
        destinations=(destination or file_destination()) + eventbridge(standin, "aws"),
        server=AWS, env=preload.merged(standin.environment(), env or {}), **parts)


def others_arrive(hook, standin):
    """All of them, while the file does what it does."""
    before = len(standin.accepted)
    for number in range(OTHERS):
        assert hook.send(documented_event(text=f"{number}"), path="/aws").status == 200
    standin.wait_for_entries(before + OTHERS)


def says_so(hook, what):
    hook.allow(r"has waited \d+ s for ")
    hook.wait_for_log(rf"\[error\].*momento: .*has waited \d+ s for {what}")


class Pipe:
    """A pipe at a path, that nobody reads before the test does."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = path
        self.end = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.piped = b""

    def destination(self, settings=""):
        return f"momento_destination bus {{ file {self.path}; {settings} }}"

    def has_something(self):
        return bool(select.select([self.end], [], [], 0)[0])

    def lines(self):
        """All whole ones so far."""
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.end, 1 << 20):
                self.piped += part
        return self.piped.decode().split("\n")[:-1]


@pytest.fixture
def pipe(tmp_path):
    pipe = Pipe(tmp_path / "pipe")
    yield pipe
    os.close(pipe.end)


def texts(lines):
    return [json.loads(line)["detail"]["text"] for line in lines]


def test_a_lock_on_the_file_stops_nobody(start_webhook, standin):
    hook = start(start_webhook, standin)
    with hook.path("bus.json").open("rb") as file:
        fcntl.lockf(file, fcntl.LOCK_SH)
        fcntl.flock(file, fcntl.LOCK_SH)
        assert hook.send(documented_event(text="locked")).status == 200
        others_arrive(hook, standin)
        assert hook.events(1)[0]["detail"]["text"] == "locked"


def test_a_pipe_that_nobody_reads_stops_nobody(start_webhook, standin, pipe):
    hook = start(start_webhook, standin, pipe.destination())
    wanted = [f"{number}" + "x" * 5000 for number in range(40)]
    for text in wanted:
        assert hook.send(documented_event(text=text)).status == 200
    eventually(pipe.has_something, "a line in the pipe")
    others_arrive(hook, standin)
    says_so(hook, rf'"{pipe.path}" to take its lines: .*let somebody read it')
    assert hook.numbers()["delivered"] < len(wanted)

    # And each event is one line once somebody does.
    eventually(lambda: len(pipe.lines()) >= len(wanted), "all lines")
    eventually(lambda: hook.numbers()["pending"] == 0, "the end of delivery")
    assert texts(pipe.lines()) == wanted


def test_a_sync_that_does_not_end_stops_nobody_and_repeats_nothing(start_webhook, standin,
                                                                   mount):
    hook = start(start_webhook, standin, env=mount.environment())
    mount.dies(hook.path("bus.json"))
    for number in range(3):
        assert hook.send(documented_event(text=f"{number}")).status == 200
    eventually(lambda: hook.lines("bus.json"), "a line")
    others_arrive(hook, standin)
    says_so(hook, '".*/bus.json" to take its lines')
    assert hook.numbers()["delivered"] == 0
    mount.lives()
    eventually(lambda: hook.numbers()["delivered"] == 3, "the end of delivery")
    assert [event["detail"]["text"] for event in hook.events(3)] == ["0", "1", "2"]


def test_workers_write_long_lines_to_a_pipe_one_after_the_other(start_webhook, pipe):
    hook = start_webhook(destinations=pipe.destination(), workers=4)
    wanted = [f"{number}" + "x" * 50_000 for number in range(40)]
    for text in wanted:
        assert hook.send(documented_event(text=text)).status == 200
    eventually(lambda: len(pipe.lines()) >= len(wanted), "all lines")
    assert sorted(texts(pipe.lines())) == sorted(wanted)


def test_a_line_that_a_killed_worker_leaves_in_a_pipe_is_ended(start_webhook, pipe):
    hook = start_webhook(destinations=pipe.destination())
    text = "x" * 200_000
    assert hook.send(documented_event(text=text)).status == 200
    eventually(pipe.has_something, "the beginning of the line")
    hook.kill_worker()
    eventually(lambda: len(pipe.lines()) >= 2, "the end of it, and the line")
    assert texts(pipe.lines()[1:]) == [text]
    with pytest.raises(json.JSONDecodeError):
        json.loads(pipe.lines()[0])


class Piped(Webhook):
    """Its standard output is a pipe."""

    def _launch(self):
        if self.stderr is None:
            self.output, end = os.pipe()
            os.set_blocking(self.output, False)
            self.stderr = os.fdopen(end, "wb")
            self.piped = b""
        return super()._launch()

    def output_lines(self):
        """Events."""
        with contextlib.suppress(BlockingIOError):
            self.piped += os.read(self.output, 1 << 20)
        return [line for line in self.piped.decode().splitlines() if line.startswith("{")]

    def close(self):
        super().close()
        os.close(self.output)


def test_standard_output_has_each_event_once(start_nginx):
    hook = start_nginx(Piped, destinations="momento_destination bus { file /dev/stdout; }")
    for number in range(3):
        assert hook.send(documented_event(text=f"{number}")).status == 200
    eventually(lambda: hook.numbers()["delivered"] == 3, "the end of delivery")
    assert texts(hook.output_lines()) == ["0", "1", "2"]


@pytest.mark.parametrize("sync, warnings", [("always", 1), ("os", 0)])
def test_the_configuration_says_once_that_a_file_cannot_be_synced(sync, warnings):
    result = check_config(
        http=f"{SPOOL.replace(';', f' sync={sync};')} "
             "momento_destination bus { file /dev/null; } " + file_destination("other"),
        server=webhook())
    assert result.status == 0, result.output
    assert result.output.count(CANNOT_BE_SYNCED) == warnings
    assert warnings == 0 or '[warn]' in result.output and '"bus"' in result.output


def test_a_file_that_there_was_no_descriptor_for_is_tried_again(start_webhook, descriptors):
    descriptors.refuse()
    hook = start_webhook(env=descriptors.environment())
    hook.allow(r"cannot use .*bus\.json")
    hook.wait_for_log(r'\[alert\].*cannot use ".*bus.json", its events wait.*open files')
    assert hook.send(documented_event(text="kept")).status == 200
    descriptors.give()
    assert hook.events(1)[0]["detail"]["text"] == "kept"


def test_a_former_spool_that_hangs_stops_nobody(start_webhook, standin, mount):
    hook = start(start_webhook, standin, env=mount.environment())
    mount.dies(hook.path("spool"))
    http = hook.parts["http"].replace("%%DIR%%/spool ", "%%DIR%%/other ")
    hook.reload(http=http)
    says_so(hook, 'a look at the spool ".*/spool"')
    others_arrive(hook, standin)
    mount.lives()
    hook.wait_for_log(r'waits no more for a look at the spool ".*/spool"')


def test_a_secret_file_that_hangs_stops_nobody_nor_the_end(start_webhook, standin, mount):
    hook = start(start_webhook, standin, env=mount.environment(),
                 files={"hook.secret": SECRET}, secret="file:%%DIR%%/hook.secret")
    hook.path("hook.secret").chmod(0o644)
    assert hook.send(documented_event(text="before")).status == 200
    mount.dies(hook.path("hook.secret"))
    says_so(hook, "a look at its file")
    others_arrive(hook, standin)
    assert hook.send(documented_event(text="with its last value")).status == 200
    assert len(hook.events(2)) == 2
    hook.terminate()
    hook.wait_for_log("a thread could not be ended in time, exit")


def test_a_token_file_that_hangs_stops_nobody(start_webhook, standin, mount, tmp_path):
    mount.dies(tmp_path / "token")
    hook = start_webhook(
        destinations=eventbridge(standin, "bus", "credentials web_identity;")
        + eventbridge(standin, "aws"), server=AWS,
        env=preload.merged(standin.environment(), mount.environment(), {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/gateway"}))
    assert hook.send(documented_event(text="waits")).status == 200
    others_arrive(hook, standin)
    says_so(hook, 'a look at ".*/token"')
    assert hook.numbers()["pending"] == 1
