#!/usr/bin/env python3
"""Starts a server with a database of its own and runs the conformance suite against it:
ISTHMUS=PROGRAM tests/conformance.py [OPTION...], options as for conformance/run."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "http"))

from harness import ROOT, Server, spawn  # noqa: E402


def main():
    with Server(arguments=["--body-size", "4M"]) as server:
        suite = spawn(sys.executable, os.path.join(ROOT, "conformance/run"), "--base", server.base,
                      "--body-limit", str(4 << 20), "--timeout", "600", *sys.argv[1:])
        return suite.wait()


if __name__ == "__main__":
    sys.exit(main())
