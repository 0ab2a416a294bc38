"""A disk of which a place cannot be read when a test wants that: see pages.c."""

from . import preload


class Pages:
    """environment() goes to nginx; what is said later holds from that moment on."""

    def __init__(self, directory):
        directory.chmod(0o755)
        self.orders = directory / "orders"
        self.heal()

    def environment(self):
        return {**preload.environment("pages.c"), "BAD_PAGES": str(self.orders)}

    def spoil(self, path, start, end):
        """From now on these bytes of the file cannot be read, whatever it is called."""
        preload.replace(self.orders, f"{path.stat().st_ino} {start} {end}")

    def heal(self):
        preload.replace(self.orders, "")
