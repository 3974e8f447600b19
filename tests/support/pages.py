"""How is a page taken apart, and which audits are hard on it?"""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np

from workbench_runs import audited, predictions_table

LIMIT = 6_000_000


class Page(HTMLParser):
    """A page as a browser takes it apart: elements with their attributes, texts outside scripts, script bodies."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self._inside: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.words.append(data)
        elif self._inside[-1] == "script":
            self.scripts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def having(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def nasty_big_result():
    """25 labels, 4,000 rows, ids of 200 characters, eight attributes with up to 40 values of some length."""
    labels = tuple(f"a rather long name of feeling {number:02d}" for number in range(25))
    attributes = {
        f"attribute number {number}": tuple(
            f"value {value:02d} of attribute {number}, spelt out" for value in range(5 * number)
        )
        for number in range(1, 9)
    }
    table = predictions_table(4_000, labels=labels, attributes=attributes, bias=0.9)
    table["image_id"] = [f"{number:06d}-" + "é<&" * 64 for number in range(4_000)]
    return placed(audited(table))


def placed(result):
    """The audit with every picture somewhere on a map, without waiting for one to be computed."""
    places = np.random.default_rng(0).normal(size=(len(result.samples), 2))
    record = {"method": "umap", "space": "scores", "trustworthiness": 0.9, "pictures": len(result.samples), "anchors": []}
    samples = result.samples.assign(audit_x=places[:, 0], audit_y=places[:, 1])
    return replace(result, samples=samples, run=replace(result.run, map=record))
