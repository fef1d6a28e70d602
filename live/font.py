"""The book's font for formulas: Noto Sans Math, cut down to the signs that the book may use."""

import shutil
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

PACKAGE = "node_modules/@fontsource/noto-sans-math"
NAME = "noto-sans-math.woff2"

# Latin, Greek, arrows, operators, fences, and the italic, blackboard and Greek alphabets of mathematics.
SIGNS = """
20-7e a0 ac b1 b7 d7 f7 2c6 302-304 307-308 391-3a1 3a3-3a9 3b1-3c9 3d1 3d5-3d6 2016 2026 2032-2034 20d7 2102
210d-210e 2115 211d 2124 2190-2194 21a6 21d0-21d4 2200-220d 220f 2211-2212 2215-221e 2220 2223-222b 2234
223c-223d 2243 2245 2248 224c 2260-2265 2282-2287 2295-2299 22a4-22a5 22c5 22cd 22ee-22f1 2308-230b 23de-23df
27e8-27e9 27fc 29a3 29b8 29f5 2a7d-2a7e 2aee 1d400-1d454 1d456-1d467 1d538-1d539 1d53b-1d53e 1d540-1d544 1d546
1d54a-1d550 1d552-1d56b 1d6a8-1d71b
"""


def write_font(cache: Path, folder: Path) -> None:
    """Write the font and its licence into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    font = TTFont(cache / PACKAGE / "files/noto-sans-math-latin-400-normal.woff2", recalcTimestamp=False)
    # Glyphs of other sizes, and what growing brackets are put together from, come with the signs that need them.
    subsetter = subset.Subsetter(subset.Options(layout_features=["*"], notdef_outline=True, hinting=False))
    subsetter.populate(unicodes=_code_points())
    subsetter.subset(font)
    font.flavor = "woff2"
    font.save(folder / NAME)
    shutil.copyfile(cache / PACKAGE / "LICENSE", folder / "OFL.txt")


def _code_points() -> list[int]:
    spans = [[int(end, 16) for end in span.split("-")] for span in SIGNS.split()]
    return [code for span in spans for code in range(span[0], span[-1] + 1)]
