"""A case: one statement of the standard, and a function that finds out whether it holds."""

import importlib
import pathlib
import time
import traceback

from suite.expect import Failed, NotOffered

LEVELS = ("MUST", "SHOULD", "MAY")

registry = []


class Case:
    def __init__(self, function, level, paragraph, requirement, title):
        assert level in LEVELS, level
        self.function = function
        self.level = level
        self.paragraph = paragraph
        self.requirement = requirement
        self.title = title
        self.subject = function.__module__.rpartition(".")[2]

    def line(self):
        return f"{self.subject:22} {self.level:6} {self.requirement:5} {self.title} ({self.paragraph})"


class Result:
    def __init__(self, case, outcome, message, seconds):
        self.case = case
        self.outcome = outcome  # "passed", "failed" or "not offered"
        self.message = message
        self.seconds = seconds


def case(level, paragraph, requirement, title):
    """Makes a case of a function that takes the server."""

    def register(function):
        registry.append(Case(function, level, paragraph, requirement, title))
        return function

    return register


def load_cases():
    """All cases, by subject and in the order in which they are written."""
    folder = pathlib.Path(__file__).parent.parent / "cases"
    for path in sorted(folder.glob("*.py")):
        if path.stem != "__init__":
            importlib.import_module(f"cases.{path.stem}")
    return registry


def run_case(which, server):
    start = time.monotonic()
    outcome, message = "passed", ""
    try:
        which.function(server)
    except NotOffered as reason:
        outcome, message = "not offered", str(reason)
    except Failed as reason:
        outcome, message = "failed", str(reason)
    except Exception as reason:  # a surprise in an answer is the server's failure, shown in full
        place = traceback.extract_tb(reason.__traceback__)[-1]
        outcome = "failed"
        message = f"{type(reason).__name__}: {reason} ({pathlib.Path(place.filename).name}:{place.lineno})"
    return Result(which, outcome, message, time.monotonic() - start)
