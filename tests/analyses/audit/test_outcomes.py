"""Are numbers alone audited as predictions are: headline, gate, files, report, comparison, and refusals in one line?"""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.compare.compare import compare_measurements
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.outcome_tables import OUTCOME_COLUMNS, outcome_findings
from affect_workbench.analyses.audit.outcomes import run_outcome_audit
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.disparities.numbers import numeric_table
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.data.datasets.measurements import Measurements
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.data.taxonomies.taxonomy import NO_LABELS, Taxonomy
from affect_workbench.workbench.audit.comparison.command import compared, measurements_of, predictions_of
from affect_workbench.workbench.audit.comparison.sentences import headline
from affect_workbench.workbench.audit.exports.findings import audit_findings, compare_findings, findings_record, junit_xml
from affect_workbench.workbench.report.html import report_html
from affect_workbench.workbench.runs.gate import Gate
from affect_workbench.workbench.runs.store import load_audit, save_audit
from sliced_pictures import sliced_rows
from workbench_runs import HOSTILE, audited, predictions_table, refusal, succeeded, workbench

QUICK = AuditConfig(draws=99)


def texts(n: int = 900, *, gap: float = 0.8, seed: int = 0) -> pd.DataFrame:
    """Texts that somebody scored: those about women are `gap` standard deviations more pleasant."""
    rng = np.random.default_rng(seed)
    about, place = rng.choice(["woman", "man"], n), rng.choice(["home", "office", "street"], n)
    return pd.DataFrame(
        {
            "image_id": [f"text-{number}" for number in range(n)],
            "about": about,
            "place": place,
            "valence": rng.normal(size=n) + gap * (about == "woman"),
            "length": rng.gamma(2, size=n),
        }
    )


def audit_of(table: pd.DataFrame, *outcomes: str, config: AuditConfig = QUICK):
    return run_outcome_audit(Measurements(table, outcomes or ("valence", "length"), "texts.csv"), config)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """The table of texts, its audit, and that of another scorer who adds to the difference, by the real command."""
    folder = tmp_path_factory.mktemp("outcomes")
    table = texts()
    table.to_csv(folder / "texts.csv", index=False)
    more = 0.7 * (table["about"] == "woman") + np.random.default_rng(9).normal(scale=0.2, size=len(table))
    table.assign(valence=table["valence"] + more).to_csv(folder / "other.csv", index=False)
    given = ("--outcomes", "valence,length", "--resamples", 99, "--adjust-for", "place")
    for name, run in (("texts", "first"), ("other", "second")):
        succeeded("audit", "--predictions", folder / f"{name}.csv", *given, "-o", folder / run)
    return folder / "texts.csv", folder / "first", folder / "second"


def test_numbers_alone_are_an_audit(runs) -> None:
    _, first, _ = runs
    result = load_audit(first)
    assert not result.has_predictions
    assert result.taxonomy == NO_LABELS
    of = len(result.outcomes)
    assert result.headline.startswith(f"{result.count('skewed')} of {of} (slice, outcome) pairs are skewed; ")
    row = result.outcomes.iloc[0]
    assert (row["outcome"], row["verdict"]) == ("valence", "skewed")
    assert row["slice"] in ("about: woman", "about: man")
    assert abs(row["effect"]) == pytest.approx(0.8, abs=0.15)
    assert {"outcome valence", "outcome length", "adjusted outcome valence", "adjusted outcome length"} == set(result.tables)
    page = (first / "report.html").read_text(encoding="utf-8")
    for words in ("Pictures with", "about: woman", "No emotions were predicted", result.headline, "adjusted for place"):
        assert words in page
    assert "Skewed pairs by outcome: valence:" in page
    assert "nan" not in page.partition('id="findings"')[2].partition("<script")[0].replace("finance", "")
    assert report_html(result) == page == report_html(load_audit(first))


def test_the_gate_counts_standard_deviations(runs, tmp_path) -> None:
    table, first, _ = runs
    record = json.loads((first / "findings.json").read_text(encoding="utf-8"))
    assert record["findings"][0]["outcome"] == "valence"
    assert record["findings"][0]["emotion"] is None
    assert record["counts"]["skewed"] == len(record["findings"]) == load_audit(first).count("skewed")
    farthest = max(one["surely"] for one in record["findings"])
    spread = load_audit(first).outcomes.query("outcome == 'valence'")["spread"].iloc[0]
    words = ("audit", "--predictions", table, "--outcomes", "valence", "--order", 1, "--overwrite", "-o", tmp_path / "run")
    assert workbench(*words, "--fail-on", f"skewed:{farthest / spread - 0.15:.4f}").code == 1
    assert workbench(*words, "--fail-on", f"skewed:{min(farthest / spread + 0.15, 0.99):.4f}").code == 0
    xml = ElementTree.fromstring(junit_xml(audit_findings(load_audit(first), Gate("skewed"))))
    failed = {case.get("name"): case.find("failure").get("message") for case in xml.iter("testcase") if len(case)}
    assert failed["about: woman"] == "skewed: valence"


def test_two_scorers_are_compared_on_the_same_texts(runs, tmp_path) -> None:
    _, first, second = runs
    there = workbench("compare", first, second, "-o", tmp_path / "there", "--fail-on", "worse")
    back = workbench("compare", second, first, "-o", tmp_path / "back", "--fail-on", "worse")
    assert (there.code, back.code) == (1, 0)
    assert "worse: Pictures with about: " in there.out
    assert "better: Pictures with about: " in back.out
    result = compared(load_audit(first), load_audit(second))
    row = result.outcomes.set_index("slice").loc["about: woman"]
    a, b = (measurements_of(load_audit(run)).rows for run in (first, second))
    women = a["about"] == "woman"
    change = (b["valence"] - a["valence"])[women].mean() - (b["valence"] - a["valence"])[~women].mean()
    assert row["change"] == pytest.approx(change)
    assert row["skew_a"] == pytest.approx(a["valence"][women].mean() - a["valence"][~women].mean())
    assert row["low"] < 0.7 < row["high"]
    assert row["high"] - row["low"] < 0.1  # paired: of the texts' own spread nothing is left
    assert row["growth_low"] > 0.5
    assert any("'length' is the same number in both runs" in note for note in result.notes)
    assert (tmp_path / "there" / "outcomes.csv").is_file()
    page = (tmp_path / "there" / "compare.html").read_text(encoding="utf-8")
    assert headline(result) in page
    assert "emotion" not in headline(result)
    record = findings_record(compare_findings(result, Gate("worse")))
    assert {one["outcome"] for one in record["findings"]} == {"valence"}


def test_a_change_that_is_none_is_hardly_ever_told() -> None:
    told = 0
    for seed in range(30):
        table = texts(200, seed=seed)
        other = table.assign(valence=table["valence"] + np.random.default_rng(seed + 99).normal(size=200))
        result = compare_measurements(
            Measurements(table, ("valence",)),
            Measurements(other, ("valence",)),
            config=AuditConfig(order=1, outcomes=("valence",)),
        )
        told += bool(result.outcomes["verdict"].isin(["worse", "better", "changed"]).any())
    assert told <= 3


def test_outcomes_of_ordinary_audits_are_findings_too(tmp_path) -> None:
    table = predictions_table(900, bias=0.0, scores=False, seed=1)
    table["valence"] = np.random.default_rng(0).normal(size=900) + 0.9 * (table["tone"] == "dark")
    plain, asked = audited(table.drop(columns="valence"), order=1), audited(table, order=1, outcomes=("valence",))
    assert plain.headline + "; of the numeric outcomes, 2 of 5 (slice, outcome) pairs are skewed" == asked.headline
    slim = audited(table, order=1, outcomes=("valence",), further=False)
    assert (set(slim.tables) & {"severity", "outcome valence"}, slim.headline) == ({"outcome valence"}, asked.headline)
    findings = audit_findings(asked, Gate("skewed"))
    assert findings.failed
    assert [one["outcome"] for one in findings_record(findings)["findings"]] == ["valence", "valence"]
    assert not audit_findings(plain, Gate("skewed")).failed
    assert not audit_findings(asked, Gate("skewed", 0.95)).failed
    page = report_html(asked)
    assert "Outcomes that differ" in page
    assert "Outcomes that differ" not in report_html(plain)
    second = audited(
        table.assign(valence=table["valence"] + 0.6 * (table["tone"] == "dark") - np.arange(900) % 7 / 30),
        order=1,
        outcomes=("valence",),
    )
    for name, result in (("a", asked), ("b", second)):
        save_audit(result, tmp_path / name)
    result = compared(load_audit(tmp_path / "a"), load_audit(tmp_path / "b"))
    assert result.outcomes.set_index("slice").loc["tone: dark", "verdict"] == "worse"
    assert "(slice, outcome) pairs 2 got worse" in headline(result)


def test_an_intersection_that_repeats_a_wider_slice_is_marked() -> None:
    outcomes = audit_of(texts(2_000)).outcomes
    skewed = outcomes[(outcomes["verdict"] == "skewed") & (outcomes["outcome"] == "valence")]
    own = skewed[skewed["explained_by"].isna()]
    assert set(own["slice"]) == {"about: woman", "about: man"}
    assert len(skewed) > len(own)
    assert set(skewed["explained_by"].dropna()) == {"about: woman", "about: man"}
    apart = texts(2_000, gap=0.0)
    apart["valence"] += 1.5 * ((apart["about"] == "woman") & (apart["place"] == "home"))
    told = audit_of(apart, "valence").outcomes.set_index("slice")
    assert told.loc["about: woman and place: home", "verdict"] == "skewed"
    assert told.loc["about: woman and place: home", "explained_by"] not in ("about: woman", "place: home")


def test_people_who_are_in_many_texts_are_groups() -> None:
    table = texts(600, gap=0.0).assign(group_id=np.arange(600) % 30)
    result = audit_of(table, "valence")
    assert set(result.outcomes["method"]) <= {"cluster-robust", "none"}
    assert any("30 groups (group_id)" in note for note in result.run.notes)


def test_no_difference_is_no_finding() -> None:
    result = audit_of(texts(gap=0.0))
    assert result.count("skewed") == 0
    assert "This does not prove the absence of bias" in report_html(result)


def test_old_tables_of_outcomes_are_understood() -> None:
    table = numeric_table(
        texts()["valence"].to_numpy(), sliced_rows([coded_attribute(texts()["about"])]), sampling=Sampling(99)
    )
    old = outcome_findings({"outcome valence": table.drop(columns=["spread", "explained_by"])})
    assert list(old.columns) == list(OUTCOME_COLUMNS)
    assert old["spread"].to_numpy() == pytest.approx(table["spread"].to_numpy())
    assert outcome_findings({}).empty


def test_names_cannot_run_in_the_report_of_numbers() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"image_id": [f"{HOSTILE[0]}{number}" for number in range(400)], HOSTILE[1]: rng.normal(size=400)})
    table["to<ne"] = np.array(HOSTILE, dtype=object)[np.arange(400) % 4]
    table[HOSTILE[1]] += 2.0 * (np.arange(400) % 4 == 0)
    config = AuditConfig(draws=99, order=1)
    page = report_html(run_outcome_audit(Measurements(table, (HOSTILE[1],)), config))
    for one in HOSTILE[:3]:
        assert one not in page


def test_what_cannot_be_asked_is_refused_in_one_line(runs, tmp_path) -> None:
    table, first, _ = runs
    given = ("audit", "--predictions", table, "-o", tmp_path / "run")
    assert "or the name of a number to compare between slices (--outcomes)" in refusal(*given)
    assert "no outcome 'valense' in the data: did you mean valence" in refusal(*given, "--outcomes", "valense")
    assert "outcome 'place': the column holds no numbers but text, first 'office'" in refusal(*given, "--outcomes", "place")
    line = refusal(*given, "--outcomes", "valence", "--concepts", "a face", "--favourable", "joy")
    assert "--concepts, --favourable need predictions, and" in line
    assert "is in split 'test'" in refusal(*given, "--outcomes", "valence", "--split", "test")
    assert "compares numeric outcomes only: there are no predictions to permute" in refusal("permutation-check", first)
    with pytest.raises(ValueError, match="this run compares numeric outcomes only"):
        predictions_of(load_audit(first))
    predicted = run_audit(predictions_from_table(predictions_table(200)), AuditConfig(map_pictures=0, further=False))
    with pytest.raises(ValueError, match="the first run compares numeric outcomes only, the other one predictions"):
        compared(load_audit(first), predicted)


def test_measurements_are_checked_once() -> None:
    table = texts(20)
    with pytest.raises(ValueError, match="no outcome is named"):
        Measurements(table, ())
    with pytest.raises(ValueError, match="measurements need at least one picture"):
        Measurements(table.head(0), ("valence",))
    kept = Measurements(table, ("valence", "valence")).take(np.arange(20) < 5)
    assert (len(kept), kept.outcomes) == (5, ("valence",))
    with pytest.raises(ValueError, match="expected at least two"):
        Taxonomy("custom", ())


def test_an_outcome_may_come_from_a_joined_table(tmp_path) -> None:
    table = texts(300)
    table[["image_id", "about"]].to_csv(tmp_path / "pictures.csv", index=False)
    table[["image_id", "valence", "place"]].to_csv(tmp_path / "ratings.csv", index=False)
    words = ("--predictions", tmp_path / "pictures.csv", "--attributes", tmp_path / "ratings.csv", "--outcomes", "valence")
    succeeded("audit", *words, "--resamples", 99, "-o", tmp_path / "run")
    result = load_audit(tmp_path / "run")
    assert result.run.attributes == ("about", "place")
    assert result.run.provenance["joined"] == dict.fromkeys(("valence", "place"), str(tmp_path / "ratings.csv"))
