"""How is the wording of a page kept under review? As plain text in `tests/assets/golden`, with every number masked.

A page is compared as its reader sees it: headings, sentences, list items, headers and the first rows of each table. Numbers,
dates and paths are masked, so that another machine, library version or folder changes nothing.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "assets" / "golden"
FEWEST_ROWS = 2
"""Rows of each table that are kept: headers and cells are under review, not the data."""
_LINES = frozenset(
    (
        *("article", "caption", "details", "div", "figcaption", "figure", "form", "h1", "h2", "h3", "header", "li", "main"),
        *(
            "nav",
            "ol",
            "p",
            "section",
            "summary",
            "table",
            "tbody",
            "thead",
            "tr",
            "ul",
            "title",
            "option",
            "label",
            "button",
        ),
    )
)
"""Elements that stand on lines of their own."""
_MASKS = (
    (re.compile(r"\d{4}-\d\d-\d\d(?:[T ][\d:]+(?:\+[\d:]+)?)?"), "DATE"),
    (re.compile(r"\b([qp]) (?:[<>=≤]) ?\d(?:[\d.e-]*\d)?"), r"\1 #"),
    (re.compile(r"\bpicture-\d+"), "PICTURE"),
    (re.compile(r"(?<![A-Za-z.])[+−-]?\d(?:[\d,.]*\d)?(?:e[+-]?\d+)?"), "#"),
)
"""Patterns of what varies, and what is written instead."""


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._skipped = 0
        self._rows = 0

    @property
    def _hidden(self) -> bool:
        return bool(self._skipped) or self._rows > FEWEST_ROWS

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self._skipped += 1
        if tag == "tbody":
            self._rows = 0
        self._rows += tag == "tr"
        if tag in _LINES:
            self.parts.append("\n")
        elif tag in ("td", "th") and not self._hidden:
            self.parts.append(" | ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._skipped -= 1
        if tag in ("thead", "tbody"):
            self._rows = 0
        if tag in _LINES:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data.replace("\n", " "))


def page_text(page: str) -> str:
    """What a reader of a page sees, a line a block."""
    parser = _Text()
    parser.feed(page)
    parser.close()
    return "".join(parser.parts)


def masked(text: str, *, folder: Path | None = None) -> list[str]:
    """The lines of a text with numbers, dates and pictures masked and the folder as `FOLDER`.

    Blank lines are left out, and of several pictures in a row, or lines that then are the same, all but the first.
    """
    text = text if folder is None else text.replace(str(folder), "FOLDER")
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    kept: list[str] = []
    for line in lines:
        same = kept and (line == kept[-1] or (line.startswith("PICTURE") and kept[-1].startswith("PICTURE")))
        if line.strip(" |") and not same:
            kept.append(line)
    return kept


def assert_golden(name: str, lines: list[str], *, update: bool) -> None:
    """Compares lines with those of `tests/assets/golden/NAME.txt`, or writes them there."""
    file = GOLDEN / f"{name}.txt"
    if update:
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    assert file.is_file(), f"{file} is missing: run this test with --update-golden"
    assert lines == file.read_text(encoding="utf-8").splitlines(), f"{file.name} differs; see --update-golden"
