"""Does every page and every command say what was agreed? Their wording, with numbers masked, is in `tests/assets/golden`.

After a deliberate change of wording:

    python -m pytest tests/workbench/interface/test_golden.py --update-golden

and review the difference of the text files as you would review the change of any other text.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.accuracy import Confidence
from affect_workbench.analyses.benchmark.results import CHANCE, FAIL, OPEN, PASS, Row
from affect_workbench.analyses.discovery.config import DiscoveryConfig
from affect_workbench.analyses.discovery.discover import discover
from affect_workbench.analyses.duplicates.find import PictureSet, overlap
from affect_workbench.analyses.space.geometry.anchors import anchor_geometry
from affect_workbench.data.synthetic.embeddings import planted_embeddings
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.__main__ import COMMANDS
from affect_workbench.workbench.benchmark.report import bench_html
from affect_workbench.workbench.datasets.overlap_page import overlap_html
from affect_workbench.workbench.discovery.page import discovery_html
from affect_workbench.workbench.discovery.sentences import terminal_lines
from affect_workbench.workbench.interface.options import flag_of, options
from affect_workbench.workbench.models.anchors.page import anchors_html
from affect_workbench.workbench.models.evaluation.page import evaluation_html
from affect_workbench.workbench.models.evaluation.table import DatasetTable
from golden import assert_golden, masked, page_text
from workbench_runs import SLIM, predictions_table, succeeded

EKMAN = Taxonomy.named("ekman6")


@pytest.fixture
def golden(request, tmp_path):
    """Compares a text with the golden file of that name, or with `--update-golden` writes it."""
    update = request.config.getoption("--update-golden")
    return lambda name, text: assert_golden(name, masked(text, folder=tmp_path), update=update)


def page_of(path):
    return page_text(path.read_text(encoding="utf-8"))


def test_help_of_every_command(request):
    """Of the fields, not of argparse, which lays it out differently in every version of Python."""
    lines = []
    for command, kind in COMMANDS.items():
        lines += [command, " ".join((kind.__doc__ or "").split())]
        lines += [f"  {flag_of(item)}: {item.metadata['help']}" for item in options(kind).values()]
    assert_golden("help", lines, update=request.config.getoption("--update-golden"))


def test_an_audit_and_its_report(golden, tmp_path):
    table = predictions_table(1_200, bias=0.6)
    dark = (table["tone"] == "dark").to_numpy()
    noise = np.random.default_rng(3).normal(size=len(table))
    table.assign(brightness=noise - dark).to_csv(tmp_path / "table.csv", index=False)
    asked = ("--adjust-for", "place", "--favourable", "joy", "--outcomes", "brightness", "--resamples", 99)
    words = ("--predictions", tmp_path / "table.csv", "--map-pictures", 0, *asked, "-o", tmp_path / "run")
    printed = succeeded("audit", *words, "--fail-on", "accuracy:0.9").out
    golden("audit-printed", printed + succeeded("permutation-check", tmp_path / "run", "--permutations", 10).out)
    golden("report", page_of(tmp_path / "run" / "report.html"))


def test_an_audit_of_outcomes_alone(golden, tmp_path):
    rng, n = np.random.default_rng(0), 600
    about = np.array(["woman", "man"])[rng.integers(2, size=n)]
    place = np.array(["home", "street"])[rng.integers(2, size=n)]
    table = pd.DataFrame({"image_id": np.arange(n).astype(str), "about": about, "place": place})
    table["valence"] = rng.normal(size=n) + (about == "woman")
    table.to_csv(tmp_path / "texts.csv", index=False)
    words = ("--predictions", tmp_path / "texts.csv", "--outcomes", "valence", "--resamples", 99, "--adjust-for", "place")
    golden("outcome-audit-printed", succeeded("audit", *words, "-o", tmp_path / "run").out)
    golden("outcome-report", page_of(tmp_path / "run" / "report.html"))


def test_a_comparison(golden, tmp_path):
    for name, bias in (("first", 0.0), ("second", 0.5)):
        predictions_table(1_500, bias=bias, seed=1).to_csv(tmp_path / f"{name}.csv", index=False)
        succeeded("audit", "--predictions", tmp_path / f"{name}.csv", *SLIM, "-o", tmp_path / name)
    printed = succeeded("compare", tmp_path / "first", tmp_path / "second", "-o", tmp_path / "compared").out
    golden("compare-printed", printed)
    golden("compare", page_of(tmp_path / "compared" / "compare.html"))


def test_a_discovery(golden):
    planted = planted_embeddings("direction", n=4_000, seed=5, effect=0.8)
    found = discover(planted.features, planted.predictions, config=DiscoveryConfig(most=1, topics=4, components=16))
    page = discovery_html(found, planted.rows, planted.predictions.predicted)
    golden("discovery", "\n".join((*terminal_lines(found), page_text(page))))


def test_an_overlap(golden):
    train = pd.DataFrame({"image_id": ["a", "b"], "content": ["1", "2"], "label": "joy", "split": "train"})
    other = pd.DataFrame({"image_id": ["c", "d"], "content": ["1", "9"], "label": "fear", "split": "test"})
    values = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    values[3] = values[1]
    found = overlap(PictureSet(train, values[:2]), PictureSet(other, values[2:]), threshold=0.99)
    golden("overlap", page_text(overlap_html(found)))


def test_anchors(golden):
    vectors = np.random.default_rng(1).normal(size=(6, 16))
    golden("anchors", page_text(anchors_html(anchor_geometry(vectors, EKMAN), what="six anchors", note="a note")))


def test_an_evaluation(golden):
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
    table = DatasetTable("own", EKMAN, "split test", models, ("leakage: a note",), confidence, ("A sentence.",))
    golden("evaluation", page_text(evaluation_html([table])))


def test_a_benchmark(golden):
    rows = [
        Row("gate", f"what is tried, {verdict}", 0.5, 0.4, 0.6, bar="≤ 0.1", verdict=verdict, others={"Fairlearn": 0.7})
        for verdict in (PASS, CHANCE, FAIL, OPEN)
    ]
    about = {"date": "today", "quick": True, "seed": 0, "machine": "one", "peers": {"Fairlearn": "1"}, "command": "bench"}
    golden("bench", page_text(bench_html(rows, about)))
