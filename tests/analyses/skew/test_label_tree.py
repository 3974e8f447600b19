"""Does a skew among neighbours go away one level up, and does one across polarity stay?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.skew.label_tree import label_levels
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.data.taxonomies.taxonomy import TAXONOMIES, Taxonomy

QUICK = AuditConfig(map_pictures=0, draws=99)


def read_as(taxonomy: Taxonomy, usual: str, instead: str, *, n: int = 4_000, seed: int = 0) -> pd.DataFrame:
    """Pictures of every label, rightly read, but `usual` as `instead` in a third of the dark ones; two lights, no effect."""
    rng = np.random.default_rng(seed)
    truth = np.array(taxonomy.labels, dtype=object)[rng.integers(len(taxonomy), size=n)]
    truth[rng.random(n) < 0.2] = usual
    tone = np.array(["dark", "light"])[rng.integers(2, size=n)]
    said = np.where((tone == "dark") & (truth == usual) & (rng.random(n) < 2 / 3), instead, truth)
    light = np.array(["day", "night"])[rng.integers(2, size=n)]
    return pd.DataFrame(
        {"image_id": np.arange(n).astype(str), "label": truth, "predicted": said, "tone": tone, "light": light}
    )


@pytest.mark.parametrize("name", TAXONOMIES)
def test_every_label_has_one_group_at_every_level(name: str) -> None:
    taxonomy = Taxonomy.named(name)
    sizes = [len(taxonomy)]
    for level in label_levels(taxonomy):
        assert level.of_label.shape == (len(taxonomy),)
        assert set(level.of_label) == set(range(len(level.groups)))
        sizes.append(len(level.groups))
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)


def test_webemo_rolls_up_to_seven_and_then_to_polarity() -> None:
    families, polarity = label_levels(Taxonomy.named("webemo25"))
    assert set(families.groups) == {"love", "joy", "surprise", "anger", "sadness", "fear", "confusion"}
    assert set(polarity.groups) == {"positive", "negative"}
    assert families.group(Taxonomy.named("webemo25").labels.index("rage")) == "anger"


def test_a_level_counts_what_a_loop_over_pictures_counts() -> None:
    taxonomy = Taxonomy.named("mikels8")
    table = read_as(taxonomy, "awe", "fear", n=500)
    levels = run_audit(predictions_from_table(table, taxonomy=taxonomy), QUICK).tables["levels"]
    joyful = {"amusement", "contentment", "excitement"}
    row = levels.set_index(["slice", "level", "group"]).loc[("tone: dark", "ekman6", "joy")]
    dark = table[table["tone"] == "dark"]
    assert row["n"] == len(dark)
    assert row["rate"] == pytest.approx(sum(one in joyful for one in dark["predicted"]) / len(dark))


def test_a_shift_between_neighbours_is_named_by_its_emotion_and_one_across_polarity_by_that() -> None:
    taxonomy = Taxonomy.named("webemo25")
    for usual, instead, expected in (
        ("contentment", "cheerfulness", "cheerfulness"),
        ("contentment", "affection", "love (parrott6)"),
        ("contentment", "disgust", "negative (polarity)"),
    ):
        result = run_audit(predictions_from_table(read_as(taxonomy, usual, instead, n=6_000), taxonomy=taxonomy), QUICK)
        found = result.findings[(result.findings["slice"] == "tone: dark") & (result.findings["emotion"] == instead)].iloc[0]
        assert (found["verdict"], found["label_tree_level"]) == ("skewed", expected)
        quiet = result.findings[result.findings["slice"].str.startswith("light")]
        assert quiet["label_tree_level"].isna().all()


def test_labels_without_a_tree_have_no_levels() -> None:
    taxonomy = Taxonomy.from_labels(["red", "green", "blue"])
    assert label_levels(taxonomy) == ()
    table = read_as(taxonomy, "red", "blue", n=300)
    result = run_audit(predictions_from_table(table, taxonomy=taxonomy), QUICK)
    assert result.tables["levels"].empty
    skewed = result.findings[result.findings["verdict"] == "skewed"]
    assert list(skewed["label_tree_level"]) == list(skewed["emotion"])
