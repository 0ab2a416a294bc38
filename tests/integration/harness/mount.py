"""A mount that is dead when a test wants it to be: see mount.c."""

from . import preload


class Mount:
    """environment() goes to nginx; what is said later holds from that moment on."""

    def __init__(self, directory):
        directory.chmod(0o755)
        self.orders = directory / "orders"
        self.lives()

    def environment(self):
        return {**preload.environment("mount.c"), "DEAD_MOUNT": str(self.orders)}

    def dies(self, path):
        """Whoever looks at a file whose path begins like this does not come back."""
        preload.replace(self.orders, str(path))

    def lives(self):
        preload.replace(self.orders, "")
