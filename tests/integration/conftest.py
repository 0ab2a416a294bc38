"""Fixtures: a real nginx with the module, and services that play AWS."""

import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile

import pytest

from harness import settings
from harness.clock import Clock
from harness.delivery import Delivery
from harness.descriptors import Descriptors
from harness.disk import Disk
from harness.endings import Endings
from harness.event_loop import EventLoop
from harness.momento import Momento
from harness.mount import Mount
from harness.pages import Pages
from harness.moto_server import Moto, moto_python
from harness.nginx import Nginx
from harness.resolver import Resolver
from harness.standin import StandIn
from harness.threads import Threads
from harness.webhook import Webhook


# Of a command that a shell runs in the background, these are ignored; scripts that tests run
# could not catch them.
for number in (signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


def pytest_report_header():
    version = ".".join(map(str, settings.nginx_version())) if settings.NGINX_BINARY else "none"
    return (f"nginx: {settings.NGINX_BINARY or 'none'} ({version}), "
            f"module: {settings.NGINX_MODULE or 'built in'}, "
            f"moto: {moto_python() or 'none'}")


@pytest.fixture
def start_nginx():
    """Starts as many nginx as a test asks for; each is stopped and judged at the end.

    start_nginx(http=..., server=..., main=..., workers=1, env={...}, files={...})
    """
    running = []

    def start(kind=Nginx, **parts):
        nginx = kind(**parts)
        running.append(nginx)
        return nginx

    yield start
    failure = None
    for nginx in reversed(running):
        log = nginx.error_log()
        try:
            nginx.close()
        except AssertionError as problem:
            failure = failure or problem
        print(f"--- error log of nginx on port {nginx.port}\n{log}")  # shown if the test fails
    if failure:
        raise failure


@pytest.fixture
def start_momento():
    """Starts as many stand-ins of Momento as a test asks for: harness/momento.py."""
    running = []

    def start(*caches, **parts):
        running.append(Momento(*caches, **parts))
        return running[-1]

    yield start
    for momento in running:
        print(f"--- what Momento's stand-in on port {momento.port} wrote\n{momento.output()}")
        momento.close()


@pytest.fixture
def start_webhook(start_nginx):
    """As start_nginx, with a webhook at /momento: harness/webhook.py.

    start_webhook(standin, location="...", settings="...", disk=disk)
    """
    def start(standin=None, location="", **parts):
        return start_nginx(Webhook, standin=standin, location=location, **parts)

    return start


@contextlib.contextmanager
def in_directory(kind):
    """One of what has a directory of its own."""
    with tempfile.TemporaryDirectory(prefix=f"momento-{kind.__name__}-") as directory:
        yield kind(pathlib.Path(directory))


@pytest.fixture
def disk():
    """A disk that can be told to hang or to fail, for start_webhook()."""
    with in_directory(Disk) as disk:
        yield disk


@pytest.fixture
def clock():
    """A clock that can be put forward; its environment() is for start_webhook()."""
    with in_directory(Clock) as clock:
        yield clock


@pytest.fixture
def event_loop():
    """An event loop that can be held; its environment() is for start_webhook()."""
    with in_directory(EventLoop) as event_loop:
        yield event_loop
        event_loop.let_go()


@pytest.fixture
def resolver():
    """A resolver that can be told not to answer; its environment() is for start_webhook()."""
    with in_directory(Resolver) as resolver:
        yield resolver
        resolver.answers()


@pytest.fixture
def threads():
    """A system that can be told to give no threads; its environment() is for start_webhook()."""
    with in_directory(Threads) as threads:
        yield threads


@pytest.fixture
def pages():
    """A disk with places that cannot be read; its environment() is for start_webhook()."""
    with in_directory(Pages) as pages:
        yield pages


@pytest.fixture
def mount():
    """A mount that can be told to be dead; its environment() is for start_webhook()."""
    with in_directory(Mount) as mount:
        yield mount
        mount.lives()


@pytest.fixture
def delivery():
    """A delivery that can be held; its environment() is for start_webhook()."""
    with in_directory(Delivery) as delivery:
        yield delivery
        delivery.let_go()


@pytest.fixture
def descriptors():
    """Files that cannot be opened any more; its environment() is for start_webhook()."""
    with in_directory(Descriptors) as descriptors:
        yield descriptors


@pytest.fixture
def endings():
    """Threads that can be told to end; its environment() is for start_webhook()."""
    if settings.SANITIZED:
        pytest.skip("the sanitizer has its own malloc")
    with in_directory(Endings) as endings:
        yield endings


@pytest.fixture
def start_standin():
    """Starts as many stand-ins for AWS as a test asks for. None may have complaints left."""
    running = []

    def start(**settings_):
        standin = StandIn(**settings_)
        running.append(standin)
        return standin

    yield start
    complaints = []
    for standin in running:
        standin.close()
        complaints += standin.complaints
    assert not complaints


@pytest.fixture
def standin(start_standin):
    return start_standin()


@pytest.fixture(scope="session")
def moto():
    """moto with real checks of signatures and policies. Tests make their own bus and user."""
    if not moto_python():
        pytest.skip("no Python with moto: pip install 'moto[server]' into build/venv")
    server = Moto()
    yield server
    server.close()


@pytest.fixture(scope="session")
def promtool():
    """The path of Prometheus's promtool."""
    if not settings.PROMTOOL:
        pytest.skip("no promtool: Debian's package prometheus could not be fetched")
    return settings.PROMTOOL


@pytest.fixture(scope="session")
def momentoctl():
    """Runs momentoctl: momentoctl("sign", "--secret", "plain", input=b"...")"""
    assert os.access(settings.MOMENTOCTL, os.X_OK), f"no {settings.MOMENTOCTL}: build it first"

    def run(*arguments, input=b"", env=None, timeout=120):
        return subprocess.run(
            [settings.MOMENTOCTL, *map(str, arguments)], input=input, capture_output=True,
            env={"PATH": os.environ["PATH"], **(env or {})}, timeout=timeout, check=False)

    return run
