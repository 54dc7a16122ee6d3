"""The worker as a process: several on one database, its metrics, its hours, TLS; and what the commands
around it tell an operator.
"""

import datetime
import fcntl
import json
import os
import pty
import re
import signal
import socket
import ssl
import struct
import subprocess
import termios
import threading
import time
import unittest
import urllib.error
import urllib.request

import harness
import sync_case
from sync_harness import partner
from sync_state import GOOD_TYPES, account, pulled, queries, sql, states, totals


class Case(sync_case.Case):
    def totals(self):
        return totals(self.exchange, self.name)

    def until(self, true, why=lambda: ""):
        self.assertTrue(harness.until(lambda: bool(true()), True), why())

    def requests(self, spec=None, kind="search"):
        asked = self.rogue.ask("/control/state")["requests"]
        return asked.get(f"/fault/{spec or self.spec}/fhir", {}).get(kind, 0)


class Addresses(Case):
    def test_the_server_itself_is_no_partner(self):
        own = self.server.client()
        own.put("Patient/own", {"resourceType": "Patient", "id": "own"})

        def patients():
            return own.get("Patient?_summary=count").json()["total"]
        before = patients()
        for changes in ({"base": self.server.base},
                        {"base": self.rogue.base(self.spec), "aliases": [self.server.base]}):
            self.exchange.add({**pulled(self.name, "", ["Patient"]), **changes})
            self.assertIn("is the address of this server", self.once(1).stderr)
        self.assertEqual(patients(), before, "no copy of itself")

    def test_each_partner_that_is_refused_is_told_of_once(self):
        names = ["mirror0", "mirror1", "mirror2"]
        for i, name in enumerate(names):
            document = pulled(name, self.server.base, ["Patient"])
            for change in range(i + 1):  # not all have the same version of their document
                self.exchange.add({**document, "name": str(change)})
            self.addCleanup(self.exchange.isthmus, "partner", "remove", name)
        self.exchange.start()
        self.addCleanup(self.exchange.kill)
        self.until(lambda: all(f"partner={name} " in self.exchange.log() for name in names),
                   self.exchange.log)
        self.add(["Patient"])  # a later look at the partners
        self.until(lambda: self.totals()["applied"], self.exchange.log)
        for name in names:
            self.assertEqual(self.exchange.log().count(f"partner={name} "), 1, self.exchange.log())

    def test_once_says_that_a_partner_is_paused(self):
        self.add(["Patient"])
        self.exchange.isthmus("partner", "pause", self.name, "--reason", "maintenance")
        self.assertIn("it is paused", self.once().stderr)
        self.assertEqual(self.requests(), 0)

    def test_who_adds_an_address_twice_is_told(self):
        document = self.add(["Patient"])
        path = os.path.join(self.server.folder, "twin.json")
        with open(path, "w") as file:
            json.dump({**document, "id": "twin"}, file)
        self.assertIn(f"{self.name} has the same address",
                      self.exchange.isthmus("partner", "add", path).stderr)
        self.exchange.isthmus("partner", "remove", "twin")
        self.assertEqual(self.exchange.isthmus("partner", "add", path, "--check").stderr, "")


    def test_who_leaves_no_overlap_is_told(self):
        path = os.path.join(self.server.folder, "hasty.json")
        for overlap, warned in (("PT9M", True), ("PT10M", False)):
            document = pulled("hasty", "http://127.0.0.1:1/fhir", ["Patient"])
            document["modes"]["search"]["overlap"] = overlap
            with open(path, "w") as file:
                json.dump(document, file)
            said = self.exchange.isthmus("partner", "add", path, "--check")
            self.assertEqual("modes.search.overlap is shorter" in said.stderr, warned, said.stderr)


class Workers(Case):
    """Two on one database."""

    PARTNERS = 4

    def base(self, number):
        return f"slow:ms=1;number={number}"

    def start(self, name):
        path = os.path.join(self.server.folder, name)
        with open(path, "ab") as log:
            worker = harness.spawn(harness.ISTHMUS, "sync", "--data", self.exchange.data, "--base-url",
                                   self.server.base, stdout=log, stderr=log)
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        return worker, path

    def taken(self, path):
        """The partners that a worker has said to be in charge of."""
        with open(path) as log:
            found = [re.search(r"partner=(\S+)", line)[1] for line in log if "in charge" in line]
        return [name for name in found if re.match(r"p\d|" + self.name, name)]

    def done(self, number):
        return totals(self.exchange, f"p{number}")["applied"]

    def test_they_share_the_partners_and_do_nothing_twice(self):
        for i in range(self.PARTNERS):
            document = pulled(f"p{i}", self.rogue.base(self.base(i)), GOOD_TYPES)
            document["modes"]["search"]["every"] = "PT1H"
            self.exchange.add(document)
        workers = [self.start("one.log"), self.start("two.log")]
        expected = len(self.rogue.expect(self.base(0))["resources"])
        self.until(lambda: all(self.done(i) == expected for i in range(self.PARTNERS)))
        taken = [self.taken(path) for _, path in workers]
        self.assertEqual(sorted(taken[0] + taken[1]), [f"p{i}" for i in range(self.PARTNERS)])
        for i in range(self.PARTNERS):
            self.assertEqual(self.requests(self.base(i)), len(GOOD_TYPES), "once each")
            self.assertEqual(totals(self.exchange, f"p{i}")["landed"], expected)

        # The one that has more is killed; the other takes over what it had, and nothing else.
        victim = 0 if len(taken[0]) >= len(taken[1]) else 1
        workers[victim][0].kill()
        workers[victim][0].wait()
        survivor = workers[1 - victim][1]
        self.until(lambda: len(self.taken(survivor)) == self.PARTNERS)
        self.assertEqual(sorted(self.taken(survivor)), [f"p{i}" for i in range(self.PARTNERS)])

    def test_a_single_run_leaves_alone_what_somebody_else_does(self):
        self.add(GOOD_TYPES)
        _, path = self.start("three.log")
        self.until(lambda: self.name in self.taken(path))
        done = self.once(status=1)
        self.assertIn("another worker is in charge", done.stderr)


    def test_a_stop_does_not_wait_for_ever_for_who_holds_a_lock(self):
        self.add(["Patient"])
        number = sql(self.exchange, f"select number from f_partner where name = '{self.name}'")
        holder = subprocess.Popen(
            ["psql", "-h", os.path.join(self.exchange.data, "socket"), "-U", "isthmus", "-d", "postgres",
             "-XAtq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.communicate)
        holder.stdin.write(f"select 'held' from pg_advisory_lock(x'6c616e'::int4, {number});\n")
        holder.stdin.flush()
        self.assertEqual(holder.stdout.readline(), "held\n")
        worker = harness.spawn(
            harness.ISTHMUS, "sync", "--partner", self.name, "--data", self.exchange.data, "--base-url",
            self.server.base, "--drain-timeout", "1s", stderr=subprocess.PIPE)
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        self.until(lambda: sql(self.exchange, waiting) == "1")
        worker.send_signal(signal.SIGTERM)
        said = worker.communicate(timeout=harness.PATIENCE)[1].decode()
        self.assertEqual(worker.returncode, 1, said)
        self.assertIn("stops without waiting", said)
        holder.stdin.close()
        holder.wait()
        holder.stdin = None
        self.once()
        self.assertGreater(self.totals()["applied"], 0)


class Observed(Case):
    NAMES = {"rows_total", "rows", "lag_seconds", "patience_seconds", "last_complete_timestamp",
             "incomplete_windows_total", "incomplete_windows", "partial_windows", "ref_pending", "dead_letters",
             "critical_dead_letters", "http_responses_total", "retry_after_sleep_seconds_total",
             "clock_skew_seconds", "guard_trips_total", "echo_suppressed_total", "pushes_total",
             "outbox_oldest_seconds", "push_ledger", "paused"}
    LABELS = {"partner", "mode", "type", "query", "stage", "class", "state", "result"}
    STAGES = ("applied", "unchanged", "older", "dead", "waiting")

    def watch(self):
        """A worker for this partner alone; what reads its metrics, {name: [(labels, value)]}."""
        self.port = port = harness.free_port()
        with open(os.path.join(self.server.folder, "sync.log"), "ab") as log:
            self.worker = harness.spawn(
                harness.ISTHMUS, "sync", "--data", self.exchange.data, "--base-url", self.server.base,
                "--metrics", f"127.0.0.1:{port}", "--partner", self.name, stdout=log, stderr=log)
        self.addCleanup(self.worker.wait)
        self.addCleanup(self.worker.kill)

        def read():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", None, 30) as answer:
                    self.text = answer.read().decode()
            except OSError:
                self.text = ""
            found = {}
            for name, labels, value in re.findall(r"^isthmus_sync_(\w+){(.*)} (\S+)$", self.text, re.M):
                pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels))
                found.setdefault(name, []).append((pairs, float(value)))
            return found
        return read

    @staticmethod
    def stages(found, name):
        sums = {}
        for labels, value in found.get(name, ()):
            sums[labels["stage"]] = sums.get(labels["stage"], 0) + int(value)
        return sums

    def test_metrics_agree_with_the_account_and_name_nobody(self):
        self.spec = "W-49"
        document = self.add(sorted(GOOD_TYPES - {"Practitioner"}))
        document["modes"]["push"] = {"types": ["Patient"]}
        self.exchange.add(document)
        self.server.client().put("Patient/own", {"resourceType": "Patient", "id": "own"})
        read = self.watch()

        def settled():
            found, books = read(), account(self.exchange, self.name)
            sums = {stage: sum(a[stage] for a in books["accounts"]) for stage in self.STAGES}
            rows, done = self.stages(found, "rows"), self.stages(found, "rows_total")
            ledger = {labels["state"]: value for labels, value in found.get("push_ledger", ())}
            return (sums["applied"] > 50 and not sums["waiting"] and books["pushed"]["confirmed"] and
                    all(rows.get(stage) == sums[stage] for stage in self.STAGES) and
                    all(done[stage] == sums[stage] for stage in self.STAGES[:-1]) and
                    ledger.get("confirmed") == books["pushed"]["confirmed"])
        self.until(settled, lambda: self.text)
        found, books = read(), account(self.exchange, self.name)
        self.assertEqual(set(found), self.NAMES)
        self.assertLessEqual({label for lines in found.values() for pairs, _ in lines for label in pairs},
                             self.LABELS)

        rows = self.stages(found, "rows")
        self.assertEqual(rows["expected"], rows["landed"])
        self.assertEqual(rows["landed"], sum(rows[stage] for stage in self.STAGES))
        done = self.stages(found, "rows_total")
        self.assertEqual(done.pop("landed"), sum(done.values()))
        for a in books["accounts"]:
            self.assertIn(({"partner": self.name, "mode": a["mode"], "type": a["type"],
                            "stage": "dead"}, a["dead"]), found["rows"])
        self.assertEqual({labels["type"]: value for labels, value in found["ref_pending"]},
                         {kind: r["mentioned"] for kind, r in books["resources"].items()})
        self.assertGreater(books["resources"]["Practitioner"]["mentioned"], 0, "never come")
        letters = json.loads(self.exchange.isthmus("sync", "dead", "list", self.name, "--json").stdout)
        self.assertEqual({labels["class"]: value for labels, value in found["dead_letters"]},
                         {kind: sum(letter["class"] == kind for letter in letters)
                          for kind in {letter["class"] for letter in letters}})
        self.assertEqual(found["outbox_oldest_seconds"], [({"partner": self.name}, 0)])
        self.assertEqual({value for _, value in found["incomplete_windows"]}, {0})
        for row in self.rogue.expect("W-49")["resources"]:
            if len(row["id"]) > 3:
                self.assertNotIn(f'"{row["id"]}"', self.text)
        self.worker.send_signal(signal.SIGTERM)
        self.assertEqual(self.worker.wait(harness.PATIENCE), 0)

    def test_it_says_whether_it_is_at_work(self):
        self.add(["Patient"])
        self.watch()

        def ask(path):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", None, 30) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as refused:
                with refused:
                    return refused.code, refused.read()
            except OSError:
                return 0, b""
        self.until(lambda: ask("/readyz") == (200, b"ready\n"))
        self.assertEqual(ask("/healthz"), (200, b"ok\n"))
        self.assertEqual(ask("/"), (404, b"only /metrics, /healthz and /readyz\n"))

    def test_what_a_partner_owes_outlives_the_worker(self):
        self.spec = "W-02:form=403;type=Condition;times=-1"
        self.add(["Condition", "Patient"])
        self.once(1)
        read = self.watch()

        def by_type(name):
            return {labels["type"]: value for labels, value in read().get(name, ())}
        self.until(lambda: by_type("incomplete_windows").get("Condition", 0) > 0, lambda: self.text)
        found = read()
        lag = by_type("lag_seconds")
        self.assertEqual(set(lag), {"Condition", "Patient"}, "also what was never complete")
        self.assertEqual(set(by_type("last_complete_timestamp")), {"Patient"})
        self.assertGreater(self.stages(found, "rows")["applied"], 0)
        self.assertEqual(by_type("incomplete_windows")["Patient"], 0)

        # Another version of the document takes away what is refused, but not what is owed.
        self.rogue.ask("/control/reset", {})
        self.spec = f"slow:ms=1;of={self.name}"
        self.add(["Condition", "Patient"])
        self.until(lambda: by_type("incomplete_windows") == {"Condition": 0, "Patient": 0},
                   lambda: self.text)

    def test_nothing_is_owed_of_what_is_asked_for_no_longer(self):
        self.spec = "W-02:form=403;type=Condition;times=-1"
        self.add(["Condition", "Patient"])
        self.once(1)
        read = self.watch()

        def gaps():
            return {labels["type"]: value for labels, value in read().get("incomplete_windows", ())}
        self.until(lambda: gaps().get("Condition", 0) > 0, lambda: self.text)
        self.add(["Patient"])
        self.until(lambda: gaps() == {"Condition": 0, "Patient": 0}, lambda: self.text)

    def test_alarms_are_about_metrics_that_there_are(self):
        with open(os.path.join(harness.ROOT, "docs/sync_alerts.yml")) as file:
            rules = file.read().split("- alert: ")[1:]
        document = self.add(["Patient"])
        document["modes"]["push"] = {"types": ["Patient"]}
        self.exchange.add(document)
        read = self.watch()
        self.until(lambda: {"push_ledger", "clock_skew_seconds", "rows"} <= set(read()),
                   lambda: self.text)
        found, kinds = read(), dict(re.findall(r"^# TYPE isthmus_sync_(\w+) (\w+)$", self.text, re.M))
        self.assertEqual(set(kinds), self.NAMES)
        for rule in rules:
            name = rule.split("\n")[0]
            said = re.search(r"expr:(.*?)\n        \w+:", rule, re.S)[1]
            metrics = re.findall(r"isthmus_sync_(\w+)(?:{(\w+)=~?\"([^\"]+)\"})?", said)
            self.assertTrue(metrics, name)
            for metric, label, values in metrics:
                self.assertIn(metric, kinds, name)
                counted = re.search(r"(?:rate|increase)\(isthmus_sync_" + metric, said)
                self.assertEqual(kinds[metric] == "counter", bool(counted), name)
                lines = [pairs for pairs, _ in found.get(metric, ())]
                for value in filter(None, values.split("|")):
                    self.assertIn(value, [pairs.get(label) for pairs in lines], name)
            first = found.get(metrics[0][0])
            for used in re.findall(r"\$labels\.(\w+)", rule if first else ""):
                self.assertIn(used, first[0][0], name)
            self.assertRegex(rule, r"severity: (info|warning|critical)", name)
            self.assertIn("remedy:", rule, name)

    def test_status_is_plain_in_a_pipe_and_drawn_again_on_a_terminal(self):
        self.add(["Patient"])
        self.once()
        plain = self.exchange.isthmus("sync", "status", "--partner", self.name).stdout
        self.assertNotIn("\033", plain)
        self.assertIn(f"{self.name}  (active; 0 dead letters open)", plain)
        self.assertRegex(plain, r"search +Patient +\d+ (s|min) +\d+")

        main, other = pty.openpty()
        process = subprocess.Popen(
            [harness.ISTHMUS, "sync", "status", "--data", self.exchange.data], stdin=other,
            stdout=other, stderr=subprocess.DEVNULL)
        os.close(other)
        fcntl.ioctl(main, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        seen = b""
        while seen.count(b"\033[H") < 4:
            seen += os.read(main, 65536)
        process.send_signal(signal.SIGTERM)
        process.wait(harness.PATIENCE)
        os.close(main)
        self.assertIn(b"Patient", seen)
        last = seen.split(b"\033[H\033[2J")[3].decode().splitlines()
        self.assertLessEqual(max(len(line) for line in last), 80)
        self.assertRegex(last[0], r"^mode +type +complete +dead +waiting +gaps +next")
        self.assertTrue([line for line in last if re.match(r"search +Patient +\d+ \w+ +0 +0 +0 ", line)],
                        last)

    def test_status_says_what_is_tried_next_and_why_not(self):
        self.spec = "W-02:form=403;type=Condition;times=-1"
        document = self.add(["Condition", "Patient"])
        document["modes"]["search"]["every"] = "PT1H"
        self.exchange.add(document)
        self.once(1)

        def status():
            return self.exchange.isthmus("sync", "status", "--partner", self.name).stdout

        def pulls():
            said = self.exchange.isthmus("partner", "status", self.name, "--json").stdout
            return {p["type"]: p for p in json.loads(said)[0]["pulls"]}
        self.assertRegex(status(), r"search +Condition +never +(\d+ +){5}1 +[45]\d min  .*403")
        self.assertRegex(status(), r"search +Patient +\d+ s +\d+ +\d+ +\d+ +0 +0 +0 +\d+ min")
        found = pulls()
        self.assertEqual((found["Condition"]["gaps"], found["Patient"]["gaps"]), (1, 0))
        self.assertGreater(found["Condition"]["next"], time.time() + 1800)
        hour = datetime.datetime.now(datetime.timezone.utc).hour
        document["limits"]["window"] = f"{(hour + 3) % 24:02}:00-{(hour + 5) % 24:02}:30"
        self.exchange.add(document)
        hours = f"from {(hour + 3) % 24:02}:00 to {(hour + 5) % 24:02}:30 UTC"
        self.assertIn(f"; asked {hours})", status())
        self.assertIn(hours, self.exchange.isthmus("partner", "list").stdout)
        self.assertGreater(pulls()["Patient"]["next"], time.time() + 7000)
        self.exchange.isthmus("partner", "pause", self.name, "--reason", "they asked")
        self.assertIn("(paused: they asked; 0 dead letters open", status())
        self.assertNotIn("next", pulls()["Patient"])

    def test_the_account_has_a_status(self):
        self.add(["Patient"])
        self.once()
        self.assertIn("Every row that came is accounted for",
                      self.exchange.isthmus("sync", "account", self.name, status=0).stdout)
        sql(self.exchange, "update f_sync_window set expected = expected + 1 where partner ="
            f" (select number from f_partner where name = '{self.name}')")
        said = self.exchange.isthmus("sync", "account", self.name, status=1).stdout
        self.assertIn("DOES NOT BALANCE", said)
        self.assertIn("THE BALANCE DOES NOT COME OUT", said)
        self.assertFalse(account(self.exchange, self.name)["balanced"])
        self.exchange.isthmus("sync", "account", "nobody", status=1)

    def test_earlier_versions_of_a_document_are_kept(self):
        document = self.add(["Patient"])
        self.exchange.add({**document, "name": "Another"})
        shown = [json.loads(self.exchange.isthmus("partner", "show", self.name, *version).stdout)
                 for version in ([], ["--version", "1"])]
        self.assertEqual([d.get("name") for d in shown], ["Another", None])
        done = self.exchange.isthmus("partner", "show", self.name, "--version", "3", status=1)
        self.assertIn("no version 3", done.stderr)


class Limits(Case):
    def test_outside_of_its_hours_a_partner_is_not_asked(self):
        hour = datetime.datetime.now(datetime.timezone.utc).hour
        document = self.add(["Patient"])
        document["limits"]["window"] = f"{(hour + 3) % 24:02}:00-{(hour + 5) % 24:02}:00"
        self.exchange.add(document)
        self.once(1)
        self.assertEqual(self.requests(), 0)
        self.assertRegex(self.exchange.isthmus("sync", "status", "--partner", self.name).stdout,
                         rf"outside its hours until \S+T{(hour + 3) % 24:02}:00")
        document["limits"]["window"] = f"{(hour - 1) % 24:02}:00-{(hour + 2) % 24:02}:00"
        self.exchange.add(document)
        self.once()
        self.assertGreater(self.totals()["applied"], 0)

    def test_a_day_has_so_many_requests(self):
        document = self.add(GOOD_TYPES)
        for most in (5, 5, 8):  # other workers go on counting
            document["limits"]["dailyRequests"] = most
            self.exchange.add(document)
            self.once(1)
            self.assertEqual(self.requests() + self.requests(kind="page"), most)
        document["limits"].pop("dailyRequests")
        self.exchange.add(document)
        self.once()
        self.assertEqual(self.totals()["applied"], len(self.rogue.expect(self.spec)["resources"]))


class Tls:
    """TLS before a server that has none: everything is passed on as it is."""

    def __init__(self, port, certificate, key):
        self.port = port
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.own = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                outside, _ = self.listener.accept()
            except ssl.SSLError:
                continue
            except OSError:
                return
            inside = socket.create_connection(("127.0.0.1", self.port))
            for pair in ((outside, inside), (inside, outside)):
                threading.Thread(target=self.copy, args=pair, daemon=True).start()

    @staticmethod
    def copy(here, there):
        try:
            while data := here.recv(65536):
                there.sendall(data)
        except OSError:
            pass
        for end in (here, there):
            end.close()

    def close(self):
        self.listener.close()


class Behind(harness.Server):
    """A server that says it is somewhere else."""

    outside = None

    @property
    def base(self):
        return self.outside

    def client(self, timeout=harness.PATIENCE):
        self.clients.append(harness.Client(f"{self.root}/fhir", timeout))
        return self.clients[-1]


class Secured(Case):
    def test_a_second_isthmus_is_pulled_from_by_tls(self):
        authority = self.rogue.ask("/control/tls", {})["ca"]
        folder = os.path.dirname(authority)
        other = Behind()
        tls = Tls(other.port, os.path.join(folder, "good.crt"), os.path.join(folder, "good.key"))
        self.addCleanup(tls.close)
        base = other.outside = f"https://127.0.0.1:{tls.own}/fhir"
        other.arguments += ["--base-url", base]
        other.start()
        self.addCleanup(other.__exit__, None, None, None)
        client = other.client()
        for i in range(60):
            client.put(f"Patient/t{i}", {"resourceType": "Patient", "id": f"t{i}",
                                         "name": [{"family": f"Secure {i}"}]})
        self.exchange.add(partner("p", base, search={"pageSize": 20, "queries": queries(["Patient"])}))
        self.exchange.once(status=1)
        self.assertIn("SSL", account(self.exchange, "p")["incompleteWindows"][0]["reason"])
        self.assertNotIn(base, states(self.exchange))

        document = partner("p", base, search={"pageSize": 20, "queries": queries(["Patient"])})
        self.exchange.add({**document, "tls": {"caRef": "file:" + authority}})
        self.exchange.once(status=0)
        held = states(self.exchange)[base]
        self.assertEqual({id_ for _, id_ in held}, {f"t{i}" for i in range(60)})
        self.assertEqual({r["name"][0]["family"] for r in held.values()},
                         {f"Secure {i}" for i in range(60)})

        done = harness.run("partner", "probe", base, "--network", "127.0.0.1/32", "--ca", authority,
                           "--proposal")
        self.assertEqual(json.loads(done.stdout)["tls"]["caRef"], "file:" + authority)


class Secrets(Case):
    def test_a_secret_stays_in_its_file_which_is_read_again(self):
        path = os.path.join(self.server.folder, "key")
        self.spec = "W-13:header=X-Api-Key;value=hush"
        document = self.add(["Patient"])
        document = {**document, "headers": {"X-Api-Key": {"ref": "file:" + path}}}
        self.exchange.add(document)

        # Without the file this partner alone fails, and says why.
        self.once(1)
        window = account(self.exchange, self.name)["incompleteWindows"][0]
        self.assertIn(f"The header X-Api-Key is in {path}, which cannot be read: No such file",
                      window["reason"])
        self.assertEqual(self.requests(), 0)
        for content, status in (("wrong", 1), ("hush\n", 0)):
            with open(path, "w") as file:
                file.write(content)
            self.once(status)
        self.assertGreater(self.totals()["applied"], 0)
        dump = sql(self.exchange, "select string_agg(config, '') from f_partner_config")
        self.assertIn(f'"file:{path}"', dump)
        self.assertNotIn("hush", dump.replace("value=hush", ""))
        self.assertIn(path, self.exchange.isthmus("partner", "show", self.name).stdout)

        probed = harness.run("partner", "probe", document["base"], "--network", "127.0.0.1/32",
                             "--header", "X-Api-Key: file:" + path, "--proposal")
        self.assertEqual(json.loads(probed.stdout)["headers"], document["headers"])

    def test_what_is_given_in_clear_is_told_and_not_shown(self):
        document = self.add(["Patient"])
        document["headers"] = {"Authorization": "Bearer whisper", "Epic-Client-ID": "public",
                               "X-Gone": {"ref": "env:ISTHMUS_NOT_SET"}}
        path = os.path.join(self.server.folder, "clear.json")
        with open(path, "w") as file:
            json.dump(document, file)
        for more in (["--check"], []):
            done = self.exchange.isthmus("partner", "add", path, *more)
            self.assertIn("headers.Authorization looks like a credential and stands in clear",
                          done.stderr)
            self.assertIn("ISTHMUS_NOT_SET, which is not set", done.stderr)
            self.assertNotIn("Epic", done.stderr)
            self.assertNotIn("whisper", done.stderr + done.stdout)
        shown = self.exchange.isthmus("partner", "show", self.name).stdout
        listed = self.exchange.isthmus("partner", "list", "--json").stdout
        self.assertNotIn("whisper", shown + listed)
        self.assertEqual(json.loads(shown)["headers"]["Authorization"], "***")
        with open(path, "w") as file:
            file.write(shown)
        done = self.exchange.isthmus("partner", "add", path, status=1)
        self.assertIn("*** only stands for it", done.stderr)


class DeadLetters(Case):
    def dead(self, *more):
        return json.loads(self.exchange.isthmus("sync", "dead", "list", "p", "--json", *more).stdout)

    def edit(self, **more):
        self.rogue.ask("/control/data", {
            "resourceType": "Patient", "id": "d1", "birthDate": "1970-01-01",
            "name": [{"family": "Abel"}], **more})

    def test_a_letter_is_looked_at_tried_dry_and_decided(self):
        self.edit()
        self.exchange.add(pulled("p", self.rogue.base(), ["Patient", "Observation"]))
        self.exchange.once(status=0)
        self.edit(name=[{"family": "Zorn"}], birthDate="1999-09-09")
        self.rogue.ask("/control/data", {"resourceType": "Observation", "id": "d2", "status": ["final"],
                                         "code": {"text": "weight"}})
        self.exchange.once(status=0)
        letters = self.dead()
        self.assertEqual(sorted(letter["class"] for letter in letters),
                         ["identity_conflict", "structural"])
        number = {letter["class"]: str(letter["number"]) for letter in letters}
        said = self.exchange.isthmus("sync", "dead", "list", "p").stdout
        self.assertIn("What to do:", said)
        self.assertIn("identity_conflict: The patient's birth date", said)
        shown = self.exchange.isthmus("sync", "dead", "show", "p", number["identity_conflict"])
        self.assertEqual(json.loads(shown.stdout)["name"][0]["family"], "Zorn")
        self.assertIn("Why it matters:", shown.stderr)

        dry = self.exchange.isthmus("sync", "dead", "replay", "p", "--class", "identity_conflict",
                                    "--dry-run").stdout
        before, after = (json.loads(line[2:]) for line in dry.splitlines() if line[:2] in ("- ", "+ "))
        self.assertEqual((before["name"][0]["family"], after["name"][0]["family"]), ("Abel", "Zorn"))
        self.assertIn("nothing was changed", dry)
        self.assertEqual(len(self.dead()), 2)
        self.assertIn("1 applied", self.exchange.isthmus(
            "sync", "dead", "replay", "p", "--number", number["identity_conflict"]).stdout)
        self.assertEqual(len(self.dead()), 1)
        done = self.exchange.isthmus("sync", "dead", "replay", "p", "--number", "999", status=1)
        self.assertIn("No open dead letter fits", done.stderr)

        discard = ["sync", "dead", "discard", "p", "--by", "Ann"]
        self.exchange.isthmus(*discard, status=2)
        done = self.exchange.isthmus(*discard, "--reason", "a test", status=1)
        self.assertIn("a second person has to agree", done.stderr)
        self.exchange.isthmus(*discard, "--reason", "a test", "--second", "Ann", status=1)
        self.assertIn("1 discarded", self.exchange.isthmus(
            *discard, "--reason", "a test", "--second", "Bob").stdout)
        self.assertEqual(self.dead(), [])
        self.assertIn("There are none.", self.exchange.isthmus("sync", "dead", "list", "p").stdout)
        shown = self.exchange.isthmus("sync", "dead", "show", "p", number["structural"])
        self.assertIn("discarded by Ann, Bob: a test", shown.stderr)
        self.assertTrue(account(self.exchange, "p")["balanced"])

        # What was discarded does not come up again.
        self.exchange.once(status=0)
        self.assertEqual(self.dead(), [])
        decided = {letter["class"]: letter for letter in self.dead("--all")}
        self.assertEqual({kind: letter["decided"] for kind, letter in decided.items()},
                         {"identity_conflict": "replayed", "structural": "discarded"})
        self.assertEqual((decided["structural"]["decider"], decided["structural"]["reason"]),
                         ("Ann, Bob", "a test"))
        self.assertRegex(self.exchange.isthmus("sync", "dead", "list", "p", "--all").stdout,
                         r"discarded 20\S+Z by Ann, Bob: a test")

    def test_they_are_chosen_by_class_time_and_window(self):
        self.exchange.add(pulled("chosen", self.rogue.base("slow:ms=1;of=chosen"), ["Patient"]))
        windows = []
        for id_ in ("w1", "w2"):
            self.rogue.ask("/control/data", {"resourceType": "Patient", "id": id_, "birthDate": ["no"]})
            self.exchange.once("--partner", "chosen", status=0)
            windows.append(max(self.letters(), key=lambda letter: letter["number"])["window"])
        sql(self.exchange, "update f_dead set first = first - interval '10 days' where number ="
                           f" {min(letter['number'] for letter in self.letters())}")
        now = datetime.datetime.now(datetime.timezone.utc)
        day = (now - datetime.timedelta(days=11)).strftime("%Y-%m-%d")  # also when it was made yesterday
        later = (now - datetime.timedelta(days=5)).strftime("%Y-%m-%dT00:00:00Z")
        for which, found in (([], 2), (["--class", "structural"], 2), (["--class", "parse"], 0),
                             (["--window", str(windows[1])], 1), (["--since", later], 1),
                             (["--until", later], 1), (["--since", day, "--until", later], 1),
                             (["--since", day], 2), (["--until", day, "--window", str(windows[1])], 0),
                             (["--since", "2999"], 0)):
            with self.subTest(which=which):
                self.assertEqual(len(self.letters(*which)), found)
                done = self.exchange.isthmus("sync", "dead", "replay", "--partner", "chosen", "--dry-run",
                                             *which, status=0 if found else 1)
                self.assertEqual(done.stdout.count(": would be still dead"), found)
        for wrong in (["--since", "yesterday"], ["--window", "x"], ["--number", "0"]):
            done = self.exchange.isthmus("sync", "dead", "replay", "chosen", *wrong, status=1)
            self.assertIn(f"{wrong[1]} is no ", done.stderr)
        self.exchange.isthmus("sync", "dead", "discard", "chosen", "--window", str(windows[1]),
                              "--reason", "a test")
        self.assertEqual([letter["window"] for letter in self.letters()], [windows[0]])

    def letters(self, *which):
        done = self.exchange.isthmus("sync", "dead", "list", "--partner", "chosen", "--json", *which)
        return json.loads(done.stdout)

    def test_what_may_be_a_critical_result_is_told_first(self):
        name = "critical"
        self.exchange.add(pulled(name, self.rogue.base("slow:ms=1;of=critical"), ["Observation"]))
        for id_, code in (("n1", "N"), ("n2", "HH")):
            self.rogue.ask("/control/data", {
                "resourceType": "Observation", "id": id_, "status": ["final"], "code": {"text": "K"},
                "interpretation": [{"coding": [{"code": code}]}]})
        done = self.exchange.once("--partner", name, status=0)
        self.assertRegex(done.stderr, r"level=error.*critical results could not be applied.*number=1")
        self.assertNotIn("n2", done.stderr)
        said = self.exchange.isthmus("sync", "dead", "list", name).stdout.splitlines()
        self.assertIn("1 MAY BE CRITICAL RESULTS (!)", said[0])
        marked = [line for line in said if line.startswith("!")]
        self.assertEqual(marked, said[1:2])
        listed = json.loads(self.exchange.isthmus("sync", "dead", "list", name, "--json").stdout)
        self.assertEqual([letter["critical"] for letter in listed][:2], [True, False])
        self.assertGreater(listed[0]["number"], 0)

    def test_every_class_has_its_text(self):
        classes = set()
        for folder in ("storage", "sync"):
            for name in os.listdir(os.path.join(harness.ROOT, folder)):
                if not name.endswith(".c"):
                    continue
                with open(os.path.join(harness.ROOT, folder, name)) as file:
                    text = file.read()
                classes |= set(re.findall(r'(?:refuse\((?:&?row|landed)|refused =),?\s*"(\w+)"', text))
                for choice in re.findall(r"(?:fatal_class|refused) =([^;}]*)", text):
                    classes |= set(re.findall(r'[?:] "(\w+)"', choice))
                for listed in re.findall(r"classes\[\] = {([^}]*)}", text):
                    classes |= set(re.findall(r'"(\w+)"', listed))
        self.assertLessEqual({"parse", "utf8", "too_large", "not_fhir", "wrong_type", "no_id", "structural",
                              "identity_conflict", "version_regression", "storage", "remote_412"}, classes)
        said = self.exchange.isthmus("sync", "dead", "help").stdout
        texts = dict(re.findall(r"^(\w+): (.+\n  Why it matters: .+\n  What to do: .+)$", said, re.M))
        self.assertLessEqual(classes, set(texts))
        with open(os.path.join(harness.ROOT, "docs/sync.md")) as file:
            documented = set(re.findall(r"`(\w+)`", file.read()))
        self.assertLessEqual(classes, documented)
        self.assertEqual(len(set(texts.values())), len(texts), "each its own")


if __name__ == "__main__":
    unittest.main()
