"""A fresh Debian, with its own mounts, processes and loopback network.

Everything that runs or is mounted in it ends with the first process in it, which ends when this
one does, by whatever end. What is installed there starts its services there.
"""

import concurrent.futures
import ctypes
import pathlib
import shutil
import subprocess
import tempfile
import threading

from . import settings
from .clients import Connection

# What a root shell has there, and nothing of this machine's.
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}

# The first process: waits for the end of its input, and for whatever else ends. The spool must
# not be on an overlay, as it is not where people have one.
SETUP = """
mkdir changed work root data && cd root &&
    mount -t overlay -o "lowerdir=$0,upperdir=../changed,workdir=../work" overlay . && cd . &&
    mkdir -p ../root/var/lib/nginx && mount --bind ../data ../root/var/lib/nginx &&
    mount -t proc proc ../root/proc && mount -t devpts devpts ../root/dev/pts &&
    ip link set lo up && exec chroot ../root bash -c 'echo ready; read -r _'
"""

CLONE_NEWNET = 0x40000000


class CleanRoot:
    def __init__(self, base=settings.CLEAN_ROOT):
        self._directory = tempfile.mkdtemp(prefix="momento-clean-root-")
        self._unshare = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child",
             "sh", "-c", SETUP, base], cwd=self._directory,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._unshare.stdout.readline() == b"ready\n"
        pid = self._unshare.pid
        self._first = int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text())
        self.path = pathlib.Path(f"/proc/{self._first}/root")
        # Without systemd Debian starts services only where such a file allows it.
        self.file("/usr/sbin/policy-rc.d").write_text("#!/bin/sh\n")
        self.file("/usr/sbin/policy-rc.d").chmod(0o755)
        # Nothing here has to survive a power loss.
        self.file("/etc/dpkg/dpkg.cfg.d/unsafe").write_text("force-unsafe-io\n")

    def close(self):
        self._unshare.stdin.close()
        self._unshare.wait(30)
        shutil.rmtree(self._directory)

    def file(self, path):
        """Where a file of the root stands on this machine."""
        return self.path / path.lstrip("/")

    def put(self, source, path):
        """Copies a file or a directory from this machine."""
        target = self.file(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if pathlib.Path(source).is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)

    def start(self, command, user=None, env=None, **parts):
        """Starts a shell command there, as root or as `user` ("33:33")."""
        enter = ["nsenter", f"--target={self._first}", "--mount", "--pid", "--net", "--root",
                 "--wd"]
        if user:
            uid, gid = user.split(":")
            enter += ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
        return subprocess.Popen([*enter, "sh", "-c", command], stdin=subprocess.DEVNULL,
                                text=True, env={**ENVIRONMENT, **(env or {})}, **parts)

    def attempt(self, command, timeout=600, **parts):
        """(exit status, what it said)"""
        process = self.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **parts)
        said, _ = process.communicate(timeout=timeout)
        return process.returncode, said

    def run(self, command, **parts):
        """What a shell command said, which must succeed."""
        status, said = self.attempt(command, **parts)
        assert status == 0, f"{command}\n{said}"
        return said

    def inside(self, make):
        """What `make` returns, called where that network is this machine's. Sockets that it
        opens, and threads that it starts, stay there."""
        answer = concurrent.futures.Future()

        def enter():
            try:
                with open(f"/proc/{self._first}/ns/net", encoding="ascii") as network:
                    if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                answer.set_result(make())
            except Exception as problem:  # whatever it is, it belongs to who asked
                answer.set_exception(problem)

        # Of a thread's own, so that all others stay where they are.
        threading.Thread(target=enter).start()
        return answer.result()

    def connect(self, port):
        """An HTTP connection to a loopback port there."""
        def make():
            connection = Connection(port)
            connection.http.connect()
            return connection
        return self.inside(make)

    def request(self, port, method, path, body=None, headers=None):
        """One request, on a connection of its own."""
        with self.connect(port) as connection:
            return connection.request(method, path, body,
                                      {"Connection": "close", **(headers or {})})
