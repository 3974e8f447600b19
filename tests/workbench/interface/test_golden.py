"""Does every page and every command say what was agreed? Their wording, with numbers masked, is in `tests/assets/golden`.

After a deliberate change of wording:

    python -m pytest tests/workbench/interface/test_golden.py --update-golden

and review the difference of the text files as you would review the change of any other text.
"""

from __future__ import annotations

import numpy as np
import pytest

from affect_workbench.workbench.__main__ import COMMANDS
from affect_workbench.workbench.discovery.sentences import terminal_lines
from affect_workbench.workbench.interface.options import flag_of, options
from golden import assert_golden, masked, page_text
from pages import anchors_page, bench_page, comparison, evaluation_page, outcome_run, overlap_page, planted_discovery
from workbench_runs import predictions_table, succeeded


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
    golden("outcome-audit-printed", outcome_run(tmp_path).out)
    golden("outcome-report", page_of(tmp_path / "run" / "report.html"))


def test_a_comparison(golden, tmp_path):
    golden("compare-printed", comparison(tmp_path).out)
    golden("compare", page_of(tmp_path / "compared" / "compare.html"))


def test_a_discovery(golden):
    found, page = planted_discovery()
    golden("discovery", "\n".join((*terminal_lines(found), page_text(page))))


def test_an_overlap(golden):
    golden("overlap", page_text(overlap_page()))


def test_anchors(golden):
    golden("anchors", page_text(anchors_page()))


def test_an_evaluation(golden):
    golden("evaluation", page_text(evaluation_page()))


def test_a_benchmark(golden):
    golden("bench", page_text(bench_page()))
