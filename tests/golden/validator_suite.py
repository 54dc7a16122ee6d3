#!/usr/bin/env python3
"""HL7's validator cases, the primitives, the examples of R4 and Synthea's patients.

    validator_suite.py VALIDATE_LINES DATA

DATA is the folder of published test data. Each part is skipped when its folder
is absent. What we decide otherwise than a suite, or refuse of the examples, is
in validator_exceptions.tsv with the reason; anything beyond, and anything
there that is no longer so, fails.
"""

import collections
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import uuid

HERE = pathlib.Path(__file__).resolve().parent
EXCEPTIONS = HERE / "validator_exceptions.tsv"
NEEDS = HERE / "validator_needs.tsv"
# Cases that HL7 runs with example URLs forbidden.
NO_EXAMPLES = ("dr-example-org", "pat-example-extensions")
# Cases that HL7 runs with comments in JSON allowed.
COMMENTS = ("json-comments-1-yes", "json-comments-2-yes")
DEFINITIONS = ("StructureDefinition", "ValueSet", "CodeSystem")
CHUNK = 500  # resources of one Bundle


class Report:
    def __init__(self):
        self.parts, self.failed = 0, 0
        self.known = {(part, name): reason for part, name, reason in rows_of(EXCEPTIONS)}

    def add(self, part, total, differing):
        """`differing` maps the name of what differs to what was found."""
        known = {name for group, name in self.known if group == part}
        self.parts += 1
        print(f"{part}: {total - len(differing)} of {total} agree")
        for name in sorted(differing.keys() - known):
            print(f"  NEW {name}: {differing[name]}")
        for name in sorted(known - differing.keys()):
            print(f"  GONE {name}: remove it from {EXCEPTIONS.name}")
        self.failed += len(differing.keys() ^ known)


def rows_of(table):
    lines = table.read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def ask(program, questions):
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(questions):
        sys.exit(f"{len(questions)} questions, {len(answers)} answers\n{done.stderr[-2000:]}")
    return answers


def first_error(answer):
    for issue in answer["issues"]:
        if issue["severity"] in ("fatal", "error"):
            return f"{issue.get('expression')}: {issue['text']}"
    return "no error"


def run_cases(program, suite, report):
    """The cases that need neither packages nor terminology from outside; what they
    expect is said of the document by itself, without the profile that some name.
    Then those that need more: first what is at hand, then the rest as it is."""
    cases = json.loads((suite / "cases.json").read_text("utf-8"))
    packages = suite.parent.parent / "packages"
    groups = collections.defaultdict(list)
    for case in cases:
        groups[needs_of(case, packages)].append(case)
    differing = judge(program, suite, groups.pop(ALONE))
    report.add("cases", sum(needs_of(case, packages) == ALONE for case in cases), differing)
    differing, total = {}, 0
    for folders in sorted(need for need in groups if isinstance(need, tuple)):
        chosen = groups.pop(folders)
        differing |= judge(program, suite, chosen, definitions_of(folders))
        total += len(chosen)
    report.add("cases with packages", total, differing)
    left = sum(map(len, groups.values()))
    agreeing = 0
    lines = []
    for need, chosen in sorted(groups.items()):
        right = len(chosen) - len(judge(program, suite, chosen))
        agreeing += right
        lines.append(f"  {need}: {len(chosen)} cases, {right} agree without")
    print(f"cases that need what is not in the data: {left}, of which {agreeing} agree without it")
    print("\n".join(lines))


ALONE = ()


def needs_of(case, packages):
    """Folders of packages that serve, ALONE for none, or what is missing in words."""
    if not case["deps"] and not case["needsTx"]:
        return ALONE
    need = dict(rows_of(NEEDS)).get(case["name"])
    if need and need.startswith("needs "):
        return need
    if need:
        folders = tuple(packages / name for name in need.split(","))
        missing = [folder.name for folder in folders if not folder.is_dir()]
        return f"needs {', '.join(missing)}" if missing else folders
    kinds = ["terminology from outside"] if not case["deps"] else []
    kinds += [KINDS_OF_FILES.get(kind, kind) for kind in case["deps"]]
    return "needs " + ", ".join(kinds)


KINDS_OF_FILES = {"supporting": "definitions that HL7 keeps beside the case",
                  "profiles": "profiles that HL7 keeps beside the case",
                  "logical": "logical models", "certificate": "certificates to verify signatures",
                  "supporting5": "definitions of R5 that HL7 keeps beside the case"}


def judge(program, suite, cases, definitions=()):
    """Where the verdict differs, and the first error or that there is none."""
    questions = [{"file": str(suite / "cases" / case["file"]), "definitions": list(definitions),
                  "refuse_examples": case["name"] in NO_EXAMPLES,
                  "refuse_displays": True,  # as HL7 runs them
                  "comments": case["name"] in COMMENTS}
                 for case in cases]
    return {case["name"]: first_error(answer) for case, answer in zip(cases, ask(program, questions))
            if (answer["errors"] == 0) != (case["expect"] == "valid")}


def definitions_of(folders):
    return [str(path) for folder in folders for path in sorted(folder.glob("*.json"))
            if path.name.split("-")[0] in DEFINITIONS]


def run_primitives(program, suite, report):
    """Each line is a value that must pass, or not, where its type is asked for."""
    differing, total = {}, 0
    with tempfile.TemporaryDirectory() as place:
        for path in sorted(suite.glob("*.ndjson")):
            kind, verdict = path.name.split(".")[:2]
            values = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
            questions = []
            for number, value in enumerate(values):
                document = pathlib.Path(place) / f"{path.stem}.{number}.json"
                document.write_text(document_with(kind, value), "utf-8")
                questions.append({"file": str(document)})
            total += len(values)
            for value, answer in zip(values, ask(program, questions)):
                if (answer["errors"] == 0) != (verdict == "valid"):
                    differing[f"{path.stem}: {value}"] = first_error(answer)
    report.add("primitives", total, differing)


def document_with(kind, value):
    if value == "null":  # no value, which most elements may have
        value, kind = "true", "boolean" if kind != "xhtml" else kind
    if kind == "xhtml":
        return ('{"resourceType": "Basic", "code": {"text": "x"}, "text": {"status": "generated",'
                f' "div": {value}}}}}')
    name = "value" + "".join(word.capitalize() for word in kind.split("_"))
    return ('{"resourceType": "Basic", "contained": [{"resourceType": "Basic", "id": "p1", "code": '
            '{"text": "x"}, "subject": {"reference": "#"}}], "code": {"text": "x"}, '
            '"extension": [{"url": "http://x.y", '
            f'"{name}": {value}}}]}}')


def run_examples(program, folder, report):
    files = sorted(folder.glob("*.json"))
    answers = ask(program, [{"file": str(file)} for file in files])
    differing = {file.name: first_error(answer)
                 for file, answer in zip(files, answers) if answer["errors"]}
    report.add("examples", len(files), differing)


def run_package(program, folder, report):
    """The examples of a package against its profiles."""
    definitions, examples = [], []
    for path in sorted(folder.rglob("*.json")):
        if path.name.startswith(".") or path.name == "package.json":
            continue
        kind = json.loads(path.read_text("utf-8")).get("resourceType")
        if path.parent.name.startswith("example"):
            examples.append(path)
        elif kind in DEFINITIONS:
            definitions.append(str(path))
    differing = {}
    questions = [{"file": str(path), "definitions": definitions} for path in examples]
    for path, answer in zip(examples, ask(program, questions)):
        if answer["errors"]:
            differing[path.name] = first_error(answer)
    report.add(f"package {folder.name}", len(examples), differing)


def run_patients(program, folder, report):
    """Every resource; findings are counted by what they say."""
    resources = list(patients_in(folder))
    differing = {}
    with tempfile.TemporaryDirectory() as place:
        questions = []
        for start in range(0, len(resources), CHUNK):
            entries = [{"fullUrl": uuid.uuid4().urn, "resource": resource}
                       for resource in resources[start:start + CHUNK]]
            path = pathlib.Path(place) / f"{start}.json"
            path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection",
                                        "entry": entries}), "utf-8")
            questions.append({"file": str(path)})
        for answer in ask(program, questions):
            for issue in answer["issues"]:
                if issue["severity"] in ("fatal", "error"):
                    differing[issue["text"]] = issue.get("expression")
    report.add(folder.name, len(resources), differing)


def patients_in(folder):
    for path in sorted(folder.rglob("*.gz")):
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
        for line in text.splitlines() if ".ndjson" in path.name else [text]:
            document = json.loads(line) if line.strip() else {}
            for entry in document.get("entry", [{"resource": document}]):
                if "resourceType" in entry.get("resource", {}):
                    yield entry["resource"]


def main():
    program, data = sys.argv[1], pathlib.Path(sys.argv[2])
    report = Report()
    for run, folder in ((run_cases, data / "suites/validator"),
                        (run_primitives, data / "suites/primitives"),
                        (run_examples, data / "r4-examples"),
                        (run_package, data / "packages/us-core-6.1.0"),
                        (run_package, data / "packages/ips-1.1.0"),
                        (run_patients, data / "patients/synthea-smart-r4"),
                        (run_patients, data / "patients/synthea-bulkserver-r4")):
        if folder.is_dir():
            run(program, folder, report)
        else:
            print(f"skipped: there is no {folder}")
    sys.exit(77 if report.parts == 0 else 1 if report.failed else 0)


if __name__ == "__main__":
    main()
