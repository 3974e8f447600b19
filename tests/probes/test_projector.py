"""Does a probe read the nearest anchor, in any batch, and refuse or doubt features it does not know?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes import projector as module
from affect_workbench.probes.projector import MetricProjector, Probe, as_input, mean_direction

PUBLISHED = {
    "model.0.weight",
    "model.0.bias",
    "model.1.weight",
    "model.1.bias",
    "model.1.running_mean",
    "model.1.running_var",
    "model.1.num_batches_tracked",
    "model.4.weight",
    "model.4.bias",
}


def renamed(features: FeatureSet, **changes) -> FeatureSet:
    return replace(features, spec=replace(features.spec, **changes))


def test_the_architecture_and_its_names_are_the_published_ones() -> None:
    projector = MetricProjector(768, 1_280)
    assert set(projector.state_dict()) == PUBLISHED
    assert [type(layer).__name__ for layer in projector.model] == ["Linear", "BatchNorm1d", "GELU", "Dropout", "Linear"]
    assert projector.model[3].p == 0.2
    assert sum(weights.numel() for weights in projector.parameters()) == 768 * 1_280 + 1_280 * 1_280 + 4 * 1_280


def test_projected_pictures_have_unit_length() -> None:
    vectors = MetricProjector(5, 7).eval()(torch.randn(9, 5, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(9))


def test_normalised_input_has_length_root_d_whatever_the_type_and_scale() -> None:
    values = np.random.default_rng(0).standard_normal((4, 16))
    tensor = as_input((19 * values).astype(np.float16), normalise=True)
    assert tensor.dtype == torch.float32
    torch.testing.assert_close(tensor.norm(dim=1), torch.full((4,), 4.0))
    torch.testing.assert_close(as_input(values, normalise=False), torch.from_numpy(values).float())


def test_distances_are_cosine_distances_and_the_nearest_anchor_is_said(planted: FeatureSet, planted_probe: Probe) -> None:
    test = planted.where(split="test")
    predictions = planted_probe.predict(test)
    vectors = planted_probe.embed(test)
    anchors = planted_probe.anchors.vectors
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    expected = [[1 - float(vector @ anchor) for anchor in anchors] for vector in vectors[:20]]
    np.testing.assert_allclose(predictions.distances[:20], expected, atol=1e-6)
    np.testing.assert_array_equal(predictions.predicted, (vectors @ anchors.T).argmax(axis=1))
    assert (predictions.measure, predictions.source) == ("cosine", f"probe {planted_probe.fingerprint()}")
    assert (predictions.predicted == planted_probe.taxonomy.codes(test.rows["label"])).mean() > 0.5


def test_a_picture_is_read_the_same_alone_in_any_order_and_in_any_batch(
    planted: FeatureSet, planted_probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = planted.where(split="test")
    whole = planted_probe.embed(test)
    np.testing.assert_allclose(planted_probe.embed(test.take(np.array([5])))[0], whole[5], atol=1e-6)
    np.testing.assert_allclose(planted_probe.embed(test.take(np.arange(899, -1, -1)))[::-1], whole, atol=1e-6)
    monkeypatch.setattr(module, "_BATCH", 7)
    np.testing.assert_allclose(planted_probe.embed(test), whole, atol=1e-6)
    np.testing.assert_allclose(mean_direction(test.values), unit(test.values).mean(axis=0), atol=1e-6)


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_the_scale_of_features_does_not_matter_to_a_normalising_probe(planted: FeatureSet, planted_probe: Probe) -> None:
    larger = replace(planted, values=planted.values * 30)
    np.testing.assert_allclose(planted_probe.embed(larger), planted_probe.embed(planted), atol=1e-5)


def test_probabilities_are_a_softmax_of_cosines(planted: FeatureSet, planted_probe: Probe) -> None:
    predictions = planted_probe.predict(planted.where(split="test"))
    cosines = 1 - predictions.distances.astype(float)
    expected = np.exp(cosines / planted_probe.temperature)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(planted_probe.probabilities(predictions), expected, atol=1e-9)


def test_a_probes_predictions_survive_a_plain_table(planted: FeatureSet, planted_probe: Probe) -> None:
    predictions = planted_probe.predict(planted.where(split="test"))
    again = predictions_from_table(predictions.table())
    np.testing.assert_array_equal(again.predicted, predictions.predicted)
    np.testing.assert_array_equal(again.truth, predictions.truth)


def test_predictions_of_pictures_seen_in_training_say_so(planted: FeatureSet, planted_probe: Probe) -> None:
    assert planted_probe.predict(planted.where(split="test")).notes == ()
    (note,) = planted_probe.predict(planted).notes
    assert note.startswith(
        "600 of 1500 predictions are in-sample: these pictures were trained on, or used to choose the epoch"
    )
    np.testing.assert_array_equal(planted_probe.unseen(planted), planted.rows["split"] == "test")


def test_features_of_another_encoder_are_refused(planted: FeatureSet, planted_probe: Probe) -> None:
    other = renamed(planted, encoder="clip", weights="openai")
    with pytest.raises(ValueError, match=r"the probe was trained on features of planted .*differs in encoder, weights"):
        planted_probe.predict(other)


def test_features_of_an_unnamed_encoder_that_point_another_way_are_doubted(
    planted: FeatureSet, planted_probe: Probe
) -> None:
    rng = np.random.default_rng(0)
    one, other = (unit(rng.standard_normal((1, 64))) for _ in range(2))
    probe = replace(planted_probe, spec=replace(planted.spec, encoder="unknown"), centre=mean_direction(one))

    def notes(centre: np.ndarray, encoder: str = "unknown") -> tuple[str, ...]:
        values = (centre + 0.1 * rng.standard_normal((900, 64))).astype(np.float32)
        features = renamed(replace(planted.where(split="test"), values=values), encoder=encoder)
        return replace(probe, spec=replace(probe.spec, encoder=encoder)).predict(features).notes

    assert notes(one) == ()
    assert notes(0 * one) == ()
    assert notes(other, "planted") == ()
    (note,) = notes(other)
    assert note.startswith("these features may come from another encoder than the probe's: neither names one")


def test_anchors_of_other_labels_are_refused(planted_probe: Probe) -> None:
    with pytest.raises(ValueError, match=r"anchors are for \('anger', .*, the taxonomy has \('anger', 'fear'"):
        replace(planted_probe, taxonomy=Taxonomy.named("parrott6"))
