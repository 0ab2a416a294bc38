"""A real nginx of one test: own directory, own ports, own processes."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass

from . import processes, settings
from .clients import Connection, RawConnection, curl
from .ports import Port
from .tls import certificate
from .waiting import PATIENCE, eventually

CONFIGURATION = """\
%%LOAD%%
daemon off;
user %%USER%%;
worker_processes %%WORKERS%%;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log%%LEVEL%%;
%%MAIN%%

events {
    worker_connections 1024;
    %%EVENTS%%
}

http {
    client_body_temp_path %%DIR%%/body;
    proxy_temp_path %%DIR%%/proxy;
    fastcgi_temp_path %%DIR%%/fastcgi;
    uwsgi_temp_path %%DIR%%/uwsgi;
    scgi_temp_path %%DIR%%/scgi;
    access_log %%DIR%%/access.log;
    %%HTTP%%

    server {
        %%LISTEN%%
        %%SERVER%%
    }
}
"""

LISTEN = """listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%TLS_PORT%% ssl %%HTTP2%%;
        ssl_certificate %%CERTIFICATE%%;
        ssl_certificate_key %%CERTIFICATE%%;
        ssl_protocols TLSv1.2 TLSv1.3;"""

TROUBLE = re.compile(r"\[(?:alert|emerg)\]|Sanitizer|runtime error:")


def render(directory, ports, main="", events="", http="", server="", workers=1,
           listen=LISTEN, level=" info",
           module=settings.NGINX_MODULE):
    """The text of nginx.conf. `%%DIR%%`, `%%PORT%%` and `%%TLS_PORT%%` may stand anywhere.

    `level`: of the error log; "" is nginx's own default, and Debian's.
    """
    old_http2 = settings.nginx_version() < (1, 25, 1)
    words = {
        "LEVEL": level,
        "LISTEN": listen if old_http2 else listen + "\n        http2 on;",
        "MAIN": main,
        "EVENTS": events,
        "HTTP": http,
        "SERVER": server,
        "LOAD": f"load_module {module};" if module else "",
        "USER": f"{worker_user()} {worker_group()}",
        "WORKERS": str(workers),
        "HTTP2": "http2" if old_http2 else "",
        "CERTIFICATE": str(certificate().path),
        "DIR": str(directory),
        "PORT": str(ports[0]),
        "TLS_PORT": str(ports[1]),
    }
    text = CONFIGURATION
    for word, value in words.items():
        text = text.replace(f"%%{word}%%", value)
    unknown = re.search(r"%%\w+%%", text)
    assert not unknown, f"unknown {unknown.group()} in the configuration"
    return text


def worker_user():
    # Workers that may not do what the master may: as on every real machine.
    return "www-data" if os.geteuid() == 0 else os.environ.get("USER", "nobody")


def worker_group():
    return "www-data" if os.geteuid() == 0 else "nogroup"


def make_directory():
    """A temporary directory that workers can enter, wherever tests run."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="momento-test-"))
    directory.chmod(0o755)
    return directory


def environment(directory, extra=None, leaks=True):
    """What nginx and its sanitizers find. Nothing of the caller's: no AWS_*, no proxy."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "AWS_EC2_METADATA_DISABLED": "true",
        "ASAN_OPTIONS": f"detect_leaks={leaks:d}:detect_stack_use_after_return=1:"
                        f"log_path={directory}/sanitizer/asan",
        "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={directory}/sanitizer/ubsan",
        "LSAN_OPTIONS": f"suppressions={settings.LEAK_SUPPRESSIONS}:print_suppressions=0",
        **(extra or {}),
    }


@dataclass
class ConfigTest:
    """What `nginx -t` said."""

    status: int
    output: str
    configuration: str

    @property
    def message(self):
        """The first error, without level and place."""
        found = re.search(r"\[emerg\] (?:\d+#\d+: )?(.*?)(?: in \S+:\d+)?$", self.output, re.M)
        return found.group(1) if found else ""

    @property
    def line(self):
        """The line of the configuration the first error points at."""
        found = re.search(r"\[emerg\] .* in \S+:(\d+)$", self.output, re.M)
        if not found:
            return ""
        return self.configuration.splitlines()[int(found.group(1)) - 1].strip()


def check_config(env=None, files=None, prepare=lambda directory: None, **parts):
    """Runs `nginx -t`, on a socket of its own. `files`: name -> content, written to %%DIR%%;
    `prepare` may do more to them.

    The directory's name is put back to %%DIR%% in what is returned.
    """
    directory = make_directory()
    try:
        for name, content in (files or {}).items():
            (directory / name).write_text(content)
        prepare(directory)
        (directory / "sanitizer").mkdir()
        parts.setdefault("listen", "listen unix:%%DIR%%/socket;")
        text = render(directory, (0, 0), **parts)
        (directory / "nginx.conf").write_text(text)
        done = subprocess.run(
            [settings.NGINX_BINARY, "-t", "-p", directory, "-c", directory / "nginx.conf",
             "-e", "stderr"],
            capture_output=True, text=True, check=False, timeout=60,
            # After an error nginx exits without cleaning up.
            env=environment(directory, env, leaks=False))
        reports = "".join(path.read_text() for path in (directory / "sanitizer").iterdir())
        assert not reports, reports
        return ConfigTest(done.returncode, done.stderr.replace(str(directory), "%%DIR%%"),
                          text.replace(str(directory), "%%DIR%%"))
    finally:
        shutil.rmtree(directory)


class Nginx:
    """Runs from the constructor to close(), which also judges how it behaved."""

    command = None  # what runs nginx, unless its binary does itself

    def __init__(self, env=None, files=None, **parts):
        self.directory = make_directory()
        self.files = files or {}
        self.env = env or {}
        self.parts = parts
        self.allowed = []
        self.process = None
        self.stderr = None
        self.ports = Port(), Port()
        self.port, self.tls_port = (port.number for port in self.ports)
        sanitizer = self.directory / "sanitizer"
        sanitizer.mkdir()
        sanitizer.chmod(0o777)
        for name, content in self.files.items():
            self.write(name, content)
        try:
            self.start()
        except BaseException:
            self._kill()
            print(self.error_log())
            shutil.rmtree(self.directory)
            self._free_ports()
            raise

    # Life

    def start(self):
        self._configure()
        assert self._launch(), f"nginx did not start:\n{self.error_log()}"

    def _configure(self):
        (self.directory / "nginx.conf").write_text(
            render(self.directory, (self.port, self.tls_port), **self.parts))

    def _launch(self):
        if self.stderr is None:
            self.stderr = (self.directory / "stderr.log").open("wb")
        self.process = subprocess.Popen(
            [*(self.command or [settings.NGINX_BINARY]), "-p", self.directory, "-c",
             self.directory / "nginx.conf", "-e", self.directory / "error.log"],
            stdin=subprocess.DEVNULL, stdout=self.stderr, stderr=self.stderr,
            env=environment(self.directory, self.env), start_new_session=True)

        def answers_or_ended():
            return self.process.poll() is not None or (
                len(self.workers()) >= self._wanted_workers() and self._connects())

        eventually(answers_or_ended, "nginx's start")
        return self.process.returncode is None

    def _wanted_workers(self):
        # Without a master there is no process of the worker's title.
        alone = "master_process off" in self.parts.get("main", "")
        return 0 if alone else int(self.parts.get("workers", 1))

    def _connects(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def reload(self, **parts):
        """Replaces the parts named, reads the configuration again, waits for new workers.

        Old ones may still be there, finishing what they have, but accept nothing new.
        """
        self.parts.update(parts)
        self._configure()
        old = set(self.workers())
        seen = len(self.error_log())
        self.process.send_signal(signal.SIGHUP)

        def reloaded():
            assert "[emerg]" not in self.error_log()[seen:], self.error_log()[seen:]
            now = set(self.workers())
            return not now & old and len(now) >= self._wanted_workers()

        eventually(reloaded, "the reload")

    def stop(self):
        """Ends it gracefully: open requests are answered first."""
        self._signal_and_wait(signal.SIGQUIT)

    def terminate(self):
        """Ends it fast, as a system that shuts down does."""
        self._signal_and_wait(signal.SIGTERM)

    def kill(self):
        """Ends all its processes at once, as a power failure would, less the disk."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        eventually(lambda: processes.is_empty(self.process.pid), "the end of all processes")

    def start_again(self):
        """Starts on the same directory and ports, after stop(), terminate() or kill()."""
        assert self._launch(), f"nginx did not start again:\n{self.error_log()}"

    def _signal_and_wait(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"nginx did not end:\n{self.error_log()}") from None

    def close(self):
        """Stops it and asserts that it left neither complaints nor processes."""
        try:
            ended = self.process.poll()
            if ended is None:
                self.stop()
            left = self._left()
            trouble = self.trouble()
            assert not left, f"processes left: {left}"
            assert not trouble, f"trouble in the logs: {trouble}"
        finally:
            self._kill()
            self.stderr.close()
            shutil.rmtree(self.directory, ignore_errors=True)
            self._free_ports()

    def _left(self):
        """Processes that are still there, but for what names functions for a sanitizer: it
        ends by itself, a moment after the process that it was started by."""
        def symbolizers():
            return [title for title in self.processes().values() if "llvm-symbolizer" in title]

        eventually(lambda: not symbolizers(), "the symbolizer's end")
        return self.processes()

    def _free_ports(self):
        for port in self.ports:
            port.close()

    def _kill(self):
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    # Processes

    def processes(self):
        """Process id -> title, of everything that runs in nginx's session."""
        return processes.titles(self.process.pid)

    def master(self):
        """The master's id as its pid file has it, once it does."""
        return int(eventually(lambda: self.read("nginx.pid").strip(), "the pid file"))

    def workers(self):
        """Ids of the workers that accept connections."""
        return [pid for pid, title in self.processes().items()
                if title.endswith("nginx: worker process")]

    def exiting_workers(self):
        return [pid for pid, title in self.processes().items()
                if title.endswith("nginx: worker process is shutting down")]

    def kill_worker(self, pid=None, number=signal.SIGKILL):
        """Kills one worker and waits until the master has replaced it. Returns its id."""
        before = set(self.workers())
        pid = pid or min(before)
        self.allow(rf"worker process {pid} exited on signal {int(number)}")
        os.kill(pid, number)
        eventually(lambda: set(self.workers()) - before, "a new worker")
        return pid

    def halt_worker(self, pid):
        """Has none of its threads run any more, until it is killed."""
        os.kill(pid, signal.SIGSTOP)
        eventually(lambda: processes.is_halted(pid), "a worker that has halted")

    # Files

    def path(self, name):
        return self.directory / name

    def write(self, name, content):
        """Writes a file that workers may read. Replaces it in one step."""
        new = self.directory / f"{name}.new"
        new.parent.mkdir(exist_ok=True)
        new.write_bytes(content if isinstance(content, bytes) else content.encode())
        new.chmod(0o644)
        new.rename(self.directory / name)

    def read(self, name):
        """A file's text; empty if there is no such file."""
        try:
            return (self.directory / name).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def lines(self, name):
        """A file's complete lines."""
        return self.read(name).split("\n")[:-1]

    def error_log(self):
        return self.read("error.log") + self.read("stderr.log") + "".join(
            path.read_text() for path in (self.directory / "sanitizer").iterdir())

    def wait_for_log(self, pattern):
        """Waits for a line of the error log that matches, and returns the match."""
        return eventually(lambda: re.search(pattern, self.error_log()),
                          f'"{pattern}" in the error log')

    def allow(self, pattern):
        """Lines like this may be in the error log, whatever their level."""
        self.allowed.append(re.compile(pattern))

    def trouble(self):
        """Lines no log should have, less those that were allowed."""
        return [line for line in self.error_log().splitlines()
                if TROUBLE.search(line)
                and not any(pattern.search(line) for pattern in self.allowed)]

    # Requests

    def connect(self, tls=False):
        return Connection(self.tls_port if tls else self.port, tls)

    def connect_raw(self, tls=False):
        return RawConnection(self.tls_port if tls else self.port, tls)

    def request(self, method, path, body=None, headers=None, tls=False):
        with self.connect(tls) as connection:
            return connection.request(method, path, body, headers)

    def get(self, path, headers=None):
        return self.request("GET", path, headers=headers)

    def post(self, path, body=b"", headers=None, tls=False):
        return self.request("POST", path, body, headers, tls)

    def curl(self, path, body=None, headers=None, options=()):
        """HTTP/2 over TLS 1.3."""
        return curl(self.tls_port, path, body, headers, options)
