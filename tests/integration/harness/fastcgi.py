"""A FastCGI application: fcgiwrap, and a script that keeps what reaches it."""

import os
import shutil
import signal
import socket
import subprocess

from . import settings
from .nginx import make_directory

# A request's directory has its name once everything is in it.
SCRIPT = """\
#!/bin/sh
set -e
cd "${0%/*}"
mkdir "new.$$"
cat >"new.$$/body"
env >"new.$$/env"
mv "new.$$" "request.$$"
printf 'Status: %s\\r\\nContent-Type: text/plain\\r\\n\\r\\nfrom the script' "$(cat status)"
"""


class FastCgi:
    """Runs from the constructor to close(). `status`: what the script answers, "500"."""

    ANSWER = b"from the script"

    def __init__(self):
        self.directory = make_directory()
        self.script = self.directory / "script"
        self.script.write_text(SCRIPT)
        self.script.chmod(0o755)
        self.status = "200"
        path = self.directory / "socket"
        # The socket is made here, so that it listens before fcgiwrap runs.
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            path.chmod(0o666)
            listening.listen()
            libraries = ":".join(map(str, settings.HANDLERS.glob("usr/lib/*/")))
            self.process = subprocess.Popen(
                [settings.FCGIWRAP, "-c", "2"], stdin=listening, start_new_session=True,
                env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": libraries})
        self.handler = (f"fastcgi_pass unix:{path}; fastcgi_param SCRIPT_FILENAME {self.script}; "
                        "fastcgi_param REQUEST_METHOD $request_method; "
                        "fastcgi_param CONTENT_LENGTH $content_length;")

    @property
    def status(self):
        return (self.directory / "status").read_text()

    @status.setter
    def status(self, status):
        (self.directory / "status").write_text(str(status))

    def requests(self):
        """Directories of the requests so far."""
        return list(self.directory.glob("request.*"))

    def bodies(self):
        return [(request / "body").read_bytes() for request in self.requests()]

    def parameters(self):
        """The parameters of the only request."""
        request, = self.requests()
        return dict(line.split("=", 1) for line in (request / "env").read_text().split("\n")
                    if "=" in line)

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.directory)
