"""The demonstration of two exchanges runs to its end, and again: ISTHMUS=PROGRAM tests/demo_sync.py"""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "http"))

from harness import ISTHMUS, ROOT, free_port, scratch, spawn  # noqa: E402


def main():
    folder = scratch()
    environment = dict(os.environ, ISTHMUS=ISTHMUS, DATA=folder, PATIENTS="3", ONCE="1",
                       PORTS=f"{free_port()} {free_port()}")
    script = os.path.join(ROOT, "server/demo_sync.sh")
    try:
        for _ in range(2):  # the second time there is everything already
            status = spawn("sh", script, env=environment).wait()
            if status:
                return status
        # Other ports would make strangers of the records.
        environment["PORTS"] = f"{free_port()} {free_port()}"
        return 0 if spawn("sh", script, env=environment).wait() == 1 else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
