"""A resolver to which every name is this machine, and which does not answer as long as a test
wants it not to: see resolver.c."""

from . import preload


class Resolver(preload.Flag):
    def __init__(self, directory):
        super().__init__(directory / "hangs", "resolver.c", "RESOLVER_HANGS")
        directory.chmod(0o777)  # a worker ends it, too

    def has_answered(self):
        return not self.file.exists()

    def hangs(self):
        self.set()

    def answers(self):
        self.clear()
