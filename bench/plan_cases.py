"""The shapes that searches have, with values that are in the data, and how many rows each may read."""
from urllib.parse import quote

PAGE = 2500       # a page of twenty, and what is looked at to find it
SORTED = 45000    # up to 10,000 matches are sorted: each is found, read, and looked up in a side table
KEYS = 130000     # all keys of what a chain or a text begins with, from an index alone, or 10,000 rows
MATCHES = None    # what is counted or looked at one by one: as many as match
LOINC = "http://loinc.org|"
UCUM = "http://unitsofmeasure.org|"


def shapes(sample):
    """(rows that it may read, path); `sample` is query_cases.Sample."""
    values = dict(
        one=sample.ids[0], two=sample.ids[1], name=quote(sample.names[len(sample.names) // 2]),
        visit=sample.encounters[0]["id"], day=sample.days[0], year=sample.days[0][:4],
        number=f"{sample.numbers[0]['system']}|{sample.numbers[0]['value']}",
        loinc=LOINC, ucum=UCUM, height=f"{LOINC}8302-2", weight=f"{LOINC}29463-7")
    return [(bound, path.format(**values)) for bound, path in SHAPES]


SHAPES = [
    # Everyday questions.
    (1, "/Patient/{one}"),
    (PAGE, "/Patient?identifier={number}"),
    (PAGE, "/Patient?family={name}"),
    (PAGE, "/Patient?family={name}&_sort=birthdate"),
    (PAGE, "/Patient?name={name}&_sort=family"),
    (PAGE, "/Patient?birthdate={day}"),
    (PAGE, "/Patient?birthdate=ge{year}-01-01&birthdate=le{year}-12-31&gender=female"),
    (PAGE, "/Patient?gender=female"),
    (PAGE, "/Patient?_sort=family"),
    (PAGE, "/Patient?_sort=-birthdate"),
    (PAGE, "/Patient?address-city=Boston"),
    (PAGE, "/Observation?patient={one}"),
    (PAGE, "/Observation?patient={one},{two}"),
    (PAGE, "/Observation?patient={one}&code={height}&_sort=-date"),
    (PAGE, "/Observation?patient={one}&code={height},{weight}&_sort=-date"),
    (PAGE, "/Observation?patient={one}&category=vital-signs&date=ge2022"),
    (PAGE, "/Observation?patient={one}&code={height}&_summary=count"),
    (PAGE, "/Observation?encounter={visit}"),
    (PAGE, "/Condition?patient={one}&clinical-status=active"),
    (PAGE, "/MedicationRequest?patient={one}&status=active&_include=MedicationRequest:encounter"),
    (PAGE, "/DiagnosticReport?patient={two}&_include=DiagnosticReport:result"),
    (PAGE, "/Patient?_id={one}&_revinclude=Condition:patient"),
    (PAGE, "/Encounter?patient={one}&_sort=-date"),
    (PAGE, "/Encounter?date=ge2015&_count=50"),
    (MATCHES, "/Patient/{one}/$everything"),
    (PAGE, "/Observation/$lastn?patient={one}&category=vital-signs&max=3"),
    # One criterion that many meet, or few.
    (PAGE, "/Observation?code={height}&_sort=-date"),
    (PAGE, "/Observation?code={height}&date=ge2024"),
    (PAGE, "/Observation?code=8302-2&_sort=-date"),
    (SORTED, "/Observation?code={height},{weight}&_sort=-date"),
    (PAGE, "/Observation?status=final&_sort=-date"),
    (PAGE, "/Observation?status=amended"),
    (PAGE, "/Observation?category=laboratory&date=ge2024-01-01"),
    (PAGE, "/Observation?date=2024-03-03"),
    (PAGE, "/Encounter?class=AMB"),
    (PAGE, "/Encounter?class=IMP&_sort=-date"),
    (PAGE, "/Observation?_tag=nothing"),
    (PAGE, "/Observation?performer=Practitioner/nobody"),
    (PAGE, "/Observation?code:in=http://hl7.org/fhir/ValueSet/observation-vitalsignresult"),
    (PAGE, "/Observation?code:not-in=http://hl7.org/fhir/ValueSet/observation-vitalsignresult"),
    # What is not there.
    (PAGE, "/Observation?status:not=final"),
    (PAGE, "/Observation?subject:missing=true"),
    (PAGE, "/Observation?date:missing=true"),
    (PAGE, "/Observation?value-quantity:missing=true"),
    (PAGE, "/Observation?value-concept:missing=false"),
    (PAGE, "/Observation?_tag:missing=true"),
    (PAGE, "/Encounter?status:not=finished"),
    (PAGE, "/Patient?gender:not=female"),
    # Quantities and composites.
    (PAGE, "/Observation?code={height}&value-quantity=gt190"),
    (SORTED, "/Observation?code={height}&value-quantity=gt190&_sort=-date"),
    (PAGE, "/Observation?value-quantity=gt100"),
    (KEYS, "/Observation?value-quantity=5.4|{ucum}mmol/L"),
    (KEYS, "/Observation?component-value-quantity=gt150"),
    (KEYS, "/Observation?component-code-value-quantity={loinc}8480-6$gt150"),
    (KEYS, "/Observation?code-value-quantity={height}$gt180"),
    # About others.
    (PAGE, "/Observation?patient.family={name}&code={height}"),
    (PAGE, "/Observation?patient.identifier={number}&code={height}"),
    (PAGE, "/Observation?patient.gender=female&code={height}"),
    (PAGE, "/Observation?patient.gender=female"),
    (KEYS, "/Observation?encounter.class=IMP"),
    (KEYS, "/Encounter?practitioner.name=smith"),
    (PAGE, "/Patient?general-practitioner.name=smith"),
    (SORTED, "/Patient?_has:Observation:patient:code={loinc}1920-8&birthdate=ge1979"),
    (PAGE, "/Patient?_has:Observation:patient:code={height}"),
    (PAGE, "/Patient?_has:Observation:patient:code=nothing"),
    (KEYS, "/Patient?_has:Encounter:patient:class=IMP"),
    # In the order of time, and of other things.
    (PAGE, "/Observation?_lastUpdated=ge2020-01-01&_sort=-_lastUpdated&_count=100"),
    (PAGE, "/Observation?_lastUpdated=ge2020-01-01&_sort=_lastUpdated&_count=100"),
    (PAGE, "/Observation?_sort=-_lastUpdated&_count=100"),
    (SORTED, "/Encounter?patient={one}&_sort=_id"),
    (SORTED, "/Patient?_sort=-family,given"),
    # Counts.
    (MATCHES, "/Patient?_summary=count"),
    (MATCHES, "/Observation?code={height}&_summary=count"),
    (MATCHES, "/Observation?status=final&_summary=count"),
    (MATCHES, "/Observation?_summary=count"),
    # Looked at one by one.
    (MATCHES, "/Patient?name:contains=zzz"),
    (MATCHES, "/Patient?family:exact=Smith"),
    # By words, where they were chosen: few have one, nearly all, one in ten.
    (PAGE, "/Encounter?_content={visit}"),
    (PAGE, "/Encounter?_content={visit} or nothing not planned"),
    (PAGE, "/Encounter?_content=finished"),
    (PAGE, "/Encounter?_content=finished&_sort=-date"),
    (PAGE, "/Encounter?_content=finished&_sort=-_lastUpdated"),
    (PAGE, "/Encounter?_content=finished&patient={one}"),
    (PAGE, "/Encounter?_content=not finished"),
    (PAGE, "/Encounter?_content=inpatient"),
    (PAGE, "/Encounter?_content=inpat*&_sort=-_lastUpdated"),
    (PAGE, "/Patient?_content={name}"),
    (PAGE, "/Observation?patient._content={name}&code={height}"),
    (KEYS, "/Patient?_has:Encounter:patient:_content=inpatient"),
    (MATCHES, "/Encounter?_content=finished&_summary=count"),
    # Several types.
    (PAGE, "/Patient/{one}/Observation?status=final"),
    (PAGE, "/?_type=Patient,Observation&_lastUpdated=ge2020-01-01"),
]
