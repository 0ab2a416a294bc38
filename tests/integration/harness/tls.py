"""A certificate for 127.0.0.1 and localhost, made once per test process."""

import functools
import pathlib
import ssl
import subprocess
import tempfile


class Certificate:
    def __init__(self, directory):
        # One file: nginx, curl and Python all take key and certificate from it.
        self.path = pathlib.Path(directory) / "certificate.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", self.path, "-out", self.path.with_suffix(".crt")],
            check=True, capture_output=True)
        with self.path.open("ab") as file:
            file.write(self.path.with_suffix(".crt").read_bytes())
        self.path.chmod(0o644)  # workers may read it too

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context

    def client_context(self, version=None):
        context = ssl.create_default_context(cafile=self.path)
        if version:
            context.minimum_version = context.maximum_version = version
        return context


@functools.lru_cache
def certificate():
    directory = tempfile.TemporaryDirectory(prefix="momento-certificate-")
    pathlib.Path(directory.name).chmod(0o755)
    made = Certificate(directory.name)
    made.directory = directory  # removed when the process ends
    return made
