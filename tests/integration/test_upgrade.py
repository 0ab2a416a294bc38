"""The module's file becomes another build while nginx runs: a reload keeps the old code."""

import os
import re
import shutil

import pytest

from harness import settings
from harness.nginx import make_directory
from harness.waiting import eventually

pytestmark = pytest.mark.skipif(not settings.NGINX_MODULE,
                                reason="the module is a part of this nginx")

BUILD_ID = re.compile(rb"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0(.{20})", re.S)


@pytest.fixture
def installed():
    """A copy of the module that a package manager may replace."""
    directory = make_directory()
    path = directory / "module.so"
    shutil.copy(settings.NGINX_MODULE, path)
    yield path
    shutil.rmtree(directory)


def replace(path, content):
    """As dpkg does it."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.chmod(0o644)
    os.replace(new, path)


def another_build(content):
    found = BUILD_ID.search(content)
    assert found, "the module has no build ID"
    return content[:found.start(1)] + bytes(20) + content[found.end(1):]


def is_stale(hook):
    told = hook.status()["restart_needed"]
    assert f"\nmomento_build_stale {told:d}\n" in hook.get("/metrics").body.decode()
    return told


def test_another_build_in_the_module_s_file_is_told_of_once(start_webhook, standin, installed):
    hook = start_webhook(standin, workers=2, module=str(installed), level="",
                         server="location = /metrics { momento_status prometheus; }")
    assert not is_stale(hook)
    running = installed.read_bytes()

    replace(installed, another_build(running))
    hook.reload()
    line = hook.wait_for_log(r"\[error\].*is another build by now.*")[0]
    assert str(installed) in line and "service nginx upgrade" in line
    eventually(lambda: is_stale(hook), "the status that tells of it")
    hook.reload()
    assert hook.send().status == 200
    standin.wait_for_entries(1)
    assert hook.error_log().count("is another build by now") == 1

    hook.stop()
    hook.start_again()
    assert hook.send().status == 200
    standin.wait_for_entries(2)
    assert not is_stale(hook)
    assert hook.error_log().count("is another build by now") == 1
