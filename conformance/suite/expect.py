"""What cases say about answers. Each function raises Failed when it does not hold."""


class Failed(Exception):
    """The server does not do what the case asks."""


class NotOffered(Exception):
    """The server says that it does not do this."""


def check(condition, message):
    if not condition:
        raise Failed(message)


def equal(found, expected, what):
    if found != expected:
        place, found, expected = difference(found, expected)
        raise Failed(f"{what}{place} is {shorten(found)}, expected {shorten(expected)}")


def difference(found, expected, place=""):
    """Where two JSON values differ first, and how."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in [*expected, *found]:
            if found.get(name) != expected.get(name):
                return difference(found.get(name), expected.get(name), f"{place}.{name}")
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for index, (one, other) in enumerate(zip(found, expected)):
            if one != other:
                return difference(one, other, f"{place}[{index}]")
    return place, found, expected


def status(answer, *allowed):
    """One of the allowed statuses. A server that says that it does not support
    this is not failed but left out."""
    if answer.status in allowed:
        return answer
    if answer.declines():
        raise NotOffered(f"{answer.request} answers {answer.status}")
    wanted = " or ".join(map(str, allowed))
    raise Failed(f"{answer.request} answers {answer.status}, expected {wanted}{answer.diagnosis()}")


def refused(answer, *allowed):
    """A refusal with one of the statuses (any 4xx without), explained by an OperationOutcome."""
    allowed = allowed or range(400, 500)
    if answer.status not in allowed:
        wanted = " or ".join(map(str, allowed)) if len(allowed) < 10 else "4xx"
        raise Failed(f"{answer.request} answers {answer.status}, expected {wanted}{answer.diagnosis()}")
    return outcome(answer)


def outcome(answer):
    """The body is an OperationOutcome with something to say."""
    body = answer.json_or_none()
    found = body.get("resourceType") if isinstance(body, dict) else type(body).__name__
    check(found == "OperationOutcome",
          f"{answer.request} answers {answer.status} with {found}, expected an OperationOutcome")
    issues = body.get("issue") or []
    check(issues, "the OperationOutcome has no issue")
    for issue in issues:
        check(issue.get("severity") in ("fatal", "error", "warning", "information"),
              f"issue.severity is {issue.get('severity')}")
        check(issue.get("code"), "an issue has no code")
    return body


def header(answer, name):
    value = answer.headers.get(name.lower())
    check(value is not None, f"{answer.request} answers without {name}")
    return value


def bundle(answer, kind):
    status(answer, 200)
    body = answer.json()
    equal(body.get("resourceType"), "Bundle", "resourceType")
    equal(body.get("type"), kind, "Bundle.type")
    return body


def same_ids(found, expected, what):
    """The same ids, in any order, none twice."""
    missing = sorted(set(expected) - set(found))
    surplus = sorted(set(found) - set(expected))
    check(not missing and not surplus,
          f"{what}: {len(missing)} missing and {len(surplus)} too many of {len(set(expected))}")
    check(len(found) == len(set(found)), f"{what}: a resource appears twice")


def shorten(value):
    text = repr(value)
    return text if len(text) < 200 else text[:200] + "..."
