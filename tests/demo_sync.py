"""The demonstration of two exchanges runs to its end: ISTHMUS=PROGRAM tests/demo_sync.py"""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "http"))

from harness import ISTHMUS, ROOT, free_port, scratch, spawn  # noqa: E402


def main():
    folder = scratch()
    environment = dict(os.environ, ISTHMUS=ISTHMUS, DATA=folder, PATIENTS="3", ONCE="1",
                       PORTS=f"{free_port()} {free_port()}")
    try:
        return spawn("sh", os.path.join(ROOT, "server/demo_sync.sh"), env=environment).wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
