"""A disk that hangs or fails when a test wants it to: see disk.c."""

import errno

from . import preload


class Disk:
    """environment() goes to nginx; what is said later holds from that moment on."""

    def __init__(self, directory):
        directory.chmod(0o755)
        self.orders = directory / "orders"
        self.works()

    def environment(self):
        return {**preload.environment("disk.c"), "DISK_ORDERS": str(self.orders)}

    def hangs(self):
        """No write or sync returns."""
        preload.replace(self.orders, "hang")

    def fails(self, number=errno.EIO):
        """Every write and sync fails."""
        preload.replace(self.orders, str(number))

    def works(self):
        preload.replace(self.orders, "")
