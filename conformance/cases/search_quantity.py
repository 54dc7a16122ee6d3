"""Quantity and number parameters (R4 search.html#quantity, #number)."""

from suite.case import case
from suite.expect import same_ids
from suite.samples import SYSTEM, UCUM, observation

QUANTITY = "R4 search.html#quantity"
NUMBER = "R4 search.html#number"


def measured(server):
    """Observations of one code by their values."""
    code = server.unique()
    values = {
        "5.4 mg": {"value": 5.4, "unit": "mg", "system": UCUM, "code": "mg"},
        "5.44 mg": {"value": 5.44, "unit": "mg", "system": UCUM, "code": "mg"},
        "5.5 mg": {"value": 5.5, "unit": "mg", "system": UCUM, "code": "mg"},
        "100 mg": {"value": 100, "unit": "mg", "system": UCUM, "code": "mg"},
        "5.4 mL": {"value": 5.4, "unit": "mL", "system": UCUM, "code": "mL"},
        "5.4 mg?": {"value": 5.4, "unit": "mg"},
    }
    made = {name: server.create(observation(
        server, code={"coding": [{"system": SYSTEM, "code": code}]}, valueQuantity=value))["id"]
        for name, value in values.items()}
    return code, made


def finds(server, value, *names):
    code, made = server.once(measured)
    found = server.found("Observation", **{"code": code, "value-quantity": value})
    same_ids(found, [made[name] for name in names], f"matches of value-quantity={value}")


@case("MUST", QUANTITY, "X-22", "a number alone finds it in every unit, within its precision")
def number_alone(server):
    finds(server, "5.4", "5.4 mg", "5.44 mg", "5.4 mL", "5.4 mg?")
    finds(server, "5.40", "5.4 mg", "5.4 mL", "5.4 mg?")


@case("MUST", QUANTITY, "X-22", "number|system|code finds it in that unit")
def with_unit(server):
    finds(server, f"5.4|{UCUM}|mg", "5.4 mg", "5.44 mg")
    finds(server, f"5.4|{UCUM}|mL", "5.4 mL")
    finds(server, f"5.4|{UCUM}|kg")


@case("MUST", QUANTITY, "X-22", "number||code finds it by code or unit in any system")
def with_code(server):
    finds(server, "5.4||mg", "5.4 mg", "5.44 mg", "5.4 mg?")


@case("MUST", QUANTITY, "X-22", "gt, lt, ge, le compare the values")
def prefixes(server):
    finds(server, f"gt5.44|{UCUM}|mg", "5.5 mg", "100 mg")
    finds(server, f"ge5.44|{UCUM}|mg", "5.44 mg", "5.5 mg", "100 mg")
    finds(server, f"lt5.44|{UCUM}|mg", "5.4 mg")
    finds(server, f"le5.44|{UCUM}|mg", "5.4 mg", "5.44 mg")


@case("MUST", QUANTITY, "X-22", "ne finds what is outside the precision")
def not_equal(server):
    finds(server, f"ne5.4|{UCUM}|mg", "5.5 mg", "100 mg")


@case("MUST", NUMBER, "X-22", "more digits mean a narrower search")
def precision(server):
    finds(server, f"100|{UCUM}|mg", "100 mg")
    finds(server, f"1e2|{UCUM}|mg", "100 mg")
    finds(server, f"99.6|{UCUM}|mg")
    finds(server, f"100.00|{UCUM}|mg", "100 mg")


def predicted(server):
    """Risk assessments of one patient by their probability."""
    server.needs("RiskAssessment", "create", "search-type")
    server.needs_parameter("RiskAssessment", "probability")
    value = server.unique()
    made = {chance: server.create({
        "resourceType": "RiskAssessment",
        "status": "final",
        "identifier": [{"system": SYSTEM, "value": value}],
        "subject": {"reference": "Patient/" + server.unique()},
        "prediction": [{"probabilityDecimal": chance}],
    })["id"] for chance in (0.1, 0.5, 0.9)}
    return value, made


@case("MUST", NUMBER, "X-22", "a number parameter compares too")
def numbers(server):
    value, made = server.once(predicted)
    for query, wanted in (("0.5", [0.5]), ("gt0.5", [0.9]), ("lt0.5", [0.1]), ("ge0.5", [0.5, 0.9]),
                          ("ne0.5", [0.1, 0.9]), ("0.1,0.9", [0.1, 0.9])):
        same_ids(server.found("RiskAssessment", identifier=value, probability=query),
                 [made[chance] for chance in wanted], f"matches of probability={query}")
