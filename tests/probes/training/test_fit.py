"""Is training repeatable, does it keep the best epoch, and does it say what it left out?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.taxonomies.joint import JointTaxonomy, equivalent_labels
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import LabelAnchors, anchors_from, synonym_anchors
from affect_workbench.probes.config import LOSS_NAMES, FitConfig
from affect_workbench.probes.training import batches as batching
from affect_workbench.probes.training import loop
from affect_workbench.probes.training.batches import cut, epoch_order
from affect_workbench.probes.training.fit import _bank, fit, fit_joint
from affect_workbench.probes.training.label_sets import SIMILARITY_TEMPERATURE, LabelSet, prepare

TWO = Taxonomy("two", ("a", "b", "c"))
ANCHORS = LabelAnchors(TWO.labels, np.eye(3, 8, dtype=np.float32), "test")
QUICK = FitConfig(epochs=3, batch=32, device="cpu")


def blobs(n: int = 120, *, noise: float = 0.7, seed: int = 0, start: int = 0) -> FeatureSet:
    """Three classes around three axes of six."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 3
    values = np.eye(6)[codes] + noise * rng.standard_normal((n, 6))
    rows = pd.DataFrame({"image_id": [f"p{start + at}" for at in range(n)], "label": np.array(TWO.labels)[codes]})
    return FeatureSet(FeatureSpec(6, "test"), values.astype(np.float32), rows)


def trained(config: FitConfig = QUICK, train: FeatureSet | None = None, val: FeatureSet | None = None):
    return fit(config, blobs() if train is None else train, val, anchors=ANCHORS, taxonomy=TWO, progress=False)


def accuracy(probe, features: FeatureSet) -> float:
    return float((probe.predict(features).predicted == TWO.codes(features.rows["label"])).mean())


def weights(probe) -> list[torch.Tensor]:
    return list(probe.projector.state_dict().values())


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    one, again, other = trained(), trained(), trained(replace(QUICK, seed=1))
    assert all(torch.equal(a, b) for a, b in zip(weights(one), weights(again), strict=True))
    assert one.fingerprint() == again.fingerprint() != other.fingerprint()


def test_the_global_state_of_chance_does_not_matter() -> None:
    one = trained()
    torch.manual_seed(99)
    assert trained().fingerprint() == one.fingerprint()


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_every_loss_learns_to_read_new_pictures(loss: str) -> None:
    probe = trained(replace(QUICK, loss=loss, epochs=20, patience=20, learning_rate=0.02), train=blobs(noise=0.5))
    assert accuracy(probe, blobs(300, noise=0.5, seed=1, start=1_000)) > 0.6
    assert probe.config["loss"] == loss


def test_features_can_be_taken_as_they_are() -> None:
    probe = trained(replace(QUICK, normalise=False, epochs=20, patience=20, learning_rate=0.02))
    assert accuracy(probe, blobs(300, seed=1, start=1_000)) > 0.6
    assert not probe.normalise


@pytest.mark.parametrize("seed", range(3))
def test_the_weights_are_those_of_the_best_epoch(seed: int) -> None:
    val = blobs(60, seed=5, start=1_000)
    probe = trained(FitConfig(epochs=12, batch=8, learning_rate=0.3, patience=12, seed=seed, device="cpu"), val=val)
    history = probe.config["history"]
    best = max(range(len(history)), key=lambda at: (history[at]["validation_accuracy"], -history[at]["validation_loss"]))
    assert probe.config["best_epoch"] == best + 1
    assert len({epoch["validation_accuracy"] for epoch in history}) > 1
    assert accuracy(probe, val) == pytest.approx(history[best]["validation_accuracy"])


def test_training_stops_after_patience_epochs_without_a_better_accuracy() -> None:
    probe = trained(replace(QUICK, epochs=60, patience=3))
    accuracies = [epoch["validation_accuracy"] for epoch in probe.config["history"]]
    assert len(accuracies) < 60
    assert len(accuracies) == int(np.argmax(accuracies)) + 1 + 3


def test_more_patience_than_epochs_never_stops_early() -> None:
    assert len(trained(replace(QUICK, epochs=7, patience=8)).config["history"]) == 7


def test_validation_pictures_are_held_out_and_counted_but_not_called_unseen() -> None:
    probe, features = trained(), blobs()
    assert (probe.config["pictures"], probe.config["validation_pictures"]) == (105, 15)
    assert not probe.unseen(features).any()
    val = blobs(30, seed=5, start=1_000)
    chosen = trained(val=val)
    assert (chosen.config["pictures"], chosen.config["validation_pictures"]) == (120, 30)
    assert not chosen.unseen(val).any()
    assert chosen.predict(val).notes[0].startswith("30 of 30 predictions are in-sample")


def test_pictures_without_a_label_are_left_out_and_counted() -> None:
    features = blobs()
    labels = features.rows["label"].where(np.arange(120) % 4 > 0, None)
    probe = trained(train=replace(features, rows=features.rows.assign(label=labels)))
    assert (probe.config["unlabelled"], probe.config["pictures"] + probe.config["validation_pictures"]) == (30, 90)
    np.testing.assert_array_equal(probe.unseen(features), labels.isna())


def test_the_labels_are_found_where_no_taxonomy_is_given() -> None:
    probe = fit(QUICK, blobs(), anchors=ANCHORS, progress=False)
    assert probe.taxonomy.labels == TWO.labels


def test_the_config_is_kept_for_the_record() -> None:
    record = trained(replace(QUICK, weight_decay=0.02)).config
    assert record["weight_decay"] == 0.02
    assert set(record) >= {"seed", "loss", "template", "history", "best_epoch", "training_seconds"}


@pytest.mark.parametrize("n", [6, 7, 9])
def test_a_handful_of_pictures_can_be_trained_on(n: int) -> None:
    probe = trained(FitConfig(epochs=1, validation_share=0.4, device="cpu"), train=blobs(n))
    assert np.isfinite(probe.embed(blobs(n))).all()


@pytest.mark.parametrize(
    ("n", "size", "expected"), [(9, 4, [4, 5]), (8, 4, [4, 4]), (10, 4, [4, 4, 2]), (3, 4, [3]), (1, 4, [1])]
)
def test_no_batch_of_many_holds_one_picture(n: int, size: int, expected: list[int]) -> None:
    batches = cut(torch.randperm(n, generator=torch.Generator().manual_seed(0)), size)
    assert [len(batch) for batch in batches] == expected
    assert sorted(torch.cat(batches).tolist()) == [*range(n)]


def test_features_that_cannot_be_trained_on_are_refused() -> None:
    features = blobs()
    with pytest.raises(ValueError, match="cannot train: the features have no 'label' column"):
        trained(train=replace(features, rows=features.rows[["image_id"]]))
    with pytest.raises(ValueError, match=r"cannot train on 1 class: at least two are needed"):
        trained(train=features.take(np.arange(120) % 3 == 0))
    with pytest.raises(ValueError, match=r"validation features are of other, 6 wide, training ones of test, 6 wide"):
        trained(val=replace(features, spec=FeatureSpec(6, "other")))
    with pytest.raises(ValueError, match=r"1 label is not in taxonomy 'two', first 'd'"):
        trained(train=replace(features, rows=features.rows.assign(label=["d", *features.rows["label"][1:]])))


@pytest.mark.parametrize("labels", ["absent", "empty"])
def test_validation_pictures_without_labels_are_refused(labels: str) -> None:
    val = blobs(30, seed=5, start=1_000)
    rows = val.rows[["image_id"]] if labels == "absent" else val.rows.assign(label=None)
    with pytest.raises(ValueError, match="the validation features have no label, so no epoch can be chosen by them"):
        trained(val=replace(val, rows=rows))


def test_anchors_of_other_labels_are_refused_before_training() -> None:
    few = LabelAnchors(("a", "b"), np.eye(2, 8, dtype=np.float32), "test")
    with pytest.raises(ValueError, match=r"anchors are for \('a', 'b'\), the taxonomy has \('a', 'b', 'c'\)"):
        fit(QUICK, blobs(), anchors=few, taxonomy=TWO, progress=False)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("loss", "tripled", "unknown loss 'tripled': expected one of info_nce, cosine_embedding, nt_xent, sup_con, triplet"),
        ("temperature", 0, "temperature is 0: expected between 1e-06 and"),
        ("epochs", 0, "epochs is 0: expected between 1 and"),
        ("batch", 1, "batch is 1: expected between 2 and"),
        ("learning_rate", float("nan"), "learning_rate is nan"),
        ("weight_decay", -1, "weight_decay is -1"),
        ("dropout", 1, "dropout is 1: expected between 0 and 0.999"),
        ("patience", 0, "patience is 0"),
    ],
)
def test_impossible_settings_are_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FitConfig(**{name: value})


ANGRY = Taxonomy("first", ("anger", "joy", "fear"))
RAGING = Taxonomy(
    "second", ("rage", "delight", "horror"), maps={"first": {"rage": "anger", "delight": "joy", "horror": "fear"}}
)
CALM = Taxonomy(
    "third", ("calm", "anger", "joy"), maps={"first": {"calm": None}, "second": {"anger": "rage", "joy": "delight"}}
)


KINDS = ((0, 1, 2), (0, 1, 2), (1, 2, 0))
"""Position of the label that each of three kinds of pictures has in each taxonomy."""


def styled(n: int, style: int, **more) -> FeatureSet:
    """Blobs that also show which set they are from."""
    features = blobs(n, **more)
    return replace(features, values=features.values + 1.5 * np.eye(6, dtype=np.float32)[3 + style])


def three_taxonomies(noise: float = 0.5) -> list[LabelSet]:
    """The same three kinds of pictures, each set in a style and with names and anchors of its own."""
    sets = []
    for number, taxonomy in enumerate((ANGRY, RAGING, CALM)):
        features = styled(240, number, noise=noise, seed=number, start=1_000 * number)
        kinds = np.arange(240) % 3
        labels = np.array(taxonomy.labels)[np.array(KINDS[number])[kinds]]
        vectors = np.random.default_rng(number + 50).normal(size=(3, 12)).astype(np.float32)
        rows = features.rows.assign(label=labels)
        sets.append(LabelSet(replace(features, rows=rows), taxonomy, LabelAnchors(taxonomy.labels, vectors, "test")))
    return sets


def agreement(probes, first: int, second: int) -> float:
    """Of new pictures like the first set, predicted as a label that has a twin in the second: the share that are."""
    new = styled(300, first, noise=0.5, seed=9, start=9_000)
    new = replace(new, rows=new.rows[["image_id"]])
    said = [probes[at].predict(new).predicted for at in (first, second)]
    same = equivalent_labels(probes[first].taxonomy, probes[second].taxonomy)
    return float(same[said[0], said[1]][same.any(axis=1)[said[0]]].mean())


def test_twins_of_three_taxonomies_end_in_agreement_which_the_unmasked_loss_fails(monkeypatch) -> None:
    """Pictures of one set read by the labels of another, whose pictures look different; anchors of twins lie anywhere."""
    pairs = [(first, second) for first in range(3) for second in range(3) if first != second]
    kept, lost = [], []
    for seed in range(3):
        config = FitConfig(epochs=24, patience=24, batch=32, learning_rate=2e-3, temperature=0.05, seed=seed, device="cpu")
        masked = fit_joint(config, three_taxonomies(), progress=False)
        with monkeypatch.context() as patch:
            patch.setattr(JointTaxonomy, "not_negative", property(lambda self: np.eye(len(self), dtype=bool)))
            patch.setattr(
                JointTaxonomy, "equivalent_labels", property(lambda self: np.zeros((len(self), len(self)), dtype=bool))
            )
            unmasked = fit_joint(config, three_taxonomies(), progress=False)
        kept.append([agreement(masked, *pair) for pair in pairs])
        lost.append([agreement(unmasked, *pair) for pair in pairs])
    assert np.min(kept) > 0.75
    assert np.mean(kept) > 0.9
    assert np.mean(lost) < 0.8
    assert [probe.taxonomy.name for probe in masked] == ["first", "second", "third"]
    assert masked[0].projector is masked[1].projector
    assert masked[0].config["taxonomies"] == ["first", "second", "third"]


def test_without_the_other_names_twins_are_spared_only() -> None:
    config = replace(QUICK, twins=0.0)
    with_names, without = (fit_joint(one, three_taxonomies(), progress=False)[0] for one in (QUICK, config))
    assert with_names.fingerprint() != without.fingerprint()
    assert trained(config).fingerprint() == trained().fingerprint()  # one taxonomy has no other names


def test_sets_of_one_taxonomy_are_trained_on_together() -> None:
    sets = [LabelSet(blobs(60, seed=at, start=1_000 * at), TWO, ANCHORS) for at in range(2)]
    probes = fit_joint(QUICK, sets, progress=False)
    assert probes[0].config["pictures"] + probes[0].config["validation_pictures"] == 120
    assert not probes[0].unseen(sets[1].features).any()


def test_sets_that_do_not_fit_together_are_refused() -> None:
    one, *others = three_taxonomies()
    wide = LabelAnchors(RAGING.labels, np.eye(3, 9, dtype=np.float32), "test")
    with pytest.raises(ValueError, match="anchors are 9 and 12 wide: take them from one text model"):
        fit_joint(QUICK, [one, replace(others[0], anchors=wide)], progress=False)
    with pytest.raises(ValueError, match="loss 'proxy_anchor' pushes every other label away"):
        fit_joint(replace(QUICK, loss="proxy_anchor"), [one, *others], progress=False)
    with pytest.raises(ValueError, match="at least one is needed"):
        fit_joint(QUICK, [], progress=False)


class Killed(Exception):
    pass


@pytest.mark.parametrize("more", [{"sampling": "classes"}, {"learn_temperature": True, "accumulate": 2, "clip": 1.0}])
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, monkeypatch, more) -> None:
    config = replace(QUICK, epochs=6, patience=6, **more)
    whole = trained(config)
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    done = loop._Trainer.epoch

    def until_the_fourth(trainer, state, bank, number):
        if number == 3:
            raise Killed
        return done(trainer, state, bank, number)

    monkeypatch.setattr(loop._Trainer, "epoch", until_the_fourth)
    with pytest.raises(Killed):
        fit(config, blobs(), anchors=ANCHORS, taxonomy=TWO, work=tmp_path / "work", progress=False)
    monkeypatch.setattr(loop._Trainer, "epoch", done)
    resumed = fit(config, blobs(), anchors=ANCHORS, taxonomy=TWO, work=tmp_path / "work", progress=False)
    assert resumed.fingerprint() == whole.fingerprint()
    assert resumed.config["history"] == whole.config["history"]
    with pytest.raises(ValueError, match="is of other pictures or settings: remove"):
        fit(replace(config, seed=1), blobs(), anchors=ANCHORS, taxonomy=TWO, work=tmp_path / "work", progress=False)


def test_features_that_stay_on_disk_are_trained_on_like_those_in_memory(tmp_path, monkeypatch) -> None:
    features = blobs(150)
    np.save(tmp_path / "values.npy", features.values)
    mapped = replace(features, values=np.load(tmp_path / "values.npy", mmap_mode="r"))
    held = trained(train=features)
    monkeypatch.setattr(batching, "IN_MEMORY", 0)
    monkeypatch.setattr(batching, "CHUNK", 64)
    read = trained(train=mapped)
    for one, other in zip(weights(held), weights(read), strict=True):
        torch.testing.assert_close(one, other)


def test_pictures_can_be_chosen_by_their_position_instead_of_copied() -> None:
    features, chosen = blobs(150), np.arange(0, 150, 2)
    copied = fit_joint(QUICK, [LabelSet(features.take(chosen), TWO, ANCHORS)], progress=False)[0]
    pointed = fit_joint(QUICK, [LabelSet(features, TWO, ANCHORS, within=chosen)], progress=False)[0]
    assert pointed.fingerprint() == copied.fingerprint()
    assert pointed.trained_on == set(features.rows["image_id"].iloc[chosen])
    assert pointed.config["unlabelled"] == 0
    with pytest.raises(ValueError, match=r"cannot train on 1 class"):
        LabelSet(features, TWO, ANCHORS, within=np.arange(0, 150, 3))


def test_synonyms_are_drawn_anew_every_epoch_and_stand_for_their_own_label_only() -> None:
    ekman, mikels = Taxonomy.named("ekman6"), Taxonomy.named("mikels8")
    config = replace(QUICK, synonyms=0.7, seed=5)
    sets = []
    for number, taxonomy in enumerate((ekman, mikels)):
        features = blobs(60, seed=number, start=100 * number)
        labels = np.array(taxonomy.labels)[np.arange(60) % len(taxonomy)]
        anchors = anchors_from(config.anchors, taxonomy, template="{} emotion")
        sets.append(LabelSet(replace(features, rows=features.rows.assign(label=labels)), taxonomy, anchors))
    given = prepare(sets, config)
    drawn = _bank(config, sets, given)
    epochs = torch.stack([drawn(epoch) for epoch in range(60)])
    torch.testing.assert_close(drawn(7), epochs[7], rtol=0, atol=0)
    torch.testing.assert_close(_bank(config, sets, given)(7), epochs[7], rtol=0, atol=0)
    for start, taxonomy in ((0, ekman), (len(ekman), mikels)):
        words, owners, vectors = synonym_anchors(config.anchors, taxonomy, template="{} emotion")
        for label in range(len(taxonomy)):
            nearest = (epochs[:, start + label] @ torch.from_numpy(vectors).T).argmax(dim=1).numpy()
            np.testing.assert_array_equal(owners[nearest], label)
            assert len(set(nearest)) == (owners == label).sum(), words[label]  # in 60 epochs every word had its turn
    own = (epochs == given.bank).all(dim=2).double().mean().item()
    assert own == pytest.approx(0.3 + 0.7 / 4, abs=0.06)  # not drawn, or itself among four words
    assert torch.equal(_bank(replace(config, synonyms=0.0), sets, given)(3), given.bank)


def test_a_word_of_two_labels_that_exclude_each_other_is_no_synonym() -> None:
    sets = three_taxonomies()
    fury = replace(sets[1].taxonomy, synonyms={"delight": ("anger",)})
    clash = replace(sets[1], taxonomy=fury)
    with pytest.raises(ValueError, match="'anger' may stand for first's 'anger' and for second's 'delight'"):
        fit_joint(replace(QUICK, synonyms=0.5), [sets[0], clash], progress=False)
    fit_joint(replace(QUICK, epochs=1), [sets[0], clash], progress=False)


def test_a_sum_of_losses_is_trained_with() -> None:
    config = replace(QUICK, epochs=25, patience=25, learning_rate=5e-3, loss="info_nce + 0.5 triplet")
    assert accuracy(trained(config), blobs(300, seed=1, start=1_000)) > 0.55
    assert trained(config).fingerprint() != trained(replace(config, loss="info_nce")).fingerprint()
    with pytest.raises(ValueError, match="takes each picture's label alone"):
        replace(config, soft="votes")
    with pytest.raises(ValueError, match="loss 'proxy_anchor' pushes"):
        fit_joint(replace(QUICK, loss="info_nce + proxy_anchor"), three_taxonomies(), progress=False)


@pytest.mark.parametrize("sampling", ["classes", "sets"])
def test_sampling_makes_small_groups_as_frequent_as_large_ones(sampling: str) -> None:
    codes = np.repeat([0, 1, 2], [900, 90, 10])
    order = epoch_order(codes, codes, sampling, seed=0, epoch=0)
    shares = np.bincount(codes[order]) / len(order)
    np.testing.assert_allclose(shares, 1 / 3, atol=0.06)
    assert len(order) == 1_000
    assert not np.array_equal(order, epoch_order(codes, codes, sampling, seed=0, epoch=1))


def test_without_sampling_every_picture_comes_once() -> None:
    assert sorted(epoch_order(np.zeros(50, int), np.zeros(50, int), "as_is", seed=3, epoch=2).tolist()) == [*range(50)]


def test_votes_are_learned_as_shares() -> None:
    features = blobs(300, noise=0.1)
    codes = np.arange(300) % 3
    votes = {
        f"vote_{label}": np.where(codes == at, 6.0, np.where((codes + 1) % 3 == at, 4.0, 0.0))
        for at, label in enumerate("abc")
    }
    voted = replace(features, rows=features.rows.assign(**votes))
    config = FitConfig(
        epochs=40, patience=40, batch=32, learning_rate=5e-3, soft="votes", calibrate=False, dropout=0.0, device="cpu"
    )
    probe = trained(config, train=voted)
    shares = probe.probabilities(probe.predict(features))[np.arange(300), (codes + 1) % 3]
    hard = trained(replace(config, soft="none"), train=voted)
    assert shares.mean() == pytest.approx(0.4, abs=0.08)
    assert hard.probabilities(hard.predict(features))[np.arange(300), (codes + 1) % 3].mean() < 0.1
    with pytest.raises(ValueError, match="no column 'vote_a': soft = votes needs one for each of a, b, c"):
        trained(config)


@pytest.mark.parametrize("more", [{"soft": "similarity"}, {"label_smoothing": 0.2}])
def test_soft_labels_are_shared_out_as_told(more: dict[str, object]) -> None:
    near = LabelAnchors(TWO.labels, np.array([[1, 0, 0], [0.9, 0.4, 0], [0, 0, 1]], np.float32), "test")
    side = prepare([LabelSet(blobs(), TWO, near)], FitConfig(**more)).train
    assert side.soft is not None
    torch.testing.assert_close(side.soft.sum(dim=1), torch.ones(len(side.y)))
    of_a = side.soft[torch.from_numpy(side.y == 0)][0]
    if "soft" in more:
        cosines = near.vectors @ near.vectors[0] / SIMILARITY_TEMPERATURE
        np.testing.assert_allclose(of_a, np.exp(cosines) / np.exp(cosines).sum(), rtol=1e-4)
    else:
        np.testing.assert_allclose(of_a, [0.8 + 0.2 / 3, 0.2 / 3, 0.2 / 3], rtol=1e-5)


def test_the_temperature_is_fitted_on_validation_or_learned() -> None:
    calibrated = trained(replace(QUICK, epochs=8))
    assert calibrated.temperature != QUICK.temperature
    assert trained(replace(QUICK, calibrate=False)).temperature == pytest.approx(QUICK.temperature)
    learned = trained(replace(QUICK, learn_temperature=True, calibrate=False))
    best = learned.config["history"][learned.config["best_epoch"] - 1]
    assert learned.temperature == best["temperature"] != QUICK.temperature


def test_training_keeps_from_where_a_picture_is_none_of_the_labels() -> None:
    val = blobs(99, seed=3, start=500)
    probe = trained(val=val)
    nearest = np.sort(1 - probe.predict(val).distances.min(axis=1))
    assert probe.none_threshold == pytest.approx(nearest[4], abs=1e-6)
    assert (nearest < probe.none_threshold - 1e-6).mean() <= probe.config["none_share"] == 0.05
    few = trained(val=val.take(np.arange(99) < 18))
    assert few.none_threshold is None
    assert few.config["none_threshold"] is None


def test_each_set_keeps_the_threshold_of_its_own_labels() -> None:
    sets = three_taxonomies()
    probes = fit_joint(replace(QUICK, validation_share=0.25), sets, progress=False)
    assert len({probe.none_threshold for probe in probes}) == 3
    for probe, one in zip(probes, sets, strict=True):
        turned_away = (1 - probe.predict(one.features).distances.min(axis=1) < probe.none_threshold).mean()
        assert turned_away < 0.2


def test_the_best_epoch_can_be_chosen_by_another_figure() -> None:
    history = trained(replace(QUICK, epochs=6, patience=6, choose_by="loss")).config
    losses = [epoch["validation_loss"] for epoch in history["history"]]
    assert history["best_epoch"] == int(np.argmin(losses)) + 1


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_other_optimisers_and_schedules_learn_too(optimiser: str, schedule: str) -> None:
    config = replace(
        QUICK, epochs=15, patience=15, optimiser=optimiser, schedule=schedule, learning_rate=0.02, precision="bfloat16"
    )
    assert accuracy(trained(config), blobs(300, seed=1, start=1_000)) > 0.55


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"optimiser": "lion"}, "unknown optimiser 'lion': expected one of adamw, adam, sgd"),
        ({"soft": "votes", "loss": "triplet"}, "loss 'triplet' takes each picture's label alone"),
        ({"loss": "triplet", "learn_temperature": True}, "loss 'triplet' has no temperature to learn"),
        ({"template": "{} emotion|an image"}, "template 'an image' has no {} for the label"),
        ({"sampling": "often"}, "unknown sampling 'often': expected one of as_is, classes, sets"),
    ],
)
def test_choices_that_make_no_sense_are_refused(more: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FitConfig(**more)
