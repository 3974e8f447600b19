"""Does an average over strata that disagree get no verdict of its own, for numbers and rates, with groups and without?"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.disparities.adjusted import adjusted_table
from affect_workbench.analyses.disparities.adjusted_numbers import ADJUSTED_OUTCOME_COLUMNS, adjusted_numeric_table
from affect_workbench.analyses.inference.homogeneity import DIFFERS
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.analyses.slices.coding import coded_attribute, coded_attributes
from affect_workbench.analyses.slices.strata import strata, strata_of
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.workbench.audit.exports.findings import audit_findings
from affect_workbench.workbench.report.first_page.headline import caveats, differing_strata, headline_sentences
from affect_workbench.workbench.report.html import report_html
from affect_workbench.workbench.report.sections import report_sections
from affect_workbench.workbench.runs.gate import audit_gate
from affect_workbench.workbench.runs.store import load_audit, save_audit
from sliced_pictures import sliced, sliced_rows
from workbench_runs import predictions_table

QUICK = AuditConfig(map_pictures=0, draws=99, order=1, space_pictures=0)


def bright(seed: int = 0, *, n: int = 800, persons: float = 0.32, scenes: float = -0.38) -> pd.DataFrame:
    """Brightness against valence: correlated one way among pictures of persons, the other way among scenes."""
    rng = np.random.default_rng(seed)
    place = np.where(np.arange(n) < n * 0.54, "person", "scene")
    brightness = rng.normal(size=n)
    slope = np.where(place == "person", persons, scenes)
    valence = slope * brightness + np.sqrt(1 - slope**2) * rng.normal(size=n)
    side = np.where(rng.random(n) < 0.5, "left", "right")
    return pd.DataFrame(
        {"image_id": np.arange(n).astype(str), "place": place, "brightness": brightness, "side": side, "valence": valence}
    )


def adjusted(rows: pd.DataFrame, *columns: str, groups: np.ndarray | None = None, **options) -> pd.DataFrame:
    coded = [coded_attribute(rows[name]) for name in columns]
    table = adjusted_numeric_table(
        rows["valence"].to_numpy(),
        sliced_rows(coded, groups=groups),
        adjusted_for=strata_of(rows, ["place"]),
        sampling=Sampling(99),
        **options,
    )
    return table.set_index("slice")


def test_a_reversal_is_never_equivalent() -> None:
    rows = bright()
    table = adjusted(rows, "brightness", "side")
    assert list(table.reset_index().columns) == [*ADJUSTED_OUTCOME_COLUMNS]
    ends = table[table.index.str.startswith("brightness") & ~table.index.str.contains(", up to")]
    assert set(ends["verdict"]) == {DIFFERS}
    low = ends.loc[next(name for name in ends.index if "up to" in name)]
    high = ends.loc[next(name for name in ends.index if "up to" not in name)]
    assert abs(high["within"]) < high["tolerance"]
    assert (high["smallest_in"], high["largest_in"]) == ("place: scene", "place: person")
    assert (low["smallest_in"], low["largest_in"]) == ("place: person", "place: scene")
    inside = rows["brightness"] > rows["brightness"].quantile(0.75)
    for place, value in (("scene", high["smallest"]), ("person", high["largest"])):
        there = rows["place"] == place
        assert value == pytest.approx(rows["valence"][there & inside].mean() - rows["valence"][there & ~inside].mean())
    assert high["smallest"] < -0.3
    assert high["largest"] > 0.3
    assert set(table.loc[["side: left", "side: right"], "verdict"]) <= {"equivalent", "undetermined"}


def test_strata_that_agree_keep_their_verdict() -> None:
    table = adjusted(bright(1, n=3_000, persons=0.35, scenes=0.35), "brightness", "side")
    top = next(name for name in table.index if name.startswith("brightness: above") and "up to" not in name)
    assert table.loc[top, "verdict"] == "skewed"
    assert table.loc["side: left", "verdict"] == "equivalent"
    flagged = sum(
        (adjusted(bright(100 + seed, n=300, persons=0.3, scenes=0.3), "brightness", "side")["verdict"] == DIFFERS).any()
        for seed in range(60)
    )
    assert stats.binomtest(int(flagged), 60, 0.05, alternative="greater").pvalue > 0.01


def test_a_reversal_among_groups_is_told_by_their_number_and_not_by_the_pictures() -> None:
    rng = np.random.default_rng(2)
    person, picture = np.repeat(np.arange(40), 20), np.arange(800)
    side = np.where(picture % 2 == 0, "left", "right")
    place = np.where(person % 2 == 0, "person", "scene")
    own = rng.normal(size=40)[person] * (side == "left")  # a slope of everybody's own, none of the places'
    rows = pd.DataFrame(
        {"image_id": picture.astype(str), "place": place, "side": side, "valence": own + rng.normal(size=800)}
    )
    assert adjusted(rows, "side", groups=person).loc["side: left", "homogeneity_p"] > 0.05
    gap = np.where(place == "person", 1.2, -1.2) * (side == "left")
    told = adjusted(rows.assign(valence=rows["valence"] + gap), "side", groups=person).loc["side: left"]
    assert told["verdict"] == DIFFERS
    assert (told["smallest_in"], told["largest_in"], told["method"]) == ("place: scene", "place: person", "cluster-robust")


def mirrored(seed: int = 0, *, n: int = 1_600, gap: float = 0.2, groups: int = 0) -> pd.DataFrame:
    """Dark pictures are predicted as anger more often among persons and less often among scenes, by as much."""
    rng = np.random.default_rng(seed)
    table = predictions_table(n, bias=0.0, scores=False, seed=seed).drop(columns="place")
    table["place"] = np.where(rng.random(n) < 0.5, "person", "scene")
    sign = np.where(table["place"] == "person", 1, -1) * np.where(table["tone"] == "dark", 1, -1)
    angry = rng.random(n) < 0.35 + sign * gap / 2
    table["predicted"] = np.where(angry, "anger", np.where(table["predicted"] == "anger", "joy", table["predicted"]))
    return table.assign(group_id=np.arange(n) % groups) if groups else table


@pytest.mark.parametrize("groups", [0, 120])
def test_rates_that_turn_round_between_strata_are_never_equivalent(groups: int) -> None:
    predictions = predictions_from_table(mirrored(groups=groups).assign(side=np.arange(1_600) // 7 % 2))
    coded, _ = coded_attributes(predictions.rows, ["tone", "side"], available=["tone", "side"])
    table = adjusted_table(sliced(predictions, coded), strata(predictions, ["place"])).set_index(["slice", "emotion"])
    row = table.loc[("tone: dark", "anger")]
    assert abs(row["within"]) < 0.05
    assert row["verdict"] == DIFFERS
    assert (row["smallest_in"], row["largest_in"]) == ("place: scene", "place: person")
    assert (row["smallest"], row["largest"]) == (pytest.approx(-0.2, abs=0.08), pytest.approx(0.2, abs=0.08))
    assert not (table.loc[["side: 0", "side: 1"], "verdict"] == DIFFERS).any()


def test_what_cannot_be_tested_is_not_called_alike() -> None:
    table = mirrored(n=90)
    table["scene"] = np.arange(90) // 3
    predictions = predictions_from_table(table)
    coded, _ = coded_attributes(predictions.rows, ["tone"], available=["tone"])
    found = adjusted_table(sliced(predictions, coded), strata(predictions, ["scene"], bins=30))
    assert (found["homogeneity_strata"] < 2).all()
    assert found["homogeneity_p"].isna().all()
    assert found[["smallest_in", "largest_in"]].isna().all(axis=None)


def _headline_and_table_say_so(kept) -> None:
    """The average is equivalent to none; whoever reads the headline or one row of the table learns that strata disagree."""
    of_rates = kept.tables["adjusted"]
    count = int((of_rates["verdict"] == DIFFERS).sum())
    said = headline_sentences(kept)
    assert f" {count} pairs differ between strata of place" in said
    assert re.search(r"most of all tone: \w+.*?, anger: −[\d.]+ points in place: \w+, \+[\d.]+ in place: \w+\.", said)
    assert re.search(r"\(slice, outcome\) pairs differ between strata of place.*?, valence: −0\.\d+ in place", said)
    assert differing_strata(kept)["tone: dark", "anger"] == differing_strata(kept)["tone: dark", "valence"] == "place"
    row = kept.findings[(kept.findings["slice"] == "tone: dark") & (kept.findings["emotion"] == "anger")].iloc[0]
    assert f"{row['verdict']} overall, differs between strata of place" in caveats(kept, row, strata=differing_strata(kept))
    page = report_html(kept)
    assert f"{row['verdict']}<small>overall; differs between strata of place</small></td>" in page
    assert page.count("<small>overall; differs between strata of place</small>") == count
    table = audit_findings(kept, audit_gate("")).table
    marked = table.set_index(["slice", "emotion"])["differs_between_strata"]
    assert marked["tone: dark", "anger"] is True
    assert table.loc[table["about"] == "accuracy", "differs_between_strata"].isna().all()


def test_adjusting_reaches_outcomes_and_intersections_and_the_report_says_so(tmp_path) -> None:
    rng = np.random.default_rng(3)
    table = mirrored(3, n=1_200).assign(side=np.where(rng.random(1_200) < 0.5, "left", "right"))
    sign = np.where(table["place"] == "person", 1, -1) * (table["tone"] == "dark")
    table["valence"] = rng.normal(size=1_200) + 0.8 * sign
    config = replace(QUICK, adjust_for=("place",), outcomes=("valence",), order=2, attributes=("tone", "side"))
    result = run_audit(predictions_from_table(table), config)
    save_audit(result, tmp_path / "run")
    kept = load_audit(tmp_path / "run")
    assert "tone: dark and side: left" in set(kept.tables["adjusted"]["slice"])
    of_numbers = kept.tables["adjusted outcome valence"].set_index("slice")
    assert of_numbers.loc["tone: dark", "verdict"] == DIFFERS
    assert "tone: dark and side: left" in of_numbers.index
    told = {section.name: section for section in report_sections(kept)}
    _headline_and_table_say_so(kept)
    rates, numbers = (" ".join(told[name].found) for name in ("adjusted", "adjusted-outcome-1"))
    assert "The difference in anger predictions for tone: dark depends on place: −" in rates
    assert "The difference in mean valence for tone: dark depends on place: −0." in numbers
    assert re.search(r"depends on place: −[\d.]+ points in place: \w+, \+[\d.]+ points in place: \w+ \(", rates)
    assert "in place: scene, +0." in numbers
    assert "nan" not in rates + numbers + told["adjusted"].explanation
    assert not told["adjusted-outcome-1"].table.map(lambda cell: "nan" in str(cell)).any(axis=None)


def test_an_outcome_is_not_adjusted_for_itself() -> None:
    table = predictions_table(200).assign(valence=np.arange(200.0))
    config = replace(QUICK, adjust_for=("valence",), outcomes=("valence",))
    with pytest.raises(ValueError, match="outcome 'valence' is also adjusted for: leave it out of --adjust-for"):
        run_audit(predictions_from_table(table), config)


def test_few_pictures_and_own_attributes_have_their_reasons() -> None:
    rows = bright(4, n=200)
    table = adjusted(rows, "place", "side")
    assert set(table.loc[["place: person", "place: scene"], "reason"]) == {"the slice's own attribute is adjusted for"}
    assert table.loc[["place: person", "place: scene"], "within"].isna().all()
    few = adjusted(pd.concat([rows.head(8), rows.tail(8)]), "side")
    assert set(few["reason"]) == {"fewer than 10 pictures on a side in strata that have both"}
    grouped = adjusted(rows, "side", groups=np.arange(200) // 50)
    assert set(grouped["reason"]) <= {
        "too few groups of pictures",
        "no stratum has two pictures (or groups, where there are some) on either side",
    }
    assert set(grouped["verdict"]) == {"too small"}
