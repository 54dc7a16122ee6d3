#!/usr/bin/env python3
"""HL7's FHIRPath suite against `isthmus fhirpath`.

    fhirpath_suite.py ISTHMUS SUITE [--least N] [--verbose]

SUITE is a folder with tests.json and inputs/. A case passes when the results
equal the expected ones in type and value, or when an error was expected and
came. Prints the cases that fail and a line of counts; exits with 1 when fewer
than N pass (all, unless told otherwise), and with 77 when there is no SUITE.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("isthmus")
    parser.add_argument("suite", type=pathlib.Path)
    parser.add_argument("--least", type=int)
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def ask(isthmus, path, cases):
    """The answers to all cases on one input, in their order."""
    command = [isthmus, "fhirpath"] + (["--in", str(path)] if path else [])
    lines = "".join(json.dumps({"expression": case["expression"]}) + "\n" for case in cases)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(cases):
        sys.exit(f"{path}: {len(cases)} questions, {len(answers)} answers\n{done.stderr[-2000:]}")
    return answers


def same(expected, result):
    if expected["type"] is not None and expected["type"] != result["type"]:
        return False
    return expected["value"] is None or expected["value"] == result["value"]


def verdict(case, answer):
    """None if the case passes, or what was wrong."""
    if case["invalid"]:
        return None if "error" in answer else f"no error, but {answer['result']}"
    if "error" in answer:
        return f"{answer['stage']}: {answer['error']}"
    expected, result = case["outputs"], answer["result"]
    if len(expected) == len(result) and all(map(same, expected, result)):
        return None
    return f"{result} instead of {expected}"


def main():
    options = arguments()
    if not options.suite.is_dir():
        print(f"skipped: there is no {options.suite}")
        sys.exit(77)
    cases = json.loads((options.suite / "tests.json").read_text())["tests"]
    by_input = collections.defaultdict(list)
    for case in cases:
        by_input[case["inputfile"]].append(case)
    passed = staged = 0
    for name, group in by_input.items():
        path = options.suite / "inputs" / pathlib.Path(name).with_suffix(".json") if name else None
        for case, answer in zip(group, ask(options.isthmus, path, group)):
            wrong = verdict(case, answer)
            passed += wrong is None
            staged += bool(case["invalid"]) and answer.get("stage") == case["invalid"]
            if wrong or options.verbose:
                print(f"{case['id']}: {case['expression']!r}: {wrong or 'passed'}")
    print(f"fhirpath suite: {passed} of {len(cases)} cases pass")
    refused = sum(bool(case["invalid"]) for case in cases)
    print(f"fhirpath suite: {staged} of {refused} refused at the stage that the suite names")
    least = len(cases) if options.least is None else options.least
    sys.exit(0 if passed >= least else 1)


if __name__ == "__main__":
    main()
