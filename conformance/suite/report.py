"""What came of it: on the terminal, as JSON, as JUnit XML."""

import json
import xml.etree.ElementTree as xml

from suite.case import LEVELS

OUTCOMES = ("passed", "failed", "not offered")


def print_result(result):
    print(f"{result.outcome:11}  {result.case.line()}", flush=True)


def print_report(base, results, left):
    print(f"FHIR R4 conformance of {base}")
    for outcome in ("failed", "not offered"):
        print_group(outcome, [result for result in results if result.outcome == outcome])
    print()
    print(f"{'':8}" + "".join(f"{outcome:>13}" for outcome in OUTCOMES))
    for level in LEVELS:
        print(f"{level:8}" + "".join(f"{count(results, outcome, level):13}" for outcome in OUTCOMES))
    if left:
        print(f"\nleft on the server, because it would not delete them: {', '.join(left)}")
    print(f"\n{count(results, 'passed')} passed, {count(results, 'failed')} failed, "
          f"{count(results, 'not offered')} skipped")


def print_group(outcome, results):
    if not results:
        return
    print(f"\n{outcome}:")
    for result in results:
        print(f"  {result.case.line()}")
        print(f"      {result.message}")


def count(results, outcome, level=None):
    return sum(result.outcome == outcome and level in (None, result.case.level) for result in results)


def exit_status(results):
    return 1 if count(results, "failed", "MUST") else 0


def write_json(path, base, results):
    cases = [{
        "subject": result.case.subject,
        "level": result.case.level,
        "requirement": result.case.requirement,
        "paragraph": result.case.paragraph,
        "title": result.case.title,
        "outcome": result.outcome,
        "message": result.message,
        "seconds": round(result.seconds, 3),
    } for result in results]
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"base": base, "cases": cases}, file, indent=2)
        file.write("\n")


def write_junit(path, results):
    """A test suite for each subject."""
    root = xml.Element("testsuites")
    for subject in sorted({result.case.subject for result in results}):
        of_subject = [result for result in results if result.case.subject == subject]
        suite = xml.SubElement(
            root, "testsuite", name=subject, tests=str(len(of_subject)),
            failures=str(count(of_subject, "failed")), skipped=str(count(of_subject, "not offered")))
        for result in of_subject:
            write_junit_case(suite, result)
    xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def write_junit_case(suite, result):
    case = result.case
    element = xml.SubElement(
        suite, "testcase", classname=f"conformance.{case.subject}",
        name=f"{case.level} {case.requirement} {case.title} ({case.paragraph})",
        time=f"{result.seconds:.3f}")
    if result.outcome == "failed":
        xml.SubElement(element, "failure", message=result.message)
    elif result.outcome == "not offered":
        xml.SubElement(element, "skipped", message=result.message)
