"""Does dealing the predictions out anew show how often the audit's rules raise an alarm about nothing?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit import permutation_check as module
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.permutation_check import Permutations, permutation_check
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

EKMAN = Taxonomy.named("ekman6")
CONFIG = AuditConfig(attributes=("tone", "time"), map_pictures=0)


def table(n: int = 2_000, *, seed: int = 0) -> pd.DataFrame:
    """Dark figures are predicted as anger; half of the pictures are of another data set with other emotions."""
    rng = np.random.default_rng(seed)
    dark, film = rng.random(n) < 0.4, rng.random(n) < 0.5
    read = np.where(dark & (rng.random(n) < 0.4), 0, rng.integers(6, size=n))
    return pd.DataFrame(
        {
            "image_id": [f"p{number}" for number in range(n)],
            "predicted": np.array(EKMAN.labels)[np.where(film & (rng.random(n) < 0.5), 3, read)],
            "tone": np.where(dark, "dark", "light"),
            "time": np.array(["day", "dusk", "night"])[rng.integers(3, size=n)],
            "source": np.where(film, "film", "web"),
        }
    )


def test_biased_data_are_quiet_once_the_predictions_are_dealt_out():
    rows = table()
    assert run_audit(predictions_from_table(rows, taxonomy=EKMAN), CONFIG).count("skewed")
    outcome = permutation_check(rows, EKMAN, config=CONFIG, permutations=Permutations(times=60))
    assert outcome.times == 60
    assert outcome.rate <= 0.15
    assert outcome.low <= outcome.rate <= outcome.high
    assert outcome.cells == 6 * (2 + 3 + 6)
    assert f"{outcome.alarms} of 60 permutations" in outcome.sentence


def test_rules_that_cry_wolf_are_shown_to():
    eager = AuditConfig(attributes=("tone", "time"), alpha=0.5, tolerance=0.0, map_pictures=0)
    assert permutation_check(table(), EKMAN, config=eager, permutations=Permutations(times=40)).rate > 0.2


def test_the_counts_of_a_deal_are_those_of_the_audit():
    rows = table(600)
    rows.loc[::9, "time"] = None
    coded, _ = module.coded_attributes(rows, CONFIG.attributes, available=CONFIG.attributes, bins=4)
    counter = module._Counter(coded, CONFIG, 6)
    inside, outside = counter.count(EKMAN.codes(rows["predicted"]))
    for number, spec in enumerate(counter.sums.specs):
        mask, universe = spec.mask(rows), spec.universe(rows)
        for emotion, label in enumerate(EKMAN.labels):
            said = (rows["predicted"] == label).to_numpy()
            assert inside[number, emotion] == (said & mask).sum()
            assert outside[number, emotion] == (said & universe & ~mask).sum()


def test_predictions_stay_within_their_stratum_and_groups_stay_together():
    strata = np.repeat([0, 1], 60)
    groups = np.repeat(np.arange(24), 5)
    rng = np.random.default_rng(0)
    for grouped in (None, groups):
        permuted = module._permute(strata, grouped, rng)
        np.testing.assert_array_equal(np.sort(permuted), np.arange(120))
        np.testing.assert_array_equal(strata[permuted], strata)
    dealt_groups = groups[permuted].reshape(24, 5)
    assert (dealt_groups == dealt_groups[:, :1]).all(), "groups of one size are permuted whole"


def test_the_same_seed_deals_the_same():
    rows = table(500)
    assert permutation_check(rows, EKMAN, config=CONFIG, permutations=Permutations(times=8, seed=4)) == permutation_check(
        rows, EKMAN, config=CONFIG, permutations=Permutations(times=8, seed=4)
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [({"times": 0}, "at least one"), ({"within": ("tone",)}, "it is sliced by"), ({"within": ("where",)}, "no such column")],
)
def test_what_makes_no_sense_is_refused(more, words):
    with pytest.raises(ValueError, match=words):
        permutation_check(table(100), EKMAN, config=CONFIG, permutations=Permutations(**more))
