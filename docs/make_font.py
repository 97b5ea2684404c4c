"""Make the font of the figures: matplotlib's DejaVu Sans, the signs that figures need.

Run it as ``python docs/make_font.py``; it writes ``ssnbench/plots/fonts``.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from fontTools.subset import Options, Subsetter, load_font, save_font

FOLDER = Path(__file__).parents[1] / "ssnbench" / "plots" / "fonts"
_NAMES = {  # family, full name, PostScript name
    1: "DejaVu Sans for figures",
    4: "DejaVu Sans for figures",
    6: "DejaVuSansForFigures",
}
_SIGNS = (
    *range(0x20, 0x180),  # Latin
    *range(0x370, 0x400),  # Greek
    *range(0x2010, 0x2040),  # dashes, quotes, daggers
    *range(0x2190, 0x2200),  # arrows
    *range(0x2200, 0x2270),  # mathematics
)


def main() -> None:
    """Write the font and its licence."""
    source = Path(mpl.get_data_path()) / "fonts" / "ttf"
    options = Options(layout_features=["kern"], hinting=True)
    font = load_font(source / "DejaVuSans.ttf", options)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=_SIGNS)
    subsetter.subset(font)
    for record in font["name"].names:
        if record.nameID in _NAMES:
            record.string = _NAMES[record.nameID]
    FOLDER.mkdir(exist_ok=True)
    save_font(font, FOLDER / f"{_NAMES[6]}.ttf", options)
    (FOLDER / "LICENSE_DEJAVU").write_bytes((source / "LICENSE_DEJAVU").read_bytes())


if __name__ == "__main__":
    main()
