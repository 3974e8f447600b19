"""Does the certificate say where a probe may stand in for its model, and nowhere else, and hold what its intervals say?"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.fidelity.certificate import Certificate, certificate_tables
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.analyses.inference.verdicts import Rules
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.workbench.runs.store import load_audit, save_audit
from answered_pictures import answered_table, sliced_answers

SLIM = AuditConfig(order=1, further=False, map_pictures=0, space_pictures=0)


def certified(table: pd.DataFrame, **rules) -> tuple[Certificate, dict[str, pd.DataFrame]]:
    tables = certificate_tables(sliced_answers(table), rules=Rules(**rules), sampling=Sampling(99))
    certificate = Certificate.of(tables)
    assert certificate is not None
    return certificate, tables


def test_agreement_and_kappa_are_those_of_the_two_columns():
    table = answered_table(500, agreement=0.8)
    certificate, tables = certified(table)
    hit = table["predicted"] == table["answered"]
    assert certificate.agreement == pytest.approx(hit.mean())
    assert certificate.low < hit.mean() < certificate.high
    assert certificate.kappa == pytest.approx(cohen_kappa_score(table["predicted"], table["answered"]))
    by_slice = tables["fidelity"].set_index("slice")
    dark = table[table["tone"] == "dark"]
    assert by_slice.loc["tone: dark", "agreement"] == pytest.approx((dark["predicted"] == dark["answered"]).mean())
    assert by_slice.loc["tone: dark", "kappa"] == pytest.approx(cohen_kappa_score(dark["predicted"], dark["answered"]))
    assert by_slice.loc["tone: dark", "n"] == len(dark)
    assert len(by_slice) == 1 + 2 + 3


def test_skews_are_those_of_predictions_and_answers_and_their_difference_is_paired():
    table = answered_table(900, agreement=0.8)
    cell = certified(table)[1]["fidelity_cells"].set_index(["slice", "emotion"]).loc[("tone: dark", "anger")]
    dark = table["tone"] == "dark"
    skews = [
        (table[name] == "anger")[dark].mean() - (table[name] == "anger")[~dark].mean() for name in ("predicted", "answered")
    ]
    assert [cell["probe_skew"], cell["answers_skew"]] == pytest.approx(skews)
    assert cell["effect"] == pytest.approx(skews[0] - skews[1])
    assert cell["low"] < cell["effect"] < cell["high"]


def test_a_faithful_probe_may_stand_in_everywhere_and_its_skews_go_along():
    certificate, tables = certified(answered_table(3_000, agreement=0.97))
    assert certificate.speaks
    assert certificate.headline == ""
    assert certificate.silent == {}
    assert certificate.correlation > 0.95
    assert certificate.correlation_low < certificate.correlation < certificate.correlation_high
    assert tables["fidelity"]["stands_in"].all()


def test_a_probe_on_true_labels_is_blind_to_the_skew_and_may_not_stand_in_for_the_slice():
    """It agrees often enough over all pictures; where the model is biased it says something else."""
    certificate, tables = certified(answered_table(3_000, skew=0.35, probe_skew=0.0))
    assert certificate.speaks
    assert set(certificate.silent) == {"tone: dark", "tone: light"}
    assert re.match(r"agreement [67]\d\.\d %, below 75 %; the probe’s skew of anger is", certificate.silent["tone: dark"])
    assert certificate.silent["tone: light"].startswith("the probe’s skew of anger is")
    table = tables["fidelity"].set_index("slice")
    assert table.loc["tone: dark", "verdict"] == "skewed"
    assert table.loc["tone: dark", "effect"] < -0.2
    assert not (table.loc[["place: home", "place: street"], "verdict"] == "skewed").any()


def test_below_three_quarters_it_speaks_nowhere():
    certificate, tables = certified(answered_table(1_500, agreement=0.6))
    assert not certificate.speaks
    assert "does not speak for the model" in certificate.headline
    assert not tables["fidelity"]["stands_in"].any()
    assert len(certificate.silent) == certificate.slices


def test_of_few_pictures_nothing_is_promised():
    table = answered_table(400, agreement=1.0)
    table.loc[:19, "place"] = "cave"
    assert certified(table)[0].silent == {"place: cave": "too few pictures"}


def test_pictures_without_an_answer_do_not_count():
    table = answered_table(600, agreement=0.9)
    some = table.assign(answered=table["answered"].where(np.arange(600) % 3 > 0))
    certificate, _ = certified(some)
    kept = table[np.arange(600) % 3 > 0]
    assert certificate.n == len(kept)
    assert certificate.agreement == pytest.approx((kept["predicted"] == kept["answered"]).mean())
    data = sliced_answers(table)
    none = replace(data, predictions=replace(data.predictions, answered=np.full(600, -1)))
    assert certificate_tables(none) == {}
    with pytest.raises(ValueError, match="answered"):
        certificate_tables(replace(data, predictions=replace(data.predictions, answered=None)))


def test_copies_in_groups_do_not_make_it_surer():
    table = answered_table(500, agreement=0.85)
    copies = pd.concat([table] * 4, ignore_index=True).assign(image_id=range(2_000), group_id=np.tile(np.arange(500), 4))
    one, four = certified(table)[0], certified(copies)[0]
    alone = certified(copies.drop(columns="group_id"))[0]
    assert four.agreement == pytest.approx(one.agreement)
    assert four.high - four.low == pytest.approx(one.high - one.low, rel=0.05)
    assert alone.high - alone.low < 0.6 * (one.high - one.low)
    widths = [np.arctanh(found.correlation_high) - np.arctanh(found.correlation_low) for found in (one, four, alone)]
    assert widths[1] == pytest.approx(widths[0], rel=0.3)
    assert widths[2] < 0.7 * widths[0]


def test_the_interval_of_the_correlation_holds_its_mean_over_other_pictures():
    """Of 60 samples of pictures, each with its own interval, about 57 hold the mean (in z) of all; at least 51 must."""
    found = [certified(answered_table(500, agreement=0.7, skew=0.15, seed=seed))[0] for seed in range(60)]
    centre = np.tanh(np.mean([np.arctanh(one.correlation) for one in found]))
    held = sum(one.correlation_low <= centre <= one.correlation_high for one in found)
    assert 51 <= held <= 60


def test_where_answers_and_predictions_are_one_the_correlation_is_one():
    certificate, _ = certified(answered_table(300, agreement=1.0))
    assert (certificate.agreement, certificate.kappa) == (1, 1)
    assert certificate.correlation == pytest.approx(1)
    assert certificate.correlation_low == pytest.approx(1)


def test_an_audit_carries_it_also_without_additional_analyses(tmp_path):
    result = run_audit(predictions_from_table(answered_table(800, agreement=0.6)), SLIM)
    assert result.certificate is not None
    assert result.headline.startswith("The probe does not speak for the model")
    assert set(result.samples["answered"]) <= set(result.taxonomy.labels)
    assert "answered" not in result.run.attributes
    save_audit(result, tmp_path / "run")
    opened = load_audit(tmp_path / "run")
    assert opened.certificate == result.certificate
    assert opened.headline == result.headline
    without = run_audit(predictions_from_table(answered_table(800).drop(columns="answered")), SLIM)
    assert without.certificate is None
    assert "fidelity" not in without.tables
