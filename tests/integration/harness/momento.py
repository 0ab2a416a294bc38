"""Momento, played by conf.d/momento-local.py in a process of its own."""

import base64
import json
import signal
import subprocess
import sys
import tempfile
import urllib.parse
from dataclasses import dataclass

from .clients import Connection
from .ports import Port
from .settings import REPOSITORY
from .tls import certificate
from .waiting import PATIENCE

SCRIPT = REPOSITORY / "conf.d/momento-local.py"


def quoted(name):
    return urllib.parse.quote(name, safe="")


def text_of(item):
    """What a poll's entry {"item": ...} carries."""
    return item["item"]["value"]["text"]


@dataclass(frozen=True)
class Published:
    cache: str
    topic: str
    page: int
    number: int
    kind: str    # "text", "binary"
    data: bytes
    lost: bool   # nobody could get it


class Momento:
    """Tests make caches of their own, and look at what has arrived.

    momento = Momento("cache")
    momento.publish("cache", "topic", "hello")
    momento.messages() == [Published(...)]

    Calls as clients make them: get, set, delete, publish, poll, each on a connection of its own
    and safe from any thread. What only a test can: items, messages, calls, fault, topic,
    settings. `options` are the script's. The port stays over stop() and start().
    """

    def __init__(self, *caches, options=(), tls=False):
        self._port = Port()
        self.port = self._port.number
        self.tls = tls
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        # As a key of Momento's first kind.
        self.key = base64.b64encode(json.dumps(
            {"endpoint": f"localhost:{self.port}", "api_key": "not-a-real-one"}).encode()).decode()
        self._command = [sys.executable, "-B", str(SCRIPT), "--port", str(self.port),
                         "--key", self.key, "--log", *options]
        for cache in caches:
            self._command += ["--cache", cache]
        if tls:
            self._command += ["--tls", str(certificate().path), str(certificate().path)]
        self.log = tempfile.TemporaryFile()
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline()
        assert line.decode() == f"endpoint {self.endpoint}\n", self.output()

    def stop(self, with_signal=signal.SIGTERM):
        """Asks it to end. Everything it kept is gone. Returns its exit status."""
        self.process.send_signal(with_signal)
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        return status

    def close(self):
        if self.process.poll() is None:
            assert self.stop() == 0, self.output()
        self.log.close()
        self._port.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def output(self):
        """What it wrote: a line a call, and errors of its own."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    # As a client

    def request(self, method, path, body=None, headers=None, key=None):
        with Connection(self.port, self.tls) as connection:
            return connection.request(method, path, body,
                                      {"Authorization": key or self.key, **(headers or {})})

    def get(self, cache, key):
        return self.request("GET", f"/cache/{quoted(cache)}?key={quoted(key)}")

    def set(self, cache, key, value, ttl=300):
        return self.request("PUT", f"/cache/{quoted(cache)}?key={quoted(key)}&ttl_seconds={ttl}",
                            value)

    def delete(self, cache, key):
        return self.request("DELETE", f"/cache/{quoted(cache)}?key={quoted(key)}")

    def publish(self, cache, topic, message):
        """Bytes as bytes, a string as text."""
        is_text = isinstance(message, str)
        return self.request(
            "POST", f"/topics/{quoted(cache)}/{quoted(topic)}",
            message.encode() if is_text else message,
            {"Content-Type": "text/plain" if is_text else "application/octet-stream"})

    def poll(self, cache, topic, number=0, page=0):
        """Waits until there is something; returns the answer."""
        return self.request("GET", f"/topics/{quoted(cache)}/{quoted(topic)}"
                            f"?sequence_number={number}&sequence_page={page}")

    # As a test

    def admin(self, method, name, document=None):
        with Connection(self.port, self.tls) as connection:
            answer = connection.request(method, f"/_local/{name}",
                                        None if document is None else json.dumps(document))
        assert answer.status == 200, answer.body
        return answer.json()

    def create(self, *caches):
        self.admin("POST", "caches", {"create": caches})

    def items(self, cache):
        """{key: value}, both bytes."""
        found = self.admin("GET", f"items?cache={quoted(cache)}")["items"]
        return {base64.b64decode(item["key_base64"]): base64.b64decode(item["value_base64"])
                for item in found}

    def messages(self, cache, topic):
        """All that were published, oldest first."""
        found = self.admin("GET", f"messages?cache={quoted(cache)}&topic={quoted(topic)}")
        return [Published(each["cache"], each["topic"], each["page"], each["number"],
                          each["kind"], base64.b64decode(each["data_base64"]), each["lost"])
                for each in found["messages"]]

    def topic_state(self, cache, topic):
        """page, next, kept, waiting (polls), most_waiting; None if nobody has asked for it."""
        found = self.admin("GET", f"messages?cache={quoted(cache)}&topic={quoted(topic)}")
        return next(iter(found["topics"]), None)

    def waiting(self, cache, topic):
        """How many polls wait."""
        state = self.topic_state(cache, topic)
        return state["waiting"] if state else 0

    def calls(self, kind=None, after=0):
        """The newest ones, oldest first; headers by lower-case name."""
        return self.admin("GET", f"calls?after={after}" + (f"&kind={kind}" if kind else ""))[
            "calls"]

    def counts(self):
        """{kind: {status: calls}}; status 0: the connection was cut."""
        counts = self.admin("GET", f"calls?after={1 << 60}")["counts"]
        return {kind: {int(status): count for status, count in by_status.items()}
                for kind, by_status in counts.items()}

    def fault(self, **members):
        """See `GET /_local`."""
        return self.admin("POST", "faults", members)["id"]

    def topic(self, cache, topic, **members):
        return self.admin("POST", "topic", {"cache": cache, "topic": topic, **members})

    def settings(self, **members):
        return self.admin("POST", "settings", members)
