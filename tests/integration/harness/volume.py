"""Load and a bus for very many events, by bench/'s programs: Python would be the limit."""

import contextlib
import json
import subprocess
import urllib.request

from . import settings
from .ports import Port
from .waiting import PATIENCE, eventually


def program(name):
    path = settings.BUILD / name
    assert path.exists(), f"no {path}: cmake --build build --target bench_tools"
    return path


def load(port, count, connections=64, size=400):
    """Sends so many events, and returns what became of them. The last ones may be refused."""
    done = subprocess.run(
        [program("load"), str(port), f"--count={count}", f"--connections={connections}",
         f"--size={size}", "--seconds=1800"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


class Sink:
    """A bus that takes everything but events that hold the text `refused`. It can be closed
    and opened again, on the same port; counts() start anew then."""

    def __init__(self, refused=""):
        self.refused = refused
        self._port = Port()
        self.port = self._port.number
        self.process = None

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def environment(self):
        return {"AWS_ACCESS_KEY_ID": "AKIDSINK", "AWS_SECRET_ACCESS_KEY": "any",
                "AWS_REGION": "us-west-2"}

    def open(self):
        self.process = subprocess.Popen([program("sink"), str(self.port), "0", self.refused])
        eventually(self._answers, "the sink")

    def _answers(self):
        with contextlib.suppress(OSError):
            return self.counts()

    def counts(self):
        with urllib.request.urlopen(self.endpoint, timeout=PATIENCE) as answer:
            return json.load(answer)

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
