"""_text and _content: resources by their words, which PostgreSQL's text search finds.

Where it was so chosen, after all ways of writing, in each place of a search, by languages, and at the
limits of what an index of words can hold.
"""

import json
import os
import unittest
import urllib.parse

from harness import run
from index_harness import Indexing


def told(number, narrative, text, **more):
    return {"resourceType": "Condition", "id": f"c{number}",
            "subject": {"reference": f"Patient/p{number}"}, "code": {"text": text},
            "text": {"status": "generated", "div":
                     f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{narrative}</p></div>'}, **more}


def condition(number, text, **more):
    return {"resourceType": "Condition", "id": f"c{number}", "code": {"text": text},
            "subject": {"reference": f"Patient/p{number}"}, **more}


class Words(Indexing):
    def index(self, *choices):
        """Whatever was chosen before, and all that is stored."""
        self.choose(*choices)
        self.reindex()

    def reindex(self):
        done = run("reindex", "--data", os.path.join(self.folder, "data"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.soon(lambda: "not indexed yet" not in self.choose())

    def found(self, search, value):
        return self.ids(search + urllib.parse.quote(value))

    def assert_words(self, code, value, found):
        """Of Conditions, by the last letters of their ids; None: refused."""
        search = f"Condition?{code}=" + urllib.parse.quote(value)
        answer = self.client.get(search)
        if found is None:
            self.assertEqual(answer.status, 400, (value, answer.bytes))
        else:
            self.assertEqual(self.ids(search), [f"c{n}" for n in found], value)

    def rows(self):
        return int(self.sql("select count(*) from f_condition_words"))

    def test_resources_are_found_by_their_words_where_it_was_so_chosen(self):
        self.store(told(1, "Bone pain, with <b>metastases</b>", "Osteosarcoma"),
                   told(2, "Liver; no metas&#116;ases &amp; no pain", "Caf\u00e9-au-lait"),
                   told(3, "Metastases of the liver", "Pain in bone"))
        self.assertTrue(self.refused("Condition?_text=bone", b"isthmus index text=Condition"))
        self.assertTrue(self.refused("Condition?_content=bone", b"isthmus index content=Condition"))
        self.assertNotIn("_text", self.offered("Condition"))
        self.choose("text=Condition", "content=Condition,Patient")
        self.known("Condition?_text=bone")
        self.store(told(4, "bone", "liver"))
        self.finish(self.begin())
        self.whole("Condition?_text=bone")
        self.whole("Condition?_content=bone")
        self.soon(lambda: "_text" in self.offered("Condition"))
        for value, found in (
                ("bone", "14"), ("BONE or liver", "1234"), ("bone,liver", "1234"),
                ("(bone OR liver) and metastases", "123"), ("bone pain", "1"), ("pain", "12"),
                ("liver not pain", "3"), ('not "pain bone"', "1234"),
                ('not (liver and not "no pain")', "124"), ("not liver", "14"), ('"bone pain"', "1"),
                ('"pain bone"', ""), ("metas", ""), ("no pain", "2"), ('"no pain"', "2"),
                ("p", ""), ("osteosarcoma", ""), ("(bone", None), ('"bone', None)):
            self.assert_words("_text", value, found)
        for value, found in (("bone", "134"), ("cafe", "2"), ("cafe-au-lait", "2"),
                             ("lait-cafe", ""), ("generated", "1234"), ("c3", "3"),
                             ('"in bone"', "3"), ("osteosarcoma or p2", "12")):
            self.assert_words("_content", value, found)
        for value, found in (("metas*", "123"), ("not metas*", "4"), ("*", None), ('"bone p*"', "1"),
                             ('"bone* pain"', "1"), ("li* not me*", "")):
            self.assert_words("_text", value, found)
        self.assertEqual(self.ids("Condition?_text=bone&_content=liver"), ["c4"])
        self.store(told(1, "Nothing", "Osteosarcoma"))
        self.assertEqual(self.ids("Condition?_text=bone"), ["c4"])
        self.assertEqual(self.client.get("Condition?_text:exact=bone").status, 400)
        self.assertEqual(self.client.get("Condition?_sort=_text").status, 400)
        self.assertTrue(self.refused("Patient?_text=bone", b"isthmus index text=Patient"))
        self.choose("text=none")
        self.soon(lambda: self.client.get("Condition?_text=bone").status == 400)
        self.assertEqual(self.ids("Condition?_content=bone"), ["c3", "c4"])
        self.soon(lambda: self.rows() == 4) # those of their narratives are gone

    def test_words_follow_every_way_of_writing(self):
        self.index("content=Condition,Observation")
        self.whole("Condition?_content=x")
        self.store(condition(1, "alpha"), condition(2, "alpha beta"))
        self.assert_words("_content", "alpha", "12")
        self.store(condition(1, "beta"), condition(2, "alpha beta", recordedDate="2020"))
        self.assert_words("_content", "alpha", "2")
        self.assert_words("_content", "beta 2020", "2")
        self.assert_words("_content", "beta", "12")

        patch = [{"op": "replace", "path": "/code/text", "value": "gamma"}]
        answer = self.client.request("PATCH", "Condition/c1", json.dumps(patch).encode(),
                                     {"Content-Type": "application/json-patch+json"})
        self.assertEqual(answer.status, 200, answer.bytes)
        self.assert_words("_content", "gamma", "1")
        self.assert_words("_content", "beta", "2")

        made = dict(condition(3, "delta"), identifier=[{"system": "urn:x", "value": "three"}])
        for _ in range(2):
            answer = self.client.post("Condition", made,
                                      **{"If-None-Exist": "identifier=urn:x|three"})
            self.assertIn(answer.status, (200, 201), answer.bytes)
        self.assertEqual(len(self.found("Condition?_content=", "delta")), 1)

        for kind in ("transaction", "batch"):
            entries = [{"resource": condition(n, f"{kind} {n}"),
                        "request": {"method": "PUT", "url": f"Condition/c{n}"}}
                       for n in (4, 5, 6)]
            entries.append({"resource": {"resourceType": "Observation", "id": f"o-{kind}",
                                         "status": "final", "code": {"text": kind}},
                            "request": {"method": "PUT", "url": f"Observation/o-{kind}"}})
            entries.append({"request": {"method": "DELETE", "url": "Condition/c1"}})
            bundle = {"resourceType": "Bundle", "type": kind, "entry": entries}
            self.assertEqual(self.client.post("", bundle).status, 200)
            self.assert_words("_content", kind, "456")
            self.assert_words("_content", f'"{kind} 5"', "5")
            self.assertEqual(self.found("Observation?_content=", kind), [f"o-{kind}"])
        self.assert_words("_content", "transaction or gamma", "")
        self.assertEqual(self.rows(), 5)

        path = os.path.join(self.folder, "more.ndjson")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(condition(n, "loaded")) + "\n" for n in (6, 7, 8))
        done = run("load", "--base", self.server.base, "--journal", "", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_words("_content", "loaded", "678")
        self.assert_words("_content", "batch", "45")

        done = run("purge", "Condition/c7", "--reason", "asked for", "--data",
                   os.path.join(self.folder, "data"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.client.delete("Condition/c8").status, 204)
        self.assert_words("_content", "loaded", "6")
        self.assertEqual(self.rows(), 5)
        self.store(condition(8, "again"))
        self.assert_words("_content", "again", "8")

    def test_words_stand_in_every_place_of_a_search(self):
        told = [condition(n, f"alpha {'even' if n % 2 == 0 else 'odd'} n{n}",
                          onsetDateTime=f"2020-01-{n + 1:02}") for n in range(8)]
        medication = {"resourceType": "Medication", "id": "m", "code": {"text": "inner"}}
        request = {"resourceType": "MedicationRequest", "id": "r", "status": "active",
                   "intent": "order", "subject": {"reference": "Patient/p1"},
                   "contained": [medication], "medicationReference": {"reference": "#m"}}
        self.store(*({"resourceType": "Patient", "id": f"p{n}", "name": [{"family": f"fam{n}"}]}
                     for n in range(8)), *told, request)
        self.index("content=all")
        for search, found in (
                ("Condition?_content=even&patient=p2", "c2"),
                ("Condition?_content=even&patient=p1", ""),
                ("Condition?_content=not+even&patient=p1", "c1"),
                ("Condition?_content=even&_content=n4", "c4"),
                ("Condition?_content=n4,n5", "c4 c5"),
                ("Condition?patient._content=fam3", "c3"),
                ("Condition?patient._content=fam*&_content=n6", "c6"),
                ("Patient?_has:Condition:patient:_content=n5", "p5"),
                ("Patient?_has:Condition:patient:_content=even+not+n4", "p0 p2 p6"),
                ("?_type=Patient,Condition&_content=p3", "c3 p3"),
                ("Patient/p3/Condition?_content=alpha", "c3"),
                ("MedicationRequest?medication._content=inner", "r"),
                ("Medication?_contained=true&_content=inner", "r"),
                ("Medication?_content=inner", ""),
                ("MedicationRequest?_content=inner", "r")):
            self.assertEqual(" ".join(self.ids(search)), found, search)
        answer = self.client.get("Condition?_content=alpha+not+n4&_sort=-onset-date&_count=3"
                                 "&_total=accurate").json()
        self.assertEqual([entry["resource"]["id"] for entry in answer["entry"]], ["c7", "c6", "c5"])
        self.assertEqual(answer["total"], 7)
        self.assertEqual(self.client.get("Condition?_content=not+even&_summary=count").json()["total"],
                         4)
        self.assertEqual(self.ids("Condition?_content=alpha&_sort=-_lastUpdated&_count=3"),
                         [f"c{n}" for n in range(8)])
        self.store(dict(request, contained=[dict(medication, code={"text": "other"})]))
        self.assertEqual(self.ids("MedicationRequest?medication._content=inner"), [])
        self.assertEqual(self.sql("select count(*) from f_contained_words"), "1")
        self.assertEqual(self.client.delete("MedicationRequest/r").status, 204)
        self.assertEqual(self.sql("select count(*) from f_contained_words"), "0")

    def test_words_decide_nothing_that_is_looked_at_by_itself(self):
        self.index("content=Condition")
        self.whole("Condition?_content=x")
        self.store(condition(1, "alpha"))
        answer = self.client.post("Condition", condition(2, "beta"),
                                  **{"If-None-Exist": "_content=alpha"})
        self.assertEqual(answer.status, 400, answer.bytes)
        self.assertEqual(self.client.delete("Condition?_content=alpha").status, 400)
        self.assert_words("_content", "alpha", "1")

    def test_a_language_says_what_counts_as_the_same_word(self):
        wrong = run("index", "content=Condition", "language=klingon", "--data",
                    os.path.join(self.folder, "data"))
        self.assertNotEqual(wrong.returncode, 0)
        self.assertIn("english", wrong.stderr)
        self.assertIn("content=none", self.choose())
        self.store(condition(1, "the metastases of bones"), condition(2, "Haus"),
                   condition(3, "H\u00e4user am See"), condition(4, "Hauses"))
        self.index("content=Condition")
        self.whole("Condition?_content=x")
        self.assert_words("_content", "metastase", "")
        self.assert_words("_content", "haus", "2")
        self.assert_words("_content", "hauser", "3")
        self.assertIn("language=english", self.choose("language=english"))
        self.known("Condition?_content=x")
        self.store(condition(5, "bone"))
        self.reindex()
        self.whole("Condition?_content=x")
        for value, found in (("metastase", "1"), ("bone", "15"), ("BONES", "15"), ("the", ""),
                             ("the bone", "15"), ('"metastases of the bone"', ""),
                             ('"metastases of bones"', "1"), ("not bones", "234"), ("metasta*", "1")):
            self.assert_words("_content", value, found)
        self.index("language=german")
        self.whole("Condition?_content=x")
        self.assert_words("_content", "haus", "234")
        self.assert_words("_content", "h\u00e4user", "234")
        self.soon(lambda: self.rows() == 5) # of two languages before there is nothing left

    def test_beyond_what_an_index_of_words_holds_what_fits_is_found(self):
        self.index("content=Condition")
        self.whole("Condition?_content=x")
        many = " ".join(f"w{n}" for n in range(20000))
        self.store(condition(1, "before " + "x" * 3000 + " behind"),
                   condition(2, "first second " + many + " third fourth"),
                   condition(3, "early " + "filling " * 33000 + "late"),
                   condition(4, "one two " * 1000 + "three four"))
        for value, found in (
                ("before behind", "1"), ('"before behind"', ""),  # between them is what was left out
                ("x" * 2000, ""), ("x" * 2001, None),
                ("w19999", "2"), ('"first second"', "2"), ('"w7 w8"', "2"),
                ("third fourth", "2"), ('"third fourth"', ""),    # phrases: 16,383 words
                ("early", "3"), ("filling", "3"), ("late", ""),   # 256 KiB of words
                ('"two one"', "4"), ('"three four"', "4"),
                ('"two three"', "")):                             # 256 places of a word
            self.assert_words("_content", value, found)
        self.assertEqual(self.client.get("Condition/c3").status, 200)


if __name__ == "__main__":
    unittest.main()
