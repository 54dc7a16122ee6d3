"""What the tests of writes share: patients, entries, Bundles, and a server."""

import threading
import uuid

from harness import ServerCase

JSON_PATCH = "application/json-patch+json"


def patient(value=None, **more):
    resource = dict({"resourceType": "Patient"}, **more)
    if value:
        resource["identifier"] = [{"system": "urn:w", "value": value}]
    return resource


def where(value):
    return f"identifier=urn:w|{value}"


def fresh():
    return str(uuid.uuid4())


def entry(method, url, resource=None, full_url=None, **request):
    row = {"request": dict({"method": method, "url": url}, **request)}
    if resource is not None:
        row["resource"] = resource
    if full_url:
        row["fullUrl"] = full_url
    return row


def bundle(kind, *entries):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def operation(kind, **parts):
    rows = [{"name": "type", "valueCode": kind}]
    for name, value in parts.items():
        key = {"path": "valueString", "name": "valueString", "index": "valueInteger"}.get(name)
        rows.append({"name": name, key: value} if key else dict({"name": name}, **value))
    return {"name": "operation", "part": rows}


def parameters(*operations):
    return {"resourceType": "Parameters", "parameter": list(operations)}


def crowd(works):
    """Runs all at the same moment; what each returns."""
    results = [None] * len(works)
    start = threading.Barrier(len(works))

    def work(number):
        start.wait()
        results[number] = works[number]()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class WithServer(ServerCase):
    def count(self, value):
        return self.client.get(f"Patient?{where(value)}&_summary=count").json()["total"]

    def make(self, value=None, **more):
        answer = self.client.post("Patient", patient(value, **more))
        self.assertEqual(answer.status, 201, answer.bytes)
        return answer.json()

    def send(self, kind, *entries, **headers):
        return self.client.post("", bundle(kind, *entries), **headers)

    def statuses(self, kind, *entries, **headers):
        answer = self.send(kind, *entries, **headers)
        self.assertEqual(answer.status, 200, answer.bytes)
        return [row["response"]["status"][:3] for row in answer.json()["entry"]]
