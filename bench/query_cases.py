"""Searches over a filled database: each against the SQL it becomes, through pgbench."""
from urllib.parse import quote

from measure import latencies

CONNECTIONS = 8
SCRIPTS = 48
MANY = 400
LOINC = "http://loinc.org|"
MIX_CONNECTIONS = 16


def queries(bench, report):
    """01 to 15: what a page costs beyond what PostgreSQL takes for its statements."""
    service, measure = bench.service, bench.measure
    for what, paths in pages(service).items():
        paths = paths[::max(1, len(paths) // SCRIPTS)][:SCRIPTS]
        captured = service.capture([lambda path=path: service.get(path) for path in paths])
        scripts = [[one + ";" for one in found] for found in captured if found]
        figures = measure.alternate(
            pgbench=lambda: measure.pgbench(scripts, CONNECTIONS),
            ours=lambda: asked(bench, paths, CONNECTIONS))
        report.add(what, "pgbench, same SQL", figures["pgbench"]["rate"],
                   figures["ours"]["rate"], "requests/s", remark(figures["ours"]))
    deep(bench, report)
    mix(bench, report)


def asked(bench, paths, connections):
    """What wrk measures, and the CPU that a request takes."""
    before = bench.service.cpu()
    figures = bench.measure.wrk(paths, connections=connections)
    used = [after - was for was, after in zip(before, bench.service.cpu())]
    server, postgres = (1e6 * seconds / figures["requests"] for seconds in used)
    return {**figures, "server": server, "postgres": postgres}


def remark(figures):
    return (f"{latencies(figures)}; CPU a request: server {figures['server']:.0f} us, "
            f"PostgreSQL {figures['postgres']:.0f} us")


class Sample:
    """Values that are in the data."""

    def __init__(self, service):
        self.patients = self.take(service, "Patient", MANY)
        self.encounters = self.take(service, "Encounter", MANY)
        self.ids = [one["id"] for one in self.patients]
        self.names = sorted({one["name"][0]["family"] for one in self.patients})
        self.numbers = [one["identifier"][0] for one in self.patients]
        observations = self.take(service, "Observation", 1000)
        self.codes = sorted({one["code"]["coding"][0]["code"] for one in observations})
        self.values = sorted({(one["code"]["coding"][0]["code"], one["valueQuantity"]["value"])
                              for one in observations
                              if "value" in one.get("valueQuantity", {})})[::7][:MANY]
        self.days = [one["birthDate"] for one in self.patients]

    @staticmethod
    def take(service, kind, count):
        """In the order of their keys, which are hashes: at random."""
        ids = [row[0] for row in service.rows(
            f"select id from f_{kind.lower()} order by rkey limit {count}")]
        entries = [entry for at in range(0, len(ids), 100) for entry in
                   service.get(f"/{kind}?_count=100&_id={','.join(ids[at:at + 100])}")["entry"]]
        return [entry["resource"] for entry in entries]


def pages(service):
    """{what is asked: paths with different values}."""
    sample = Sample(service)
    ids, codes = sample.ids, sample.codes
    return {
        "01 read": [f"/Patient/{one}" for one in ids],
        "02 family": [f"/Patient?family={quote(one)}&_count=20" for one in sample.names],
        "03 identifier": [f"/Patient?identifier={one['system']}|{one['value']}"
                          for one in sample.numbers],
        "04 birthdate, gender": [f"/Patient?birthdate=ge{day[:7]}-01&birthdate=le{day[:7]}-28"
                                 "&gender=female&_count=20" for day in sample.days],
        "05 patient, code, newest": [
            f"/Observation?patient={one}&code={LOINC}{codes[at % len(codes)]}"
            "&_sort=-date&_count=20" for at, one in enumerate(ids)],
        "06 patient, category, date": [
            f"/Observation?patient={one}&category=vital-signs&date=ge2022&_count=20"
            for one in ids],
        "07 code, value": [f"/Observation?code={LOINC}{code}&value-quantity=gt{value}&_count=20"
                           for code, value in sample.values],
        "08 chain by family, code": [
            f"/Observation?patient.family={quote(name)}&code={LOINC}{codes[at % len(codes)]}"
            "&_count=20" for at, name in enumerate(sample.names)],
        "09 _has code, birthdate": [
            f"/Patient?_has:Observation:patient:code={LOINC}{codes[at % len(codes)]}"
            f"&birthdate=ge{day[:4]}&_count=20" for at, day in enumerate(sample.days)],
        "10 status, with encounter": [
            f"/MedicationRequest?patient={one}&status=active,completed"
            "&_include=MedicationRequest:encounter&_count=20" for one in ids],
        "11 by date, pages of 50": following(service, "/Encounter?date=ge2015&_count=50", 24),
        "12 $everything": [f"/Patient/{one}/$everything" for one in ids[:100]],
        "13b count, patient, code": [
            f"/Observation?patient={one}&code={LOINC}{codes[at % len(codes)]}&_summary=count"
            for at, one in enumerate(ids)],
        "15 code, newest": [f"/Observation?code={LOINC}{code}&_sort=-date&_count=20"
                            for code in codes],
    }


def following(service, path, count):
    """The pages behind a page, as paths."""
    found = []
    while path and len(found) < count:
        found.append(path)
        path = next((link["url"].split("/fhir", 1)[1] for link in service.get(path)["link"]
                     if link["relation"] == "next"), None)
    return found


def deep(bench, report):
    """One client: the first page, and the thousandth."""
    service, measure = bench.service, bench.measure
    path = "/Observation?status=final&_sort=-date&_count=20"
    walked = following(service, path, 1001)
    figures = measure.alternate(first=lambda: measure.wrk(walked[:1], connections=1),
                                deep=lambda: measure.wrk(walked[-1:], connections=1))
    report.add(f"page {len(walked)}", "page 1", figures["first"]["rate"], figures["deep"]["rate"],
               "requests/s", latencies(figures["deep"]))


def mix(bench, report):
    """What a ward asks all day."""
    sample = Sample(bench.service)
    paths = [path for at in range(0, 300, 3) for path in everyday(sample, at)]
    ours = bench.measure.alternate(ours=lambda: asked(bench, paths, MIX_CONNECTIONS))["ours"]
    report.add("30 everyday queries, 16 clients", "", None, ours["rate"], "requests/s",
               remark(ours))


def everyday(sample, at):
    ids, names, codes = sample.ids, sample.names, sample.codes
    one, two, three = (ids[(at + step) % len(ids)] for step in range(3))
    name, number = quote(names[at % len(names)]), sample.numbers[at % len(sample.numbers)]
    code, other = codes[at % len(codes)], codes[(at + 1) % len(codes)]
    day = sample.days[at % len(sample.days)]
    visit = sample.encounters[at % len(sample.encounters)]["id"]
    return [
        f"/Patient/{one}", f"/Patient/{two}", f"/Encounter/{visit}",
        f"/Patient?name={name}", f"/Patient?family={name}&gender=female",
        f"/Patient?family={name}&birthdate={day}", f"/Patient?birthdate={day}",
        f"/Patient?identifier={number['system']}|{number['value']}",
        f"/Patient?identifier={number['value']}",
        f"/Patient?name={quote(names[at % len(names)][:3])}&_sort=family",
        f"/Observation?patient={one}&category=laboratory&_sort=-date",
        f"/Observation?patient={two}&category=laboratory&date=ge2022",
        f"/Observation?patient={three}&category=vital-signs&_sort=-date&_count=10",
        f"/Observation?patient={one}&code={LOINC}{code}&_sort=-date&_count=1",
        f"/Observation?patient={two}&code={LOINC}{code},{LOINC}{other}&_sort=-date",
        f"/Observation?patient={three}&code={other}", f"/Observation?encounter={visit}",
        f"/Observation?patient.identifier={number['value']}&code={LOINC}{code}",
        f"/Condition?patient={one}", f"/Condition?patient={two}&clinical-status=active",
        f"/MedicationRequest?patient={one}&status=active",
        f"/MedicationRequest?patient={two}&_include=MedicationRequest:encounter",
        f"/AllergyIntolerance?patient={one}", f"/Immunization?patient={two}&_sort=-date",
        f"/Procedure?patient={three}&_sort=-date", f"/DiagnosticReport?patient={one}&_sort=-date",
        f"/DiagnosticReport?patient={two}&_include=DiagnosticReport:result",
        f"/Encounter?patient={one}&_sort=-date", f"/Encounter?patient={two}&date=ge2023",
        f"/Patient?_id={one}&_revinclude=Condition:patient",
    ]
