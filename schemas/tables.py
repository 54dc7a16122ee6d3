"""C spellings for generated tables."""

NOBODY = 0xFFFF  # an empty slot


def quoted(text):
    """A C string literal, or NULL for an empty text."""
    if not text:
        return "NULL"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def hash_of(name):
    """FNV-1a with 32 bits, as fhir/type.c computes it."""
    value = 0x811C9DC5
    for byte in name.encode("utf-8"):
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value ^ value >> 15


def slots(names):
    """An open-addressed hash table: slot -> position in `names`. Its size is a
    power of two, at most half of it used."""
    size = 1
    while size < 2 * len(names):
        size *= 2
    table = [NOBODY] * size
    for position, name in enumerate(names):
        slot = hash_of(name) % size
        while table[slot] != NOBODY:
            slot = (slot + 1) % size
        table[slot] = position
    return [" ".join(f"{entry}," for entry in table[i:i + 16]) for i in range(0, size, 16)]


class Lists:
    """NULL-ended lists of strings, laid end to end in one array; equal lists once."""

    def __init__(self):
        self.lines = []
        self.size = 0
        self.starts = {}

    def place(self, names):
        """Where the list begins, or None for an empty one."""
        key = tuple(names)
        if not key:
            return None
        if key not in self.starts:
            self.starts[key] = self.size
            self.size += len(key) + 1
            self.lines.append(", ".join(quoted(name) for name in key) + ", NULL,")
        return self.starts[key]
