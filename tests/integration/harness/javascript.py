"""AWS's own code for JavaScript, as another opinion. tests/run.sh installs it in build/npm."""

import functools
import json
import shutil
import subprocess

import pytest

from . import settings
from .standin import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY

PACKAGES = settings.BUILD / "npm"
SCRIPTS = settings.REPOSITORY / "tests/integration/javascript"


@functools.lru_cache
def missing():
    """What is not there; empty if all is."""
    if not shutil.which("node"):
        return "node"
    return "" if (PACKAGES / "node_modules/@smithy/signature-v4").is_dir() else "its packages"


needed = pytest.mark.skipif(
    bool(missing()), reason=f"no {missing()} for AWS's JavaScript code: tests/run.sh installs "
                            "nodejs and npm, and with them build/npm")


def run(script, *arguments, input=None):
    done = subprocess.run(["node", SCRIPTS / script, PACKAGES, *arguments], input=input,
                          capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def call(client, operation, endpoint, parameters):
    """What the client makes of the answer: {"output": ...} or {"error": ...}."""
    answer, = run("call.mjs", json.dumps({
        "client": client, "operation": operation, "input": parameters, "endpoint": endpoint,
        "region": REGION, "accessKeyId": ACCESS_KEY_ID,
        "secretAccessKey": SECRET_ACCESS_KEY}))
    return answer
