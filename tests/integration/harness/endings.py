"""Threads of the module that end by an exception when a test wants it: see endings.c."""

from . import preload

DELIVERY = "momento-deliver"
WRITER = "momento-writer"

# In an event's text: whoever reads or writes its record runs out of memory.
ENDS_ITS_READER = "ends its reader"
ENDS_ITS_WRITER = "ends its writer"


class Endings(preload.Flag):
    def __init__(self, directory):
        super().__init__(directory / "thread", "endings.c", "ENDING_THREADS")
        directory.chmod(0o777)  # a worker takes the order by removing it

    def end(self, thread):
        """The next thread of that name that allocates ends."""
        preload.replace(self.file, thread)

    def has_ended(self):
        return not self.file.exists()
