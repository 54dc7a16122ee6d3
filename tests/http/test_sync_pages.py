"""Pages that are too large, or broken: one resource dies of that, by name, and all others come."""

import unittest

import sync_case
from sync_state import account, pulled, shape, sql, states


class Pages(sync_case.Case):
    def pull(self, name, spec, types, mode="search", **changes):
        made = pulled(name, self.rogue.base(spec), types, **changes)
        made["limits"]["pageBytes"] = 1 << 20
        if mode == "history":
            made["modes"] = {"history": {"pageSize": 20, "types": types}}
        self.exchange.add(made)
        self.exchange.once("--partner", name)
        return account(self.exchange, name)

    def dead(self, name):
        """(type, id, class, rule, number) of each dead letter."""
        return [tuple(line.split("|")) for line in sql(
            self.exchange, "select d.type, d.id, d.class, d.rule, d.number from f_dead d join"
            f" f_partner p on p.number = d.partner where p.name = '{name}'").splitlines()]

    def check(self, name, spec, types, missing):
        """Everything of these types has come but what is missing."""
        state = states(self.exchange).get(self.rogue.base(spec), {})
        for row in self.rogue.expect(spec)["resources"]:
            key = row["type"], row["id"]
            if row["type"] not in types or key in missing or row["outcome"] == "dead":
                self.assertNotIn(key, state)
            else:
                self.assertEqual(shape(state[key]), row["shape"], key)
        self.assertEqual({dead[:2] for dead in self.dead(name)}, missing)

    def check_one_too_large(self, name, spec, mode="search"):
        books = self.pull(name, spec, ["Binary"], mode)
        self.assertEqual((books["balanced"], books["incompleteWindows"]), (True, []))
        self.check(name, spec, ["Binary"], {("Binary", "w07-huge")})
        [dead] = self.dead(name)
        self.assertEqual(dead[2], "too_large")
        self.assertIn("1048576 bytes", dead[3])
        shown = self.exchange.isthmus("sync", "dead", "show", name, dead[4]).stdout
        self.assertIn('"w07-huge"', shown)

    def test_what_is_too_large_dies_alone_among_others(self):
        self.check_one_too_large("large", "W-07:mb=3")

    def test_in_a_history_too(self):
        self.check_one_too_large("told", "W-07:mb=3;at=0", "history")

    def test_at_the_beginning_and_at_the_end(self):
        self.check_one_too_large("first", "W-07:mb=3;at=0")
        self.check_one_too_large("last", "W-07:mb=3;at=40")

    def test_when_it_comes_again_it_is_no_other_dead_letter(self):
        self.check_one_too_large("again", "W-07:mb=3;at=20")
        asked = self.requests("W-07:mb=3;at=20")
        self.exchange.once("--partner", "again")
        self.assertEqual(len(self.dead("again")), 1)
        self.assertLess(self.requests("W-07:mb=3;at=20") - asked, 40)

    def requests(self, spec):
        state = self.rogue.ask("/control/state")
        return sum(state["statuses"].get(f"/fault/{spec}/fhir", {}).values())

    def test_pages_are_of_full_size_again_behind_it(self):
        self.check_one_too_large("wide", "W-07:mb=3;small=400")
        # 20 pages of 20, the way down to one and back, and the half page before it
        self.assertLess(self.requests("W-07:mb=3;small=400"), 20 + 16)

    def test_where_count_is_not_honoured_the_window_says_so(self):
        for at in (0, 7):
            spec = f"W-07:mb=3;at={at},W-22:form=count"
            books = self.pull(f"counts{at}", spec, ["Binary"])
            self.assertTrue(books["balanced"])
            [window] = books["incompleteWindows"]
            self.assertIn("_count is not honoured", window["reason"])
            self.assertIn("1048576 bytes", window["reason"])

    def test_broken_json_is_cut_out_of_its_page(self):
        books = self.pull("cut", "W-43:form=json+quote", ["Patient"])
        self.assertEqual((books["balanced"], books["incompleteWindows"]), (True, []))
        self.check("cut", "W-43:form=json+quote", ["Patient"], {("Patient", "w43-bad")})
        self.assertEqual(len(self.dead("cut")), 2)
        for dead in self.dead("cut"):
            self.assertEqual(dead[2], "parse")
            shown = self.exchange.isthmus("sync", "dead", "show", "cut", dead[4]).stdout
            self.assertIn("w43-bad", shown)

    def test_what_cannot_be_cut_out_is_alone_in_a_small_page(self):
        books = self.pull("alone", "W-43:form=bundle", ["Patient"])
        self.assertEqual((books["balanced"], books["incompleteWindows"]), (True, []))
        state = states(self.exchange)[self.rogue.base("W-43:form=bundle")]
        self.assertIn(("Patient", "w43-before"), state)
        self.assertIn(("Patient", "w43-after"), state)
        self.assertNotIn(("Patient", "w43-in"), state)
        [dead] = self.dead("alone")
        self.assertEqual(dead[:3], ("Bundle", "w43-bad", "parse"))


if __name__ == "__main__":
    unittest.main()
