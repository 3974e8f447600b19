"""Does the command put the false-alarm rate where a reader of the report sees it?"""

from __future__ import annotations

import shutil

import pytest

from affect_workbench.workbench.report.html import report_html
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import refusal, succeeded

pytest_plugins = ["workbench_fixtures"]


@pytest.fixture(scope="module")
def tried(demo, tmp_path_factory):
    """A copy of a run that was tested with 20 permutations, and what the command said."""
    run = tmp_path_factory.mktemp("selftest") / "audit"
    shutil.copytree(demo.audit, run)
    return run, succeeded("permutation-check", run, "--permutations", 20)


def test_the_sentence_is_said_kept_and_shown(tried):
    run, outcome = tried
    result = load_audit(run)
    assert result.permutation_check is not None
    assert result.permutation_check.times == 20
    assert result.permutation_check.sentence in outcome.out
    page = (run / "report.html").read_text(encoding="utf-8")
    assert result.permutation_check.sentence in page
    assert page.index("<h1>") < page.index(result.permutation_check.sentence) < page.index('<section id="findings">')
    assert report_html(result) == page


def test_a_run_that_was_not_tested_does_not_claim_to_be(demo):
    assert load_audit(demo.audit).permutation_check is None
    assert "Selftest:" not in (demo.audit / "report.html").read_text(encoding="utf-8")


def test_what_cannot_be_dealt_out_is_told_in_one_line(demo):
    assert "no such column" in refusal("permutation-check", demo.audit, "--within", "nothing")
    assert "at least one" in refusal("permutation-check", demo.audit, "--permutations", 0)
