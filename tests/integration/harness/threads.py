"""A system that has no thread to give as long as a test wants it not to: see threads.c."""

from . import preload


class Threads(preload.Flag):
    def __init__(self, directory):
        super().__init__(directory / "refused", "threads.c", "THREADS_REFUSED")

    def refuse(self):
        self.set()

    def are_given(self):
        self.clear()
