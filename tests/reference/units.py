"""Units of UCUM that are converted into each other: the kind, and what one of it is, exactly."""

from fractions import Fraction

PREFIXES = {"": 0, "k": 3, "M": 6, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "h": 2}
ATOMS = {"g": 1, "m": 1, "L": 1, "l": 1, "mol": 1, "eq": 1, "osm": 1, "U": 1, "J": 1, "Pa": 1,
         "kat": 60 * 10**6, "cal": Fraction("4.184"), "[IU]": 1, "[iU]": 1, "[lb_av]": Fraction("453.59237"),
         "[oz_av]": Fraction("28.349523125"), "[in_i]": Fraction("0.0254"),
         "[ft_i]": Fraction("0.3048"), "m[Hg]": Fraction("133322.387415"),
         "m[H2O]": Fraction("9806.65"), "s": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604800,
         "mo": 2629800, "a": 31557600, "%": Fraction(1, 100), "1": 1, "Hz": 1, "": 1,
         "{beats}": 1, "{breaths}": 1}
KINDS = """
m2 cm2 mm2
U/L U/l kU/L mU/L U/mL mU/mL ukat/L nkat/L
10*9/L 10*9/l 10*12/L 10*12/l 10*6/L 10*6/mL 10*3/mL 10*3/uL 10*6/uL /uL /mL /L
J kJ cal kcal
eq/L meq/L meq/l ueq/L meq/dL
L/min l/min mL/min ml/min L/s mL/s L/h mL/h
m dm cm mm um km [in_i] [ft_i]
g Mg kg mg ug ng pg [lb_av] [oz_av]
g/L g/l g/dL g/dl g/mL mg/L mg/l mg/dL mg/dl mg/mL mg/ml ug/L ug/l ug/dL ug/dl ug/mL ug/ml \
ng/L ng/l ng/dL ng/dl ng/mL ng/ml pg/mL pg/ml pg/dL
g/g g/kg mg/g mg/kg ug/mg ug/g ug/kg ng/mg
mol mmol umol nmol
mol/L mmol/L mmol/l umol/L umol/l nmol/L nmol/l pmol/L pmol/l mmol/dL umol/dL nmol/dL umol/mL nmol/mL pmol/mL
osm/kg mosm/kg
1 % L/L l/l
Pa hPa kPa mm[Hg] cm[H2O]
/min 1/min {beats}/min {breaths}/min /s Hz
s ms min h d wk mo a
[IU]/L [iU]/L k[IU]/L m[IU]/L m[iU]/L [IU]/mL k[IU]/mL m[IU]/mL u[IU]/mL
L l dL dl mL ml uL cm3
"""


def size_of(term):
    if term.startswith("10*"):
        return Fraction(10) ** int(term[3:])
    if term == "cm3":
        return Fraction(1, 1000)  # litres
    if term[-1:] == "2":
        return size_of(term[:-1]) ** 2
    if term in ATOMS:
        return Fraction(ATOMS[term])
    return Fraction(10) ** PREFIXES[term[0]] * ATOMS[term[1:]]


def size(unit):
    above, _, below = unit.partition("/")
    return size_of(above) / size_of(below)


SAME_KIND = {unit: (number, size(unit)) for number, kind in enumerate(KINDS.split("\n"))
             for unit in kind.split()}
