#!/usr/bin/env python3
"""Prints the table by which base/text.c folds letters: one row of UTF-8 bytes
per code point, for each range of letters that search treats as Latin, Greek
or Cyrillic. Derived from the Unicode data that come with Python; decomposition
and case of assigned letters never change between versions of Unicode."""

import unicodedata

RANGES = [("latin", 0x00A0, 0x0250), ("greek", 0x0370, 0x0530), ("extended", 0x1E00, 0x2000),
          ("ligatures", 0xFB00, 0xFB07), ("wide", 0xFF01, 0xFF5F)]

# Letters that Unicode does not decompose, but which people type without.
PLAIN = {
    "ß": "ss", "ẞ": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th",
    "ħ": "h", "ı": "i", "ĸ": "k", "ŋ": "n", "ŧ": "t", "ƀ": "b", "ƒ": "f", "ɨ": "i", "ƚ": "l",
    "ƶ": "z", "ǝ": "e", "ə": "e", "ς": "σ", "ª": "a", "º": "o", "¹": "1", "²": "2", "³": "3",
    "ſ": "s", "ⱥ": "a", "ⱦ": "t", "\u00ad": "",
}

# Digraphs, ligatures, wide forms and the micro sign, which Unicode takes apart only in its
# compatibility form; for most other characters that form goes too far.
COMPATIBLE = {0xB5, 0x132, 0x133, *range(0x1C4, 0x1CD), *range(0x1F1, 0x1F4),
              *range(0xFB00, 0xFB07), *range(0xFF01, 0xFF5F)}


def fold(code):
    """The letters that stand for one: lower case, without marks; a space for
    punctuation and symbols."""
    form = "NFKD" if code in COMPATIBLE else "NFD"
    text = unicodedata.normalize(form, chr(code)).lower()
    result = ""
    for letter in unicodedata.normalize("NFD", text):
        if letter in PLAIN:
            result += PLAIN[letter]
        elif unicodedata.combining(letter) or 0x300 <= ord(letter) <= 0x36F:
            continue
        elif unicodedata.category(letter)[0] in "PSZ" or 0x2B9 <= ord(letter) <= 0x2DF:
            result += " "
        else:
            result += letter
    return result


for name, first, last in RANGES:
    print(f"/* U+{first:04X} to U+{last - 1:04X} */")
    print(f"static const char fold_{name}[][4] = {{")
    for code in range(first, last):
        folded = fold(code).encode()
        assert len(folded) <= 3 and len(folded) <= len(chr(code).encode()), hex(code)
        row = "".join(f"\\x{byte:02x}" for byte in folded)
        print(f'    "{row}",')
    print("};")
