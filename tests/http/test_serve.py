"""Starting and stopping: one server per folder and port, clean stops, health, nothing without loopback."""

import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from harness import (ISTHMUS, PATIENCE, ROOT, Client, Server, ServerCase, free_port, run, scratch,
                     until)

PROGRAMS = "/usr/lib/postgresql/15/bin"
PATIENT = {"resourceType": "Patient", "name": [{"family": "Muster"}]}


class Serve(ServerCase):
    def root(self):
        client = Client(self.server.root)
        self.addCleanup(client.close)
        return client

    def test_health_readiness_and_metrics_answer(self):
        self.assertEqual(self.root().get("healthz").status, 200)
        self.assertEqual(self.root().get("readyz").status, 200)
        metrics = self.root().get("metrics")
        self.assertEqual(metrics.status, 200)
        self.assertIn(b"isthmus_http_requests_total", metrics.bytes)

    def test_a_second_server_on_the_same_folder_is_refused(self):
        second = run("serve", "--data", os.path.join(self.server.folder, "data"),
                     "--listen", f"127.0.0.1:{free_port()}")
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("in use", second.stderr)

    def test_a_second_server_on_the_same_port_is_refused(self):
        second = run("serve", "--data", os.path.join(self.server.folder, "other"),
                     "--listen", f"127.0.0.1:{self.server.port}")
        self.assertNotEqual(second.returncode, 0)
        self.assertIn(str(self.server.port), second.stderr)

    def test_only_loopback_without_authentication(self):
        second = run("serve", "--data", os.path.join(self.server.folder, "other"),
                     "--listen", "0.0.0.0:8080")
        self.assertEqual(second.returncode, 2)
        self.assertIn("--listen-unauthenticated", second.stderr)

    def test_an_unknown_option_is_refused_by_name(self):
        second = run("serve", "--no-such-option", "1")
        self.assertEqual(second.returncode, 2)
        self.assertIn("--no-such-option", second.stderr)

    def test_the_log_has_no_health_data(self):
        client = self.server.client()
        client.post("Patient", {"resourceType": "Patient", "name": [{"family": "Zxqwvutest"}],
                                "birthDate": "Zxqwvudate"})
        client.get("Patient?family=Zxqwvutest")
        for name in ("server.log", "data/postgres.log"):
            with open(os.path.join(self.server.folder, name), errors="replace") as log:
                self.assertNotIn("Zxqwvu", log.read())


class Restart(unittest.TestCase):
    def test_a_command_waits_for_a_server_that_is_starting(self):
        server = Server(arguments=["--postgres-bin", self.slow_initdb(scratch())])
        data = os.path.join(server.folder, "data")
        server.launch()
        try:
            self.assertTrue(until(lambda: os.path.exists(self.gate + ".waits"), True))
            with subprocess.Popen([ISTHMUS, "partner", "list", "--data", data], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as listing:
                time.sleep(1)  # for it to find that; on a slow machine it finds a server that runs
                self.go_on()
                said = listing.communicate(timeout=2 * PATIENCE)[0]
                self.assertEqual(listing.returncode, 0, said)
            server.when_ready()
        finally:
            self.go_on()
            server.__exit__(None, None, None)

    def slow_initdb(self, folder):
        """Programs of PostgreSQL, of which initdb does nothing before go_on()."""
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.gate = os.path.join(folder, "gate")
        os.chmod(folder, 0o777)  # it runs by another account
        for program in glob.glob(os.path.join(PROGRAMS, "*")):
            os.symlink(program, os.path.join(folder, os.path.basename(program)))
        os.unlink(os.path.join(folder, "initdb"))
        with open(os.path.join(folder, "initdb"), "w") as script:
            script.write(f"#!/bin/sh\n>{self.gate}.waits\nuntil [ -e {self.gate} ]; do sleep 0.1; done\n"
                         f'exec {PROGRAMS}/initdb "$@"\n')
        os.chmod(os.path.join(folder, "initdb"), 0o755)
        return folder

    def go_on(self):
        with open(self.gate, "w"):
            pass

    def test_data_survive_a_clean_stop_and_a_kill(self):
        with Server() as server:
            path = server.client().post("Patient", PATIENT).json()["id"]
            server.stop()
            server.start()
            self.assertEqual(server.client().get(f"Patient/{path}").status, 200)
            server.kill()
            server.start()
            self.assertEqual(server.client().get(f"Patient/{path}").status, 200)

    def test_a_stop_waits_for_requests_and_for_the_database(self):
        with Server() as server:
            server.client().post("Patient", PATIENT)
            postmaster = server.postmaster()
            server.stop()
            with self.assertRaises(ProcessLookupError):
                os.kill(postmaster, 0)

    def test_ctrl_c_on_the_terminal_stops_both(self):
        with Server() as server:
            postmaster = server.postmaster()
            server.process.send_signal(signal.SIGINT)
            self.assertEqual(server.process.wait(PATIENCE), 0)
            with self.assertRaises(ProcessLookupError):
                os.kill(postmaster, 0)

    def test_while_postgresql_is_away_requests_are_refused_and_it_comes_back(self):
        with Server() as server:
            client = server.client()
            identity = client.post("Patient", PATIENT).json()["id"]
            before = server.kill_postgres()
            statuses = set()
            while not server.runs_anew(before):
                statuses.add(client.get(f"Patient/{identity}").status)
                time.sleep(0.02)
            self.assertLessEqual(statuses, {200, 503})
            self.assertEqual(until(lambda: client.get(f"Patient/{identity}").status, 200), 200)


class Config(unittest.TestCase):
    def test_file_environment_and_flag_win_in_this_order(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write("# comment\npage-size = 11\nthreads = 3\nlog-level = warn\n")
            file.flush()
            environment = dict(os.environ, ISTHMUS_THREADS="4", ISTHMUS_LOG_LEVEL="error")
            result = subprocess.run(
                [ISTHMUS, "config", "--config", file.name, "--log-level", "debug"],
                capture_output=True, text=True, env=environment, check=True)
        found = {line.split("=")[0].strip(): line.split("=", 1)[1] for line in
                 result.stdout.splitlines()}
        self.assertEqual(found["page-size"].split(), ["11", "#", "file"])
        self.assertEqual(found["threads"].split(), ["4", "#", "environment"])
        self.assertEqual(found["log-level"].split(), ["debug", "#", "flag"])
        self.assertEqual(found["json-depth"].split()[-1], "default")

    def test_the_reference_page_is_the_program_s(self):
        with open(os.path.join(ROOT, "docs/configuration.md")) as page:
            self.assertTrue(page.read().endswith(run("config", "--reference").stdout),
                            "run isthmus config --reference and put it into the page")

    def test_every_command_has_help(self):
        commands = re.findall(r"^  (\w+)  ", run("--help").stdout, re.M)
        self.assertIn("serve", commands)
        for command in commands:
            result = run(command, "--help")
            self.assertEqual(result.returncode, 0, command)
            self.assertIn("usage: isthmus", result.stdout)
            self.assertIn(f"isthmus {command} ", result.stdout)

    def test_the_pages_name_commands_options_and_files_that_exist(self):
        commands = re.findall(r"^  (\w+)  ", run("--help").stdout, re.M)
        helps = {command: run(command, "--help").stdout for command in commands}
        pages = [os.path.join(ROOT, name)
                 for name in ("README.md", "tests/README.md", "conformance/README.md")]
        for page in pages + glob.glob(os.path.join(ROOT, "docs/**/*.md"), recursive=True):
            with open(page) as file:
                text = file.read()
            for command, rest in re.findall(
                    r"(?:^ *|`|&& )(?!ISTHMUS=)(?:\S*/)?isthmus ([a-z]+)([^`#|\n]*)", text, re.M):
                self.assertIn(command, list(helps), page)
                for option in re.findall(r"--[a-z][a-z-]*", rest):
                    there = option in helps[command] + helps["serve"] + "--help"
                    self.assertTrue(there, f"{page}: isthmus {command} {option}")
            for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", text):
                found = os.path.exists(os.path.join(os.path.dirname(page), target))
                self.assertTrue(found, f"{page}: {target}")


class Demo(unittest.TestCase):
    def test_data_are_where_the_database_s_account_can_reach_them(self):
        """Also in root's home, which is closed to all others."""
        with tempfile.TemporaryDirectory() as home:  # 0700
            checkout = os.path.join(home, "checkout")
            for folder in (checkout, os.path.join(checkout, "server")):
                os.mkdir(folder)
                os.chmod(folder, 0o755)  # whatever the umask
            script = shutil.copy(os.path.join(ROOT, "server/demo_folder.sh"), checkout + "/server")

            def chosen():
                return subprocess.run(["sh", script, "data", "/elsewhere"], capture_output=True,
                                      text=True, check=True, cwd=checkout).stdout.strip()
            self.assertEqual(chosen(), "data" if os.geteuid() else "/elsewhere")
            os.chmod(home, 0o755)
            self.assertEqual(chosen(), "data")


if __name__ == "__main__":
    unittest.main()
