"""Do intervals hold the truth as often as they say, and are overlaps those of their definitions?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affect_workbench.analyses.texts.reasoning.answers import TEXT_COLUMNS, read_answers
from affect_workbench.analyses.texts.reasoning.estimates import macro_recall, mean_difference, mean_number, share_of
from affect_workbench.analyses.texts.reasoning.evaluate import evaluate_reasoning
from affect_workbench.analyses.texts.reasoning.overlap import bleu4, rouge_l
from instruct_records import EKMAN, VOCABULARY


def alone(n: int) -> pd.Series:
    return pd.Series(range(n))


def test_a_share_has_wilsons_interval():
    found = share_of(pd.Series([True] * 7 + [False] * 3), alone(10))
    expected = stats.binomtest(7, 10).proportion_ci(method="wilson")
    assert (found.share, found.low, found.high, found.n) == pytest.approx((0.7, expected.low, expected.high, 10))
    assert str(found) == "70 % [40, 89]"
    assert str(share_of(pd.Series([], dtype=float), alone(0))) == "unknown"


def test_macro_recall_counts_values_alike_and_its_interval_holds():
    rng, rates, sizes = np.random.default_rng(0), np.array([0.95, 0.6, 0.8]), np.array([60, 15, 25])
    values = pd.Series(np.repeat(list("abc"), sizes))
    held = 0
    for _ in range(100):
        hits = pd.Series(rng.random(len(values)) < np.repeat(rates, sizes))
        found = macro_recall(hits, values, alone(len(values)))
        assert found.share == pytest.approx(hits.groupby(values).mean().mean())
        held += found.low <= rates.mean() <= found.high
    assert 89 <= held <= 99
    perfect = macro_recall(pd.Series([True] * 100), values, alone(100))
    assert perfect.share == perfect.high == 1
    assert 0.9 < perfect.low < 1


def test_groups_are_the_units():
    hits = pd.Series(np.repeat([True, False] * 10, 5))
    values, groups = pd.Series(["a"] * 100), pd.Series(np.repeat(range(20), 5))
    one, other = (macro_recall(hits, values, codes) for codes in (alone(100), groups))
    expected = stats.binomtest(10, 20).proportion_ci(method="wilson")
    assert one.share == other.share == 0.5
    assert other.high - other.low == pytest.approx(expected.high - expected.low, rel=0.15)
    assert one.high - one.low < 0.6 * (other.high - other.low)
    numbers = hits.astype(float)
    for measure in (mean_number, mean_difference):
        assert np.ptp([measure(numbers, groups).low, measure(numbers, groups).high]) > 0.3


def test_overlap_is_that_of_the_definitions():
    assert bleu4(["a dog at the beach"], ["A dog, at the beach."]) == pytest.approx(1)
    assert rouge_l("a dog at the beach", "A dog, at the beach.") == 1
    assert rouge_l("a b c d", "a x c y") == 0.5
    assert rouge_l("a", "b") == rouge_l("", "b") == 0
    assert bleu4(["a b c"], ["a b c"]) == 0
    # 5 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3 in fours; no penalty.
    assert bleu4(["a b c d x f"], ["a b c d e f"]) == pytest.approx((5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    assert bleu4(["a b c d"], ["a b c d e f"]) == pytest.approx(np.exp(1 - 6 / 4))


def test_evidence_counts_only_what_the_answer_to_the_whole_picture_names():
    facts = pd.DataFrame({"image_id": list("abcd"), "label": "fear", "subject": "snake", "light": "night"})

    def row(image_id: str, shown: str, text: str, about: str = "") -> dict:
        given = {"image_id": image_id, "shown": shown, "task": "reasoning", "mode": "given", "stated": "fear"}
        return dict.fromkeys(TEXT_COLUMNS, "") | given | {"about": about, "text": text}

    texts = [row(one, "true", "Fear: a snake.") for one in "abc"] + [row("d", "true", "Fear: at night.")]
    texts += [row(one, "cause masked", "Fear: at night.", "subject") for one in "abd"] + [
        row("c", "cause masked", "Fear: a snake.", "subject")
    ]
    texts += [row(one, "other masked", "Fear: a snake.", "subject") for one in "bcd"] + [
        row("a", "other masked", "Fear.", "subject")
    ]
    found = evaluate_reasoning(read_answers(pd.DataFrame(texts), facts, VOCABULARY, EKMAN))
    measure = "evidence: no longer names the cause"
    assert [found.of(measure, shown=shown).n for shown in ("cause masked", "other masked", "difference")] == [3, 3, 3]
    assert found.of(measure, shown="cause masked").share == pytest.approx(2 / 3)
    assert found.of(measure, shown="other masked", attribute="subject").share == pytest.approx(1 / 3)
    gap = found.of(measure, shown="difference")
    assert gap.share == pytest.approx(1 / 3)
    assert -1 <= gap.low < 0 < gap.high <= 1
