"""A delivery thread that a test can hold: see delivery.c."""

from . import preload


class Delivery(preload.Flag):
    def __init__(self, directory):
        super().__init__(directory / "delivery", "delivery.c", "DELIVERY_HELD")

    def hold(self):
        self.set()

    def let_go(self):
        self.clear()
