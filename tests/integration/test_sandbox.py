"""conf.d/systemd: the sandbox is valid, closes what it says, and leaves nginx what it needs."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from harness import settings
from harness.webhook import Webhook

DROP_IN = settings.REPOSITORY / "conf.d/systemd/nginx.service.d/momento.conf"

# What Debian 12's nginx.service says of how it is run.
UNIT = """\
[Unit]
Description=nginx

[Service]
Type=forking
PIDFile=/run/nginx.pid
ExecStart={nginx} -g 'daemon on; master_process on;'
KillMode=mixed
"""

# systemd's figure: 0 nothing is open, 10 everything. Debian's unit alone has 9.6.
MOST_EXPOSURE = 3.0


def setting(name):
    """All values of a setting, in one list."""
    return [word for line in DROP_IN.read_text().splitlines() if line.startswith(f"{name}=")
            for word in line.partition("=")[2].split()]


def need(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


@pytest.fixture
def unit(tmp_path):
    """nginx.service with the drop-in beside it."""
    need("systemd-analyze")
    path = tmp_path / "nginx.service"
    path.write_text(UNIT.format(nginx=settings.NGINX_BINARY))
    shutil.copytree(DROP_IN.parent, tmp_path / DROP_IN.parent.name)
    return path


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True,
                          text=True, check=False)


def test_systemd_understands_the_sandbox(unit):
    verified = analyze("verify", "--man=no", unit)
    assert verified.returncode == 0, verified.stderr
    assert "momento.conf" not in verified.stderr, verified.stderr


def test_little_is_left_open(unit):
    judged = analyze("security", "--offline=true", unit)
    if "unrecognized option" in judged.stderr:
        pytest.skip("systemd-analyze is too old for --offline")
    exposure = float(re.search(r"exposure level for nginx.service: ([\d.]+)",
                               judged.stdout).group(1))
    assert exposure <= MOST_EXPOSURE, judged.stdout


@pytest.fixture
def run_nginx_through(tmp_path, monkeypatch):
    """Makes nginx start through another program."""
    def wrap(*command):
        script = tmp_path / "nginx"
        script.write_text(f'#!/bin/sh\nexec {" ".join(map(str, command))} '
                          f'{settings.NGINX_BINARY} "$@"\n')
        script.chmod(0o755)
        settings.nginx_version()  # asks the real one, and remembers
        monkeypatch.setattr(settings, "NGINX_BINARY", str(script))
    return wrap


def live(hook):
    """All that nginx does with what it may do."""
    assert hook.send().status == 200
    assert len(hook.events()) == 1
    hook.reload()
    assert hook.send().status == 200
    hook.kill_worker()
    assert hook.send().status == 200
    hook.process.send_signal(signal.SIGUSR1)
    hook.stop()


def test_the_capabilities_are_enough(start_nginx, run_nginx_through):
    need("setpriv")
    if os.geteuid() != 0:
        pytest.skip("only root has capabilities to take away")
    kept = ",".join("+" + name.lower().removeprefix("cap_")
                    for name in setting("CapabilityBoundingSet"))
    run_nginx_through("setpriv", "--no-new-privs", f"--bounding-set=-all,{kept}",
                      f"--inh-caps=-all,{kept}")
    hook = start_nginx(Webhook)
    status = pathlib.Path(f"/proc/{hook.process.pid}/status").read_text()
    bounding = int(re.search(r"CapBnd:\s*(\w+)", status).group(1), 16)
    assert bounding.bit_count() == len(setting("CapabilityBoundingSet"))
    live(hook)


@pytest.mark.skipif(settings.SANITIZED, reason="LeakSanitizer does not work under strace")
def test_the_system_calls_are_enough(start_nginx, run_nginx_through, tmp_path):
    need("strace")
    need("systemd-analyze")
    trace = tmp_path / "trace"
    run_nginx_through("strace", "-D", "-f", "-qq", "-o", trace)
    allowed = allowed_calls(setting("SystemCallFilter"))
    assert "read" in allowed
    live(start_nginx(Webhook))
    used = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(errors="replace"), re.M))
    assert "fdatasync" in used
    assert not used - allowed


def allowed_calls(groups):
    """What a filter lets through, groups within groups resolved."""
    calls = set()
    for group in groups:
        listed = analyze("syscall-filter", group).stdout.splitlines()
        for word in (line.strip() for line in listed[1:]):
            if word.startswith("@"):
                calls |= allowed_calls([word])
            elif word and not word.startswith("#"):
                calls.add(word)
    return calls
