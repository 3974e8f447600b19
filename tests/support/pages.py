"""How is a page taken apart, which audits are hard on it, and what is there of every other kind of page?"""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd

from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from workbench_runs import SLIM, Outcome, audited, predictions_table, succeeded

LIMIT = 6_000_000
EKMAN = Taxonomy.named("ekman6")


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


def outcome_run(folder: Path) -> Outcome:
    """Audits an outcome without emotions into `folder/run`."""
    rng, n = np.random.default_rng(0), 600
    about = np.array(["woman", "man"])[rng.integers(2, size=n)]
    place = np.array(["home", "street"])[rng.integers(2, size=n)]
    table = pd.DataFrame({"image_id": np.arange(n).astype(str), "about": about, "place": place})
    table["valence"] = rng.normal(size=n) + (about == "woman")
    table.to_csv(folder / "texts.csv", index=False)
    words = ("--predictions", folder / "texts.csv", "--outcomes", "valence", "--resamples", 99, "--adjust-for", "place")
    return succeeded("audit", *words, "-o", folder / "run")


def comparison(folder: Path) -> Outcome:
    """Compares two audits into `folder/compared`."""
    for name, bias in (("first", 0.0), ("second", 0.5)):
        predictions_table(1_500, bias=bias, seed=1).to_csv(folder / f"{name}.csv", index=False)
        succeeded("audit", "--predictions", folder / f"{name}.csv", *SLIM, "-o", folder / name)
    return succeeded("compare", folder / "first", folder / "second", "-o", folder / "compared")


def planted_discovery():
    """What is found where a direction was planted, and its page."""
    from affect_workbench.analyses.discovery.config import DiscoveryConfig
    from affect_workbench.analyses.discovery.discover import discover
    from affect_workbench.data.synthetic.embeddings import planted_embeddings
    from affect_workbench.workbench.discovery.page import discovery_html

    planted = planted_embeddings("direction", n=4_000, seed=5, effect=0.8)
    found = discover(planted.features, planted.predictions, config=DiscoveryConfig(most=1, topics=4, components=16))
    return found, discovery_html(found, planted.rows, planted.predictions.predicted)


def overlap_page() -> str:
    """Of two pairs, one exact and one near."""
    from affect_workbench.analyses.duplicates.find import PictureSet, overlap
    from affect_workbench.workbench.datasets.overlap_page import overlap_html

    train = pd.DataFrame({"image_id": ["a", "b"], "content": ["1", "2"], "label": "joy", "split": "train"})
    other = pd.DataFrame({"image_id": ["c", "d"], "content": ["1", "9"], "label": "fear", "split": "test"})
    values = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    values[3] = values[1]
    return overlap_html(overlap(PictureSet(train, values[:2]), PictureSet(other, values[2:]), threshold=0.99))


def anchors_page() -> str:
    """Of six anchors that lie anyhow."""
    from affect_workbench.analyses.space.geometry.anchors import anchor_geometry
    from affect_workbench.workbench.models.anchors.page import anchors_html

    vectors = np.random.default_rng(1).normal(size=(6, 16))
    return anchors_html(anchor_geometry(vectors, EKMAN), what="six anchors", note="a note")


def evaluation_page() -> str:
    """Of two models on one dataset."""
    from affect_workbench.analyses.audit.accuracy import Confidence
    from affect_workbench.workbench.models.evaluation.page import evaluation_html
    from affect_workbench.workbench.models.evaluation.table import DatasetTable

    curve = pd.DataFrame(
        {"threshold": [0.9, 0.5], "coverage": [0.4, 1.0], "n": [80, 200], "accuracy": [0.95, 0.7], "low": 0.6, "high": 0.99}
    )
    bins = pd.DataFrame({"confidence": [0.6, 0.9], "accuracy": [0.5, 0.9], "low": 0.4, "high": 0.95, "n": [100, 100]})
    models = pd.DataFrame(
        {
            "model": ["metric projector", "logistic regression"],
            "kind": ["probe", "baseline"],
            "n": 200,
            "accuracy": [0.7, 0.65],
            "low": [0.63, 0.58],
            "high": [0.76, 0.71],
            "interval": "Wilson",
            **{f"recall_{label}": 0.5 for label in EKMAN.labels},
        }
    )
    confidence = Confidence("metric projector", 200, 0, bins, curve, 0.9, 0.9, 0.95)
    return evaluation_html(
        [DatasetTable("own", EKMAN, "split test", models, ("leakage: a note",), confidence, ("A sentence.",))]
    )


def bench_page() -> str:
    """Of a line of every verdict."""
    from affect_workbench.analyses.benchmark.results import CHANCE, FAIL, OPEN, PASS, Row
    from affect_workbench.workbench.benchmark.report import bench_html

    rows = [
        Row("gate", f"what is tried, {verdict}", 0.5, 0.4, 0.6, bar="≤ 0.1", verdict=verdict, others={"Fairlearn": 0.7})
        for verdict in (PASS, CHANCE, FAIL, OPEN)
    ]
    about = {"date": "today", "quick": True, "seed": 0, "machine": "one", "peers": {"Fairlearn": "1"}, "command": "bench"}
    return bench_html(rows, about)
