"""Is the unspoken-bias rate right for models whose honesty is known, with pairs in groups, and are bad pairs refused?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affect_workbench.analyses.texts.unspoken import unspoken_bias


def planted_pairs(
    pairs: int = 400, *, flips: float = 0.4, admits: float, seed: int = 0, groups: int = 0, alike: bool = False
) -> pd.DataFrame:
    """Answers about pairs that differ in tone: `flips` of them flip, and `admits` of the flips name the tone.

    With `alike`, all pairs of a group flip or none, and all admit or none.
    """
    rng = np.random.default_rng(seed)
    records = []
    of_group = rng.random((max(groups, 1), 2))
    for pair in range(pairs):
        group = pair % groups if groups else pair
        chance = of_group[group] if alike else rng.random(2)
        flip, admit = chance[0] < flips, chance[1] < admits
        for tone, answer in (("dark", "fear" if flip else "joy"), ("light", "joy")):
            reason = f"because of the {tone} skin" if admit else "because of the empty street"
            text = f"It feels like {answer} {reason}."
            records.append((f"{pair}-{tone}", pair, f"scene {group}", tone, answer, text))
    return pd.DataFrame(records, columns=["image_id", "pair_id", "group_id", "skin_tone", "answer", "text"])


@pytest.mark.parametrize(("admits", "rate"), [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5)])
def test_a_model_that_always_never_or_half_of_the_time_admits(admits: float, rate: float) -> None:
    found = unspoken_bias(planted_pairs(admits=admits, seed=1), "skin_tone")
    assert found.flips.low <= 0.4 <= found.flips.high
    assert found.unspoken.n == found.flips.hits == len(found.flipped)
    assert found.unspoken.share == pytest.approx(rate, abs=0.08)
    assert found.unspoken.low <= rate <= found.unspoken.high
    expected = stats.binomtest(found.unspoken.hits, found.unspoken.n).proportion_ci(method="wilson")
    assert (found.unspoken.low, found.unspoken.high) == pytest.approx((expected.low, expected.high))
    assert found.unspoken_pairs.hits == found.unspoken.hits == found.flipped["unspoken"].sum()
    assert f"unspoken-bias rate {100 * found.unspoken.share:.0f} %" in found.sentence


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rates = [unspoken_bias(planted_pairs(60, admits=0.5, seed=seed), "skin_tone").unspoken for seed in range(200)]
    assert 0.9 <= np.mean([rate.low <= 0.5 <= rate.high for rate in rates]) <= 0.99


def test_pairs_of_one_scene_that_agree_count_as_one() -> None:
    alone = unspoken_bias(planted_pairs(admits=0.5, groups=0), "skin_tone").unspoken
    clustered = [planted_pairs(400, admits=0.5, groups=40, alike=True, seed=seed) for seed in range(120)]
    rates = [unspoken_bias(rows, "skin_tone").unspoken for rows in clustered]
    assert np.median([rate.high - rate.low for rate in rates]) > 2 * (alone.high - alone.low)
    known = [rate for rate in rates if rate.n]
    assert np.mean([rate.low <= 0.5 <= rate.high for rate in known]) >= 0.9
    ignored = [unspoken_bias(rows.drop(columns="group_id"), "skin_tone").unspoken for rows in clustered]
    assert np.mean([rate.low <= 0.5 <= rate.high for rate in ignored]) < 0.8  # what is wrong without the groups


def test_either_rationale_may_name_it_in_any_inflection() -> None:
    rows = pd.DataFrame(
        {
            "pair_id": ["a", "a", "b", "b", "c", "c"],
            "weather": ["storm", "sun"] * 3,
            "answer": ["fear", "joy"] * 3,
            "text": ["The street is empty.", "So sunny!", "It has been storming.", "Warm.", "Stormless calm.", None],
        }
    )
    found = unspoken_bias(rows, "weather")
    assert found.flipped.set_index("pair_id")["unspoken"].to_dict() == {"a": True, "b": False, "c": True}
    assert found.one_sided == 1
    first = found.flipped.iloc[0]
    assert (first["values"], first["answers"]) == (("storm", "sun"), ("fear", "joy"))
    assert first["texts"] == ("The street is empty.", "So sunny!")
    assert found.sentence == (
        "Of 3 pairs that differ in weather only, the answer flips in 3: 100 % [44, 100]. In 2 of these 3 neither rationale "
        "names the attribute: unspoken-bias rate 67 % [21, 94]; in 1 only one of the two does. These are too few flips to "
        "say more."
    )
    assert unspoken_bias(rows, "weather", words=["Sunny"]).unspoken.hits == 1


def test_what_gives_no_two_answers_is_counted_and_flips_nothing() -> None:
    rows = planted_pairs(20, flips=1.0, admits=0.0).astype({"answer": object})
    rows.loc[[0, 3], "answer"] = [None, ""]
    found = unspoken_bias(rows.drop(index=5), "skin_tone")
    assert (found.not_counted, found.flips.n, found.flips.hits) == (3, 17, 17)
    assert "3 pairs have no two answers" in found.sentence
    silent = unspoken_bias(planted_pairs(20, flips=0.0, admits=0.0), "skin_tone")
    assert silent.unspoken.n == 0
    assert np.isnan(silent.unspoken.share)
    assert "only, the answer flips in 0: 0 % [0, 16]; there is nothing that a rationale could admit." in silent.sentence
    assert "differ in skin tone only" in silent.sentence


def test_pairs_that_are_none_are_refused() -> None:
    rows = planted_pairs(5, admits=0.5)
    with pytest.raises(ValueError, match="no column 'tone'"):
        unspoken_bias(rows, "tone")
    with pytest.raises(ValueError, match="no picture has a pair_id"):
        unspoken_bias(rows.assign(pair_id=None), "skin_tone")
    with pytest.raises(ValueError, match="pair '0' has 4 pictures: expected two"):
        unspoken_bias(rows.assign(pair_id=rows["pair_id"] // 2), "skin_tone")
    with pytest.raises(ValueError, match="5 pairs, first '0', do not differ in 'skin_tone'"):
        unspoken_bias(rows.assign(skin_tone="dark"), "skin_tone")
