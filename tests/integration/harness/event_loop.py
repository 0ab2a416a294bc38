"""An event loop that a test can hold while events and timers become due: see event_loop.c."""

from . import preload


class EventLoop:
    """environment() goes to nginx; what is said later holds from that moment on."""

    def __init__(self, directory):
        directory.chmod(0o777)
        self.flag = directory / "events"
        self.marker = directory / "events.held"

    def environment(self):
        return {**preload.environment("event_loop.c"), "EVENTS_HELD": str(self.flag)}

    def hold(self):
        """From the next round on, once something has ended this one."""
        preload.replace(self.flag, "")

    def is_holding(self):
        return self.marker.exists()

    def let_go(self):
        self.flag.unlink(missing_ok=True)
