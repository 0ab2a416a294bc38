"""A process that may open no more files when a test wants it: see descriptors.c."""

from . import preload


class Descriptors(preload.Flag):
    def __init__(self, directory):
        super().__init__(directory / "refused", "descriptors.c", "DESCRIPTORS_REFUSED")

    def refuse(self):
        self.set()

    def give(self):
        self.clear()
