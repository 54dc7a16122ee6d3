"""What tests of one partner after another have in common: a server, its worker, and a partner for each test."""

import unittest

import harness
from sync_harness import Exchange, Rogue
from sync_state import pulled


class Case(unittest.TestCase):
    """One server for all tests of a class; the partner of each, and its base, are its own."""

    RESOURCES = 120  # of the rogue partner that the tests of a class share; None: there is none

    @classmethod
    def setUpClass(cls):
        if cls.RESOURCES is not None:
            cls.rogue = Rogue(cls.RESOURCES)
            cls.addClassCleanup(cls.rogue.close)
        cls.server = harness.Server().start()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.exchange = Exchange(cls.server)

    def setUp(self):
        self.name = self._testMethodName[:60].lower()
        self.spec = f"slow:ms=1;of={self.name}"

    def add(self, types, **changes):
        document = pulled(self.name, self.rogue.base(self.spec), types, **changes)
        self.exchange.add(document)
        return document

    def once(self, status=0):
        return self.exchange.once("--partner", self.name, status=status)
