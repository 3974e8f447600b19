"""Is a planted bias where it was planted, is it found in every seed, and is nothing found where nothing is?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.synthetic.features import ATTRIBUTES, DEFAULT_BIASES, PlantedBias, feature_table, planted_slice
from affect_workbench.probes.config import FitConfig
from affect_workbench.probes.training.fit import fit

CELLS = AuditConfig(map_pictures=0, further=False, space_pictures=0)
SEEDS = range(20)


def test_the_same_seed_gives_the_same_table_and_another_another() -> None:
    one, again, other = (feature_table(train=50, test=70, seed=seed) for seed in (3, 3, 4))
    assert one.fingerprint() == again.fingerprint() != other.fingerprint()
    pd.testing.assert_frame_equal(one.rows, again.rows)
    assert one.rows["split"].value_counts().to_dict() == {"train": 50, "test": 70}
    assert set(one.attributes) == set(ATTRIBUTES)


def test_the_twin_has_the_same_attributes_and_noise_and_differs_only_where_bias_was_planted() -> None:
    biased, twin = (feature_table(biases=biases, train=200, test=600, seed=3) for biases in (DEFAULT_BIASES, ()))
    pd.testing.assert_frame_equal(biased.rows.drop(columns="label"), twin.rows.drop(columns="label"))
    changed = (biased.values != twin.values).any(axis=1)
    planted = np.any([planted_slice(biased.rows, bias.where) for bias in DEFAULT_BIASES], axis=0)
    assert changed.any()
    assert not (changed & ~(planted & (biased.rows["split"] == "test"))).any()


@pytest.mark.parametrize("kind", ["reading", "labels"])
def test_a_bias_changes_the_stated_share_of_the_slice_in_the_test_split_only(kind: str) -> None:
    bias = PlantedBias({"light": "night", "setting": "street"}, "fear", 0.5, kind)
    table = feature_table(biases=[bias], train=6_000, test=6_000, noise=1e-3, seed=1)
    inside = planted_slice(table.rows, bias.where)
    np.testing.assert_array_equal(inside, SliceSpec.from_json(bias.where).mask(table.rows))
    looks = looks_like(table)
    for split, read, labelled in (("test", 0.5, 0.5 if kind == "labels" else 0), ("train", 0, 0)):
        part = (table.rows["split"] == split).to_numpy()
        for found, share in ((looks, read), (table.rows["label"].to_numpy(), labelled)):
            rates = [(found[part & side] == "fear").mean() for side in (inside, ~inside)]
            assert rates[0] - rates[1] == pytest.approx(share * 5 / 6, abs=0.06)
    others = ~inside | (table.rows["split"] == "train").to_numpy()
    np.testing.assert_array_equal(looks[others], table.rows.loc[others, "label"])


def looks_like(table: FeatureSet) -> np.ndarray:
    """The emotion whose mean vector over plain training pictures is nearest, with the attributes' part taken off."""
    train = (table.rows["split"] == "train").to_numpy()
    attributes = pd.get_dummies(table.rows[list(ATTRIBUTES)]).to_numpy(float)
    labels = pd.get_dummies(table.rows["label"])
    design = np.hstack([labels.to_numpy(float), attributes])
    weights = np.linalg.lstsq(design[train], table.values[train], rcond=None)[0]
    content = table.values - attributes @ weights[labels.shape[1] :]
    distances = np.linalg.norm(content[:, None] - weights[None, : labels.shape[1]], axis=-1)
    return labels.columns.to_numpy()[distances.argmin(axis=1)]


def test_impossible_biases_and_widths_are_refused() -> None:
    bias = PlantedBias({"light": "night"}, "fear", 0.2)
    for wrong, message in (
        (replace(bias, emotion="angr"), r"cannot plant 'angr': did you mean anger\?"),
        (replace(bias, strength=1.5), "strength 1.5 of the bias toward fear is not between 0 and 1"),
        (replace(bias, where={"lights": "night"}), r"cannot plant in attribute 'lights': did you mean light"),
        (replace(bias, where={"light": "nigth"}), r"attribute 'light' has no value 'nigth': did you mean night"),
    ):
        with pytest.raises(ValueError, match=message):
            feature_table(biases=[wrong], train=5, test=5)
    with pytest.raises(ValueError, match="width 10 is too small: 6 labels and 20 attribute values need as many"):
        feature_table(width=10)


@pytest.fixture(scope="module")
def audits(ekman_anchors) -> list[tuple[AuditResult, AuditResult]]:
    """For every seed the audit of the planted table and of its unbiased twin, by one probe trained on unbiased pictures."""
    results = []
    for seed in SEEDS:
        biased, twin = (feature_table(biases=biases, seed=seed) for biases in (DEFAULT_BIASES, ()))
        config = FitConfig(epochs=3, seed=seed, device="cpu")
        probe = fit(config, biased.where(split="train"), anchors=ekman_anchors, progress=False)
        one, other = (run_audit(probe.predict(table.where(split="test")), CELLS) for table in (biased, twin))
        results.append((one, other))
    return results


@pytest.mark.parametrize("bias", DEFAULT_BIASES, ids=lambda bias: bias.emotion)
def test_every_planted_cell_is_found_in_every_seed(audits, bias: PlantedBias) -> None:
    found = []
    for biased, _ in audits:
        at = biased.findings["where"].map(lambda where: where == dict(bias.where)) & (
            biased.findings["emotion"] == bias.emotion
        )
        (cell,) = biased.findings[at].itertuples()
        found.append(cell.q <= 0.05 and cell.effect > 0)
    assert sum(found) == len(SEEDS)


@pytest.mark.parametrize("bias", DEFAULT_BIASES, ids=lambda bias: bias.emotion)
def test_a_planted_skew_is_traced_to_the_right_cause(audits, bias: PlantedBias) -> None:
    origins = pd.concat([biased.findings for biased, _ in audits])
    at = origins["where"].map(lambda where: where == dict(bias.where)) & (origins["emotion"] == bias.emotion)
    causes = origins.loc[at & (origins["verdict"] == "skewed"), "attribution"]
    assert len(causes) > len(SEEDS) / 2
    assert (causes == ("model" if bias.kind == "reading" else "labels")).mean() >= 0.8


def test_the_unbiased_twin_gives_at_most_one_skewed_verdict_in_twenty_seeds(audits) -> None:
    assert sum(twin.count("skewed") for _, twin in audits) <= 1
