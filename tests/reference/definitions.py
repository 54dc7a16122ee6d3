"""What the standard publishes as data: elements and search parameters of R4.

Read from the core package (StructureDefinition, SearchParameter, ValueSet), never from what the
server derives of it.
"""

import collections
import json
import os
import re

from terminology import Terminology

Element = collections.namedtuple("Element", "name types many binding targets")
Component = collections.namedtuple("Component", "kind expression")
Parameter = collections.namedtuple("Parameter", "code kind expression targets components")

# Published as examples of how to write a SearchParameter, not as parameters.
EXAMPLES = re.compile(r"SearchParameter-example")

# README, "Published expressions".
CORRECTIONS = {
    "value.as(DateTime) | value.as(Period)": "value.as(dateTime) | value.as(Period)",
    "Patient.extension('http://hl7.org/fhir/StructureDefinition/patient-extensions-Patient-"
    "mothersMaidenName')":
        "Patient.extension('http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName')",
}


class Definitions:
    def __init__(self, folder):
        self.folder = folder
        self.types = {}      # type or backbone path -> {FHIRPath name: Element}
        self.bases = {}      # type -> the type it specialises
        self.parameters = {} # resource type -> {code: Parameter}
        self.systems = {}    # value set -> the one code system it takes codes from, or None
        self.resources = set()
        self.compartments = {} # compartment type -> {resource type: parameters of membership}
        self.read_structures()
        self.read_parameters()
        self.terminology = Terminology(self.documents)
        for _, compartment in self.documents("CompartmentDefinition"):
            self.compartments[compartment["code"]] = {
                one["code"]: one["param"] for one in compartment["resource"] if "param" in one}

    def documents(self, prefix):
        for name in sorted(os.listdir(self.folder)):
            if name.startswith(prefix + "-") and name.endswith(".json"):
                with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                    yield name, json.load(file)

    def read_structures(self):
        for _, structure in self.documents("StructureDefinition"):
            if structure.get("derivation") == "constraint" or structure["kind"] == "logical":
                continue
            name = structure["type"]
            self.bases[name] = structure.get("baseDefinition", "").rsplit("/", 1)[-1]
            if structure["kind"] == "resource" and not structure["abstract"]:
                self.resources.add(name)
            if structure["kind"] == "primitive-type":
                continue
            self.types.setdefault(name, {})
            for element in structure["snapshot"]["element"][1:]:
                self.add_element(element)

    def add_element(self, element):
        parent, last = element["path"].rsplit(".", 1)
        if "contentReference" in element:
            types = [element["contentReference"].split("#")[1]]
        else:
            types = [kind["code"].rsplit("/", 1)[-1] for kind in element.get("type", [])]
            types = [{"System.String": "string"}.get(kind.split("fhirpath/")[-1], kind)
                     for kind in types]
            if types and types[0] in ("BackboneElement", "Element"):
                types = [element["path"]]
                self.bases[element["path"]] = "BackboneElement"
        binding = element.get("binding", {})
        targets = {url.rsplit("/", 1)[-1] for kind in element.get("type", [])
                   for url in kind.get("targetProfile", [])}
        self.types.setdefault(parent, {})[last.replace("[x]", "")] = Element(
            last, types, element["max"] != "1" or element.get("base", {}).get("max") == "*",
            binding.get("valueSet", "").split("|")[0]
            if binding.get("strength") == "required" else None, targets)

    def is_a(self, kind, wanted):
        while kind and kind != wanted:
            kind = self.bases.get(kind)
        return kind == wanted

    def system_of(self, value_set):
        """The code system of a required binding, when there is exactly one."""
        if value_set not in self.systems:
            path = os.path.join(self.folder, f"ValueSet-{value_set.rsplit('/', 1)[-1]}.json")
            found = set()
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    compose = json.load(file).get("compose", {})
                for include in compose.get("include", []):
                    if include.get("valueSet"):
                        found.update(self.system_of(url.split("|")[0])
                                     for url in include["valueSet"])
                    if include.get("system"):
                        found.add(include["system"])
            self.systems[value_set] = found.pop() if len(found) == 1 else None
        return self.systems[value_set]

    def read_parameters(self):
        self.published = {}
        for name, parameter in self.documents("SearchParameter"):
            if parameter.get("base") and not EXAMPLES.match(name):
                self.published[parameter["url"]] = parameter
        for parameter in self.published.values():
            if parameter.get("expression") or parameter["type"] == "composite":
                self.add_parameter(parameter)

    def add_parameter(self, parameter):
        """A SearchParameter, of R4 or of a package."""
        components = [
            Component(self.published[part["definition"]]["type"],
                      CORRECTIONS.get(part["expression"], part["expression"]))
            for part in parameter.get("component", [])]
        expression = parameter.get("expression")
        made = Parameter(parameter["code"], parameter["type"],
                         CORRECTIONS.get(expression, expression),
                         set(parameter.get("target", [])), components)
        for base in parameter["base"]:
            for kind in (self.resources if base in ("Resource", "DomainResource") else [base]):
                self.parameters.setdefault(kind, {})[made.code] = made
