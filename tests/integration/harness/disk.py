"""A disk that hangs or fails when a test wants it to: see disk.c."""

import errno
import functools
import os
import pathlib
import subprocess
import tempfile

from . import settings


@functools.lru_cache
def _library():
    directory = tempfile.TemporaryDirectory(prefix="momento-disk-")
    pathlib.Path(directory.name).chmod(0o755)
    library = pathlib.Path(directory.name) / "disk.so"
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library,
                    pathlib.Path(__file__).with_name("disk.c")], check=True)
    return directory, library  # removed when the process ends


class Disk:
    """environment() goes to nginx; what is said later holds from that moment on."""

    def __init__(self, directory):
        directory.chmod(0o755)
        self.orders = directory / "orders"
        self.works()

    def environment(self):
        preload = [str(_library()[1])]
        if settings.SANITIZED:  # the sanitizer's library must be the first
            preload.insert(0, subprocess.run(["cc", "-print-file-name=libasan.so"], check=True,
                                             capture_output=True, text=True).stdout.strip())
        return {"LD_PRELOAD": ":".join(preload), "DISK_ORDERS": str(self.orders)}

    def hangs(self):
        """No write or sync returns."""
        self._order("hang")

    def fails(self, number=errno.EIO):
        """Every write and sync fails."""
        self._order(str(number))

    def works(self):
        self._order("")

    def _order(self, text):
        new = self.orders.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o644)
        os.replace(new, self.orders)
