"""Runs the conformance suite against a server of ours; exits as the suite does."""

import os
import subprocess
import sys

from harness import ROOT, Server

with Server() as server:
    suite = subprocess.run([os.path.join(ROOT, "conformance/run"), "--base", server.base],
                           check=False)
sys.exit(suite.returncode)
