"""An event loop that a test can hold while events and timers become due: see event_loop.c."""

from . import preload


class EventLoop(preload.Flag):
    def __init__(self, directory):
        super().__init__(directory / "events", "event_loop.c", "EVENTS_HELD")
        directory.chmod(0o777)  # for the marker

    def hold(self):
        """From the next round on, once something has ended this one."""
        self.set()

    def is_holding(self):
        return self.file.with_name("events.held").exists()

    def let_go(self):
        self.clear()
