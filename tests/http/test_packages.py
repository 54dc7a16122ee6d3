"""Packages: install from folder and archive, enforced by every server on the database, removed;
nothing half; what a server with US Core and IPS takes."""

import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import time
import unittest

from harness import ISTHMUS, Server, data, issues, run, scratch, until

PROGRAMS = "/usr/lib/postgresql/15/bin"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
MEMORY = 150 * 1024 * 1024
# Compiled in for testing, and not what the limit is about.
SANITIZED = b"__asan_init" in open(ISTHMUS, "rb").read()

PATIENT = {"resourceType": "Patient", "meta": {"profile": [US_CORE + "us-core-patient"]},
           "gender": "female", "identifier": [{"system": "urn:x", "value": "1"}],
           "name": [{"family": "Test", "given": ["A"]}]}
NAMELESS = {name: value for name, value in PATIENT.items() if name != "name"}


def definition(name, **more):
    """A profile of Patient that demands a birth date."""
    url = f"http://example.org/StructureDefinition/{name}"
    return dict({
        "resourceType": "StructureDefinition", "id": name, "url": url, "name": name,
        "status": "active", "kind": "resource", "abstract": False, "type": "Patient",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "derivation": "constraint",
        "differential": {"element": [
            {"id": "Patient", "path": "Patient"},
            {"id": "Patient.birthDate", "path": "Patient.birthDate", "min": 1}]}}, **more)


def write_package(path, files, name="example.test", version="1.0.0", **more):
    """An NPM package; `files` maps names below the root to content."""
    manifest = dict({"name": name, "version": version, "canonical": "http://example.org",
                     "dependencies": {"hl7.fhir.r4.core": "4.0.1"}}, **more)
    files = dict({"package/package.json": manifest}, **files)
    with tarfile.open(path, "w:gz") as archive:
        for member, content in files.items():
            if not isinstance(content, bytes):
                content = json.dumps(content).encode()
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def archive_folder(folder, path):
    """A folder of definitions as an NPM package."""
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, "package")
    return path


def target(server):
    return ["--data", os.path.join(server.folder, "data")]


def database(server):
    socket = os.path.join(server.folder, "data/socket")
    return f"host={socket} port=5432 user=isthmus dbname=postgres"


class Packages(unittest.TestCase):
    def setUp(self):
        self.folder = scratch()
        self.addCleanup(shutil.rmtree, self.folder, True)

    def succeeds(self, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return done.stdout

    def becomes(self, client, body, status):
        """The answer to a create, once the server knows what makes it so."""
        answers = []

        def ask():
            answers[:] = [client.post(body["resourceType"], body)]
            return answers[0].status

        self.assertEqual(until(ask, status), status, answers[0].bytes)
        return answers[0]

    def example(self, version="1.0.0", **files):
        path = os.path.join(self.folder, f"example-{version}.tgz")
        return write_package(path, {f"package/{name}.json": content
                                    for name, content in files.items()}, version=version)

    def test_two_servers_enforce_what_one_command_installs(self):
        archive = self.example(profile=definition("born"))
        claims = {"resourceType": "Patient",
                  "meta": {"profile": ["http://example.org/StructureDefinition/born"]}}
        with Server() as first, Server(arguments=["--database", database(first)]) as second:
            clients = [first.client(), second.client()]
            for client in clients:
                self.assertEqual(client.post("Patient", claims).status, 201, "not known yet")
            self.succeeds("package", "install", archive, *target(first))
            for client in clients:
                found = issues(self.becomes(client, claims, 422))
                self.assertIn("birthDate", found[0]["diagnostics"])
                good = dict(claims, birthDate="2000-01-01")
                self.assertEqual(client.post("Patient", good).status, 201)
                statement = client.get("metadata").json()
                patient = [row for row in statement["rest"][0]["resource"]
                           if row["type"] == "Patient"][0]
                self.assertEqual(patient["supportedProfile"], claims["meta"]["profile"])
            self.succeeds("package", "remove", "example.test#1.0.0", "--database", database(first))
            for client in clients:
                self.becomes(client, claims, 201)
            done = run("package", "remove", "example.test", *target(first))
            self.assertEqual(done.returncode, 1)
            self.assertIn("not installed", done.stderr)

    def test_a_new_version_stands_beside_the_old_and_the_same_replaces_it(self):
        place = ["--data", os.path.join(self.folder, "data")]
        self.succeeds("package", "install", self.example(a=definition("a")), *place)
        self.succeeds("package", "install", self.example("1.1.0", a=definition("a")), *place)
        again = self.example(a=definition("a"), b=definition("b"))
        self.succeeds("package", "install", again, *place)
        listed = json.loads(self.succeeds("package", "list", "--json", *place))["packages"]
        self.assertEqual([(p["name"], p["version"], p["profiles"]) for p in listed],
                         [("example.test", "1.1.0", 1), ("example.test", "1.0.0", 2)])
        self.succeeds("package", "remove", "example.test", *place)
        self.assertEqual(json.loads(self.succeeds("package", "list", "--json", *place)),
                         {"packages": []})

    def test_only_the_definitions_of_a_package_are_taken(self):
        path = write_package(os.path.join(self.folder, "a.tgz"), {
            "package/a.json": definition("a"),
            "package/.index.json": {"files": []},
            "package/example/b.json": definition("b"),
            "package/other/c.json": definition("c"),
            "package/patient.json": {"resourceType": "Patient"},
            "package/broken.json": b"{",
            "../../escape.json": definition("d"),
            "/tmp/absolute.json": definition("e"),
        }, dependencies={"hl7.fhir.r4.core": "4.0.1", "hl7.terminology.r4": "5.0.0"})
        place = ["--data", os.path.join(self.folder, "data")]
        answer = json.loads(self.succeeds("package", "install", path, "--json", *place))
        package = answer["packages"][0]
        self.assertEqual((package["profiles"], package["valueSets"]), (1, 0))
        self.assertEqual(len(package["warnings"]), 2, package["warnings"])
        self.assertIn("hl7.terminology.r4#5.0.0", package["warnings"][0])
        self.assertIn("broken.json", package["warnings"][1])

    def test_what_is_no_package_changes_nothing(self):
        place = ["--data", os.path.join(self.folder, "data")]
        good = self.example(a=definition("a"))
        with open(good, "rb") as file:
            content = file.read()
        cut = os.path.join(self.folder, "cut.tgz")
        with open(cut, "wb") as file:
            file.write(content[:len(content) // 2])
        text = os.path.join(self.folder, "text.tgz")
        with open(text, "w", encoding="utf-8") as file:
            file.write("no archive")
        empty = os.path.join(self.folder, "empty")
        os.mkdir(empty)
        nameless = os.path.join(self.folder, "nameless.tgz")
        write_package(nameless, {}, name="")
        for wrong in (cut, text, empty, nameless, os.path.join(self.folder, "none.tgz")):
            done = run("package", "install", good, wrong, *place)
            self.assertEqual(done.returncode, 1, wrong)
            self.assertTrue(done.stderr.startswith("isthmus package: "), done.stderr)
        self.assertIn("no packages", self.succeeds("package", "list", *place))
        for call in ([], ["install"], ["list", "x"], ["remove"], ["paint"]):
            self.assertEqual(run("package", *call).returncode, 2, call)

    def definitions(self, server):
        stored = subprocess.run(
            [f"{PROGRAMS}/psql", "-XAtc", "select count(*) from f_definition", database(server)],
            capture_output=True, text=True, check=True)
        return int(stored.stdout)

    def announced(self, server):
        listed = json.loads(self.succeeds("package", "list", "--json", *target(server)))
        return 400 * len(listed["packages"])

    def test_killed_while_installing_leaves_nothing_half(self):
        files = {f"p{n}": definition(f"p{n}") for n in range(400)}
        archive = self.example(**files)
        with Server() as server:
            counts = set()
            began = time.monotonic()
            self.succeeds("package", "install", archive, *target(server))
            duration = time.monotonic() - began
            for number in range(8):
                run("package", "remove", "example.test", *target(server))
                process = subprocess.Popen([ISTHMUS, "package", "install", archive,
                                            *target(server)], stdout=subprocess.DEVNULL)
                time.sleep(duration * (number + 1) / 8)
                process.send_signal(signal.SIGKILL)
                process.wait()
                # Its transaction may still be under way: what is half stays half.
                self.assertTrue(until(lambda: self.definitions(server) == self.announced(server), True))
                counts.add(self.definitions(server))
            print(f"definitions after each kill: {sorted(counts)}")

    def test_us_core_and_ips_are_enforced_and_take_little(self):
        us_core, ips = data("packages", "us-core-6.1.0"), data("packages", "ips-1.1.0")
        archive = archive_folder(us_core, os.path.join(self.folder, "us-core.tgz"))
        with Server() as server:
            client = server.client()
            self.assertEqual(client.post("Patient", NAMELESS).status, 201)
            answer = json.loads(self.succeeds("package", "install", archive, ips, "--json",
                                              *target(server)))
            counted = {p["name"]: (p["profiles"] + p["extensions"], p["valueSets"])
                       for p in answer["packages"]}
            self.assertEqual(counted, {"hl7.fhir.us.core": (59, 36),
                                       "hl7.fhir.uv.ips": (36, 60)})
            for package in answer["packages"]:
                for warning in package["warnings"]:
                    print(f"  {package['name']}: {warning}")
            self.becomes(client, NAMELESS, 422)
            self.assertEqual(client.post("Patient", PATIENT).status, 201)
            for _ in range(200):
                client.post("Patient", PATIENT)
            resident = server.resident()
            print(f"with US Core and IPS: {resident / 1048576:.0f} MB resident"
                  + (" (sanitized)" if SANITIZED else ""))
            if not SANITIZED:
                self.assertLess(resident, MEMORY)

    def test_validate_knows_packages_without_a_server(self):
        us_core = data("packages", "us-core-6.1.0")
        path = os.path.join(self.folder, "patient.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(NAMELESS, file)
        self.assertEqual(run("validate", path).returncode, 0)
        self.assertEqual(run("validate", "--package", us_core, path).returncode, 1)
        place = ["--data", os.path.join(self.folder, "data")]
        self.succeeds("package", "install", us_core, *place)
        self.assertEqual(run("validate", *place, path).returncode, 1)
        self.assertEqual(run("validate", "--profile", US_CORE + "us-core-patient",
                             "--level", "structure", path).returncode, 0)


if __name__ == "__main__":
    unittest.main()
