"""A resolver to which every name is this machine, and which does not answer as long as a test
wants it not to: see resolver.c."""

from . import preload


class Resolver:
    """environment() goes to nginx; what is said later holds from that moment on."""

    def __init__(self, directory):
        directory.chmod(0o755)
        self.flag = directory / "hangs"

    def environment(self):
        return {**preload.environment("resolver.c"), "RESOLVER_HANGS": str(self.flag)}

    def hangs(self):
        preload.replace(self.flag, "")

    def answers(self):
        self.flag.unlink(missing_ok=True)
