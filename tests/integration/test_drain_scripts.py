"""The scripts of conf.d/aws that drain a gateway before Auto Scaling or ECS ends it, with a
gateway that has something to deliver. Commands they would call are stood in for; momentoctl is
the real one."""

import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile
import threading

import pytest

from harness import settings
from harness.credential_server import METADATA_PATH, CredentialServer
from harness.events import documented_event
from harness.ports import Port
from harness.standin import held, silence, succeed
from harness.waiting import PATIENCE, eventually
from harness.webhook import Webhook

DIRECTORY = settings.REPOSITORY / "conf.d/aws"
STATE = "autoscaling/target-lifecycle-state"
EVENTS = 5
LEFT = f'still pending: {EVENTS} ("bus": {EVENTS})'
PATIENT = "timeout total=10m;"  # a bus that is held back may take long to answer


class Commands:
    """A directory for PATH. What is called there writes its arguments, and what momentoctl says
    of the spool at that moment."""

    def __init__(self, directory):
        self.directory = directory
        self.path = f"{directory}:{os.environ['PATH']}"
        self.make("momentoctl", f'exec {settings.MOMENTOCTL} "$@"')

    def make(self, name, then):
        command = self.directory / name
        command.write_text(f"""#!/bin/sh
[ -z "$SPOOL" ] || {settings.MOMENTOCTL} drain --timeout 0 "$SPOOL" > {command}.left
printf '%s\\n' "$@" > {command}.new && mv {command}.new {command}.called
{then}
""")
        command.chmod(0o755)

    def called(self, name):
        """Its arguments; None if it was not called."""
        try:
            return (self.directory / f"{name}.called").read_text().splitlines()
        except FileNotFoundError:
            return None

    def left(self, name):
        """What was left in the spool when it was called."""
        return (self.directory / f"{name}.left").read_text()


@pytest.fixture(name="commands")
def make_commands():
    with tempfile.TemporaryDirectory(prefix="momento-commands-") as directory:
        yield Commands(pathlib.Path(directory))


@pytest.fixture(name="gate")
def hold_back(standin):
    """The bus answers once this is set."""
    gate = threading.Event()
    standin.always(held(gate))
    yield gate
    gate.set()


def send_events(hook):
    for number in range(EVENTS):
        assert hook.send(documented_event(text=str(number))).status == 200


# Auto Scaling


@pytest.fixture(name="instance")
def serve_metadata():
    server = CredentialServer()
    server.metadata = {STATE: "InService", "instance-id": "i-0123456789abcdef0",
                       "placement/region": "us-west-2"}
    yield server
    server.close()


@pytest.fixture(name="drain")
def start_drain(commands, instance):
    """Starts the script beside a gateway. `aws`, `logger`: what these do after all."""
    running = []

    def start(hook, timeout="60s", **then):
        for name in ("aws", "logger"):
            commands.make(name, then.get(name, "exit 0"))
        running.append(subprocess.Popen(
            ["sh", DIRECTORY / "drain-autoscaling.sh"], stdin=subprocess.DEVNULL,
            env={"PATH": commands.path, "SPOOL": str(hook.path("spool")), "HOOK": "drain",
                 "GROUP": "hooks", "TIMEOUT": timeout, "METADATA": instance.url,
                 "PAUSE": "0.02"}))
        return running[-1]

    yield start
    for script in running:
        script.kill()
        script.wait()


COMPLETED = ["autoscaling", "complete-lifecycle-action", "--lifecycle-action-result", "CONTINUE",
             "--lifecycle-hook-name", "drain", "--auto-scaling-group-name", "hooks",
             "--instance-id", "i-0123456789abcdef0", "--region", "us-west-2"]


def test_an_instance_is_let_go_once_it_is_drained(start_webhook, standin, gate, commands,
                                                  instance, drain):
    hook = start_webhook(standin, settings=PATIENT)
    send_events(hook)
    script = drain(hook)
    eventually(lambda: instance.asked.count(METADATA_PATH + STATE) > 2, "looks at the state")
    assert commands.called("momentoctl") is None  # nobody wants its end yet

    instance.metadata[STATE] = "Terminated"
    eventually(lambda: commands.called("momentoctl"), "draining")
    assert commands.left("momentoctl") == f"{LEFT}\n"
    assert commands.called("aws") is None
    gate.set()
    assert script.wait(PATIENCE) == 0
    assert commands.called("aws") == COMPLETED
    assert commands.left("aws") == ""
    assert commands.called("logger") is None
    assert len(standin.accepted) == EVENTS


@pytest.mark.parametrize("status", [0, 1], ids=["logged", "no_log"])
def test_an_instance_that_cannot_be_drained_is_let_go_in_time(
        start_webhook, standin, gate, commands, instance, drain, status):
    hook = start_webhook(standin, settings=PATIENT)
    send_events(hook)
    instance.metadata[STATE] = "Terminated"
    script = drain(hook, timeout="300ms", logger=f"exit {status}")
    assert script.wait(PATIENCE) == 0
    assert commands.called("aws") == COMPLETED
    assert commands.called("logger") == [
        "-t", "momento", f"left in {hook.path('spool')}: {LEFT}"]


def test_letting_go_is_tried_again_by_whoever_runs_the_script(start_webhook, standin, commands,
                                                              instance, drain):
    hook = start_webhook(standin)
    instance.metadata[STATE] = "Terminated"
    script = drain(hook, aws="exit 254")
    assert script.wait(PATIENCE) != 0
    assert commands.called("aws") == COMPLETED


# ECS


class Task(Webhook):
    """nginx as the container's entry point starts it."""

    command = ("sh", DIRECTORY / "drain-ecs.sh")

    def _configure(self):
        super()._configure()
        path = self.path("nginx.conf")
        path.write_text(path.read_text().replace("daemon off;", ""))  # the script says so
        self.env["SPOOL"] = str(self.path("spool"))

    def stop(self):
        self.terminate()

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        """The container's exit status."""
        return self.process.wait(PATIENCE)


@pytest.fixture(name="start_task")
def make_start_task(start_nginx, commands):
    def start(standin, timeout="60s", **parts):
        env = {"PATH": commands.path, "NGINX_BINARY": settings.NGINX_BINARY, "TIMEOUT": timeout}
        return start_nginx(Task, standin=standin, env=env, **parts)

    return start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT],
                         ids=lambda number: number.name)
def test_a_task_delivers_before_it_ends(start_task, standin, gate, commands, number):
    task = start_task(standin, settings=PATIENT)
    send_events(task)
    task.end(number)
    eventually(lambda: commands.called("momentoctl"), "draining")
    assert task.send(documented_event(text="a late one")).status == 200
    gate.set()
    assert task.wait() == 0
    assert len(standin.accepted) == EVENTS + 1
    assert "left in" not in task.read("stderr.log")


def test_a_task_that_cannot_deliver_ends_in_time_and_keeps_its_events(start_task, standin):
    standin.always(silence())
    task = start_task(standin, timeout="300ms")
    send_events(task)
    task.end()
    assert task.wait() == 0
    spool = task.path("spool")
    assert f"left in {spool}: {LEFT}\n" in task.read("stderr.log")

    standin.always(succeed)
    task.start_again()
    standin.wait_for_entries(EVENTS)


def test_a_task_says_which_letters_did_not_reach_their_queue(start_task, standin):
    with contextlib.closing(Port()) as nobody:
        task = start_task(standin, timeout="300ms", settings="dead_letter sqs "
                          f"http://127.0.0.1:{nobody.number}/123456789012/letters;")
        assert task.send(b'{"cache":"chat"}').status == 400
        task.end()
        assert task.wait() == 0
        assert "dead letters not yet in their queue: 1\n" in task.read("stderr.log")


def test_a_task_whose_nginx_does_not_start_fails(commands):
    done = subprocess.run(["sh", DIRECTORY / "drain-ecs.sh"], check=False,
                          env={"PATH": commands.path, "NGINX_BINARY": "false"})
    assert done.returncode == 1
