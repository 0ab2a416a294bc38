"""A clock by which intervals are measured, and which a test can put forward: see clock.c."""

import mmap
import struct

from . import preload


class Clock:
    """environment() goes to nginx. Requests that are under way see the time pass, too: give
    them as much."""

    def __init__(self, directory):
        directory.chmod(0o755)
        self.file = directory / "ahead"
        self.file.write_bytes(struct.pack("d", 0.0))
        self.file.chmod(0o644)
        with self.file.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), struct.calcsize("d"))

    def environment(self):
        return {**preload.environment("clock.c"), "CLOCK_AHEAD": str(self.file)}

    def advance(self, seconds):
        ahead, = struct.unpack("d", self._page[:])
        self._page[:] = struct.pack("d", ahead + seconds)
