#!/usr/bin/env python3
"""Turns a file into the elements of a C array.

usage: embed_dictionary.py INPUT OUTPUT
"""

import pathlib
import sys

data = pathlib.Path(sys.argv[1]).read_bytes()
output = pathlib.Path(sys.argv[2])
output.parent.mkdir(parents=True, exist_ok=True)
output.write_text("".join(
    ",".join(map(str, data[i:i + 32])) + ",\n" for i in range(0, len(data), 32)))
