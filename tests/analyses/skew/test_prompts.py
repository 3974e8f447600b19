"""Does a skew that hangs on how the question is put look as unsure as it is, and one that does not as sure as before?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.inference.verdicts import Rules
from affect_workbench.analyses.skew.findings import skew_table
from affect_workbench.analyses.skew.prompts import BetweenPrompts
from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.analyses.slices.sums import slice_sums
from affect_workbench.data.predictions import Predictions
from sliced_pictures import sliced

LABELS = ["anger", "joy"]


def asked(said: np.ndarray, inside: np.ndarray, *, label: bool = False) -> Predictions:
    """Pictures with their answers `(n, w)` to each prompt, 1 for anger; predicted is what most answers say."""
    frame = pd.DataFrame({"image_id": np.arange(len(said)).astype(str), "tone": np.where(inside, "dark", "light")})
    name = np.array(["joy", "anger"])
    frame["score_anger"], frame["score_joy"] = said.mean(axis=1), 1 - said.mean(axis=1)
    for at in range(said.shape[1]):
        frame[f"prompt_w{at}"] = name[said[:, at].astype(int)]
    if label:
        frame["label"] = np.where(np.arange(len(said)) % 3 == 0, "anger", "joy")
    return Predictions.from_frame(frame, taxonomy=LABELS)


def cells(predictions: Predictions, *, for_others: bool = True) -> pd.Series:
    """The skew of dark pictures read as angry, for other prompts as well or for these alone."""
    rules = Rules(order=1)
    data = sliced(predictions, [coded_attribute(predictions.rows["tone"])])
    sums = slice_sums(data.attributes, data.scores.columns, order=1, beside=3)
    prompts = BetweenPrompts.of(data, rules=rules) if for_others else None
    return dark_anger(skew_table(sums, data, rules=rules, prompts=prompts)).iloc[0]


def dark_anger(table: pd.DataFrame) -> pd.DataFrame:
    return table[np.array([where == {"tone": "dark"} for where in table["where"]]) & (table["emotion"] == "anger")]


def of_one_kind(n: int, *, spread: float, rng: np.random.Generator, prompts: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Answers of a model whose prompts find dark pictures angrier by amounts that vary around 0 with the prompt."""
    inside = np.arange(n) < n // 2
    lean = rng.normal(0, spread, prompts)
    latent = rng.random((n, 1))  # what a picture shows, the same for each prompt
    return latent < 0.4 + np.outer(inside, lean), inside


def test_prompts_are_read_from_their_columns_and_are_no_attributes() -> None:
    said, inside = of_one_kind(60, spread=0.1, rng=np.random.default_rng(0))
    predictions = asked(said, inside)
    assert list(predictions.by_prompt) == ["w0", "w1", "w2", "w3", "w4"]
    assert (predictions.by_prompt["w2"] == np.where(said[:, 2], 0, 1)).all()
    data = sliced(predictions, [coded_attribute(predictions.rows["tone"])])
    between = BetweenPrompts.of(data, rules=Rules(order=1))
    assert between is not None
    expected = said[inside].mean(axis=0) - said[~inside].mean(axis=0)
    np.testing.assert_allclose(between.effects[:, 0, 0], expected)
    np.testing.assert_allclose(between.variance[0, 0], expected.var(ddof=1) / 5)


def test_a_picture_without_an_answer_to_a_prompt_counts_for_the_others() -> None:
    said, inside = of_one_kind(60, spread=0.1, rng=np.random.default_rng(0))
    frame = asked(said, inside).table().drop(columns="predicted")
    frame.loc[:9, "prompt_w0"] = None
    predictions = Predictions.from_frame(frame, taxonomy=LABELS)
    between = BetweenPrompts.of(sliced(predictions, [coded_attribute(predictions.rows["tone"])]), rules=Rules(order=1))
    assert between is not None
    assert between.effects[0, 0, 0] == pytest.approx(said[10:30, 0].mean() - said[30:, 0].mean())


def test_a_column_of_something_else_is_refused_with_its_name() -> None:
    said, inside = of_one_kind(60, spread=0.1, rng=np.random.default_rng(0))
    frame = asked(said, inside).table().assign(prompt_style="formal")
    with pytest.raises(ValueError, match=r"prompt_style.*formal.*rename"):
        Predictions.from_frame(frame, taxonomy=LABELS)


def test_answers_that_do_not_hang_on_the_prompt_change_nothing() -> None:
    said, inside = of_one_kind(400, spread=0.0, rng=np.random.default_rng(1))
    predictions = asked(said, inside, label=True)
    names = ["low", "high", "p", "q", "model_gap_low", "model_gap_high", "model_gap_p", "verdict"]
    pd.testing.assert_series_equal(cells(predictions)[names], cells(predictions, for_others=False)[names], check_names=False)


def test_intervals_and_tests_hold_for_other_prompts() -> None:
    """Of a model that is fair on average over prompts, as few sets may look skewed as the level says; without, far more."""
    rng = np.random.default_rng(2)
    held, rejected, naive = [], [], []
    for _ in range(300):
        said, inside = of_one_kind(1_000, spread=0.08, rng=rng)
        predictions = asked(said, inside, label=True)
        cell = cells(predictions)
        held.append(cell["low"] <= 0 <= cell["high"])
        rejected.append(cell["p"] <= 0.05)
        alone = cells(predictions, for_others=False)
        naive.append(alone["low"] <= 0 <= alone["high"])
    assert np.mean(held) >= 0.93  # 300 sets: one-sided 5 % below .95
    assert np.mean(rejected) <= 0.07
    assert np.mean(naive) < 0.85


def test_a_skew_of_all_prompts_is_still_found_and_told_by_prompt() -> None:
    rng = np.random.default_rng(3)
    inside = np.arange(1_000) < 500
    said = rng.random((1_000, 1)) < 0.3 + 0.2 * inside[:, None] + rng.normal(0, 0.02, 5)
    result = run_audit(asked(said, inside, label=True), AuditConfig(further=False, order=1, map_pictures=0))
    cell = dark_anger(result.findings).iloc[0]
    assert cell["verdict"] == "skewed"
    assert cell["attribution"] == "model"
    table = result.table("prompts")
    assert table is not None
    assert len(dark_anger(table)) == 5
    assert any("5 prompts" in note for note in result.run.notes)
