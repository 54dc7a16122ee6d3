"""The definitions of one unpacked FHIR package, and the files of facts derived from them."""

import json
import pathlib

CANONICAL = "http://hl7.org/fhir/StructureDefinition/"


def read_definitions(folder, kind):
    """All definitions of a kind, sorted by file name."""
    paths = sorted(pathlib.Path(folder).glob(f"{kind}-*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def type_name(canonical):
    """The type that a canonical of the core specification stands for."""
    return canonical.rsplit("/", 1)[-1]


def write_facts(path, columns, rows):
    """One fact a line, columns separated by tabs; the first line names them."""
    lines = ["\t".join(columns)]
    for row in rows:
        fields = [" ".join(str(field).split()) for field in row]
        assert len(fields) == len(columns), row
        lines.append("\t".join(fields))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_facts(path):
    """What write_facts wrote, as dictionaries. Lines that begin with # are comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    columns = lines[0].split("\t")
    facts = []
    for line in lines[1:]:
        fields = line.split("\t")
        assert len(fields) == len(columns), f"{path.name}: {line}"
        facts.append(dict(zip(columns, fields)))
    return facts
