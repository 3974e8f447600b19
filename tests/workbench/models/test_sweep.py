"""A sweep: only legal settings, never worse than the given ones, resumed after a kill, and honest about what it found."""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from affect_workbench.analyses.inference.intervals import paired_shift_interval
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import LabelAnchors
from affect_workbench.probes.config import LOSS_NAMES, SOFT_LOSSES, FitConfig
from affect_workbench.probes.training.fit import fit
from affect_workbench.workbench.interface.options import build, read_toml
from affect_workbench.workbench.models.training.settings import SweepSettings, TrainSettings
from affect_workbench.workbench.models.training.sweep.command import SweepResult, sweep
from affect_workbench.workbench.models.training.sweep.search_space import SPACE, Choice, as_suggestion, proposed, searched
from affect_workbench.workbench.models.training.sweep.summary import best_of, paired_interval, sentences
from affect_workbench.workbench.models.training.sweep.trials import CVSetup, TrialResult
from workbench_runs import refusal, succeeded

QUICK = ("--epochs", 2, "--device", "cpu", "--minutes", 0)
FIT = FitConfig(epochs=2, device="cpu")
ABC = Taxonomy("abc", ("a", "b", "c"))


def clock_of(step: float = 0.0, *, killed_at: int | None = None) -> Callable[[], float]:
    """A clock that goes on by `step` seconds whenever it is looked at, and kills at a certain look."""
    looks = itertools.count()

    def clock() -> float:
        look = next(looks)
        if look == killed_at:
            raise KeyboardInterrupt
        return look * step

    return clock


def swept(features: Path, out: Path, *, clock: Callable[[], float] | None = None, **more: object) -> tuple[SweepResult, str]:
    """A sweep of at most so many trials, and what it said."""
    said: list[str] = []
    options = {"minutes": 0.0, "trials": 4, "fit": FIT} | more
    settings = SweepSettings(features=str(features), out=str(out), **options)
    return sweep(settings, say=said.append, clock=clock or clock_of()), "\n".join(said)


def saved(folder: Path, n: int = 90, *, noise: float = 0.7, **columns: object) -> Path:
    """Three classes around three axes of six, as a saved feature set; columns replace or add to `label`."""
    rng = np.random.default_rng(0)
    codes = np.arange(n) % 3
    values = (np.eye(6)[codes] + noise * rng.standard_normal((n, 6))).astype(np.float32)
    labels = np.array(["joy", "fear", "anger"], dtype=object)[codes]
    rows = pd.DataFrame({"image_id": [f"p{at}" for at in range(n)], "label": labels} | columns)
    FeatureSet(FeatureSpec(6, "test"), values, rows).save(folder)
    return folder


@pytest.fixture(scope="module")
def features(planted: FeatureSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep") / "features"
    planted.save(folder)
    return folder


@pytest.fixture(scope="module")
def found(features: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A sweep by the command, and what it printed."""
    out = tmp_path_factory.mktemp("found") / "sweep"
    return out, succeeded("sweep", "--features", features, "-o", out, "--trials", 14, *QUICK).out


# What is searched


def test_every_default_lies_within_the_space() -> None:
    for name, bounds in SPACE.items():
        default = getattr(FitConfig(), name)
        if isinstance(bounds, Choice):
            assert default in bounds.of
        else:
            assert bounds.low <= default <= bounds.high, name


GIVEN = [
    {},
    {"soft": "votes"},
    {"label_smoothing": 0.1},
    {"learn_temperature": True},
    {"loss": "triplet"},
    {"learn_temperature": True, "soft": "similarity"},
    {"epochs": 3, "batch": 16},
]


@pytest.mark.parametrize("more", GIVEN)
def test_whatever_is_proposed_is_legal_within_bounds_and_leaves_the_rest_as_given(more: dict[str, object]) -> None:
    given = FitConfig(seed=3, clip=1.0, **more)
    space = searched(given)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    configs = [proposed(study.ask(), given, space) for _ in range(150)]
    for config in configs:
        for item in fields(FitConfig):
            value = getattr(config, item.name)
            if item.name not in space:
                assert value == getattr(given, item.name), item.name
            elif isinstance(bounds := space[item.name], Choice):
                assert value in bounds.of
            else:
                assert bounds.low <= value <= bounds.high or value == getattr(given, item.name)
    assert len(set(configs)) > 100
    if "loss" in space:
        assert {config.loss for config in configs} == set(space["loss"].of)


@pytest.mark.parametrize("more", GIVEN)
def test_the_given_settings_can_be_suggested_and_come_back_unchanged(more: dict[str, object]) -> None:
    given = FitConfig(**more)
    space, study = searched(given), optuna.create_study()
    study.enqueue_trial(as_suggestion(given, space))
    assert proposed(study.ask(), given, space) == given


def test_what_is_given_or_kept_or_without_meaning_is_not_searched() -> None:
    assert set(searched(FitConfig())) == set(SPACE)
    assert searched(FitConfig())["loss"] == Choice(LOSS_NAMES)
    assert set(SPACE) - set(searched(FitConfig(epochs=7), ("dropout",))) == {"epochs", "dropout"}
    assert set(SPACE) - set(searched(FitConfig(loss="triplet"))) == {"loss", "temperature", "label_smoothing"}
    assert searched(FitConfig(soft="votes"))["loss"] == Choice(SOFT_LOSSES)
    assert searched(FitConfig(learn_temperature=True))["loss"] == Choice(("info_nce", "nt_xent", "sup_con"))
    assert "label_smoothing" not in searched(FitConfig(loss="sup_con"))


def test_a_space_that_is_empty_or_a_name_outside_it_is_refused() -> None:
    with pytest.raises(ValueError, match="--keep 'epoch' is no setting that is searched: did you mean epochs"):
        searched(FitConfig(), ("epoch",))
    with pytest.raises(ValueError, match="every setting is given or kept, so nothing is left to search"):
        searched(FitConfig(), tuple(SPACE))
    with pytest.raises(ValueError, match="nothing is left to search"):
        searched(FitConfig(loss="triplet"), tuple(name for name in SPACE if name not in ("temperature", "loss")))


# What comes out


def test_the_first_trial_is_the_given_settings_and_the_best_is_never_worse(found: tuple[Path, str]) -> None:
    table = pd.read_csv(found[0] / "trials.csv")
    assert len(table) == 14
    assert table["trial"].tolist() == [*range(14)]
    given = table.iloc[0]
    assert given["state"] == "complete"
    assert all(given[name] == value for name, value in asdict(FIT).items())
    best = table[table["state"] == "complete"]["mean"].max()
    assert f"{best:.3f}" in found[1]
    assert best >= given["mean"]
    assert (table["epochs"] == 2).all()
    assert table["learning_rate"].nunique() > 10


def test_bad_trials_are_given_up_after_a_fold_and_counted(found: tuple[Path, str]) -> None:
    table = pd.read_csv(found[0] / "trials.csv")
    counts = table["state"].value_counts()
    assert set(counts.index) == {"complete", "pruned"}
    assert (table["folds"][table["state"] == "complete"] == 3).all()
    assert table["folds"][table["state"] == "pruned"].between(1, 2).all()
    said = f"14 trials in .+: {counts['complete']} on all folds, {counts['pruned']} given up as worse than the median"
    assert re.search(said, found[1])
    one_fold = table["standard_error"][table["folds"] == 1]
    assert one_fold.isna().all()


def test_the_best_settings_train_unchanged(found: tuple[Path, str], features: Path, tmp_path: Path) -> None:
    keys = read_toml(found[0] / "best.toml", TrainSettings)
    table = pd.read_csv(found[0] / "trials.csv")
    best = table[table["state"] == "complete"].sort_values(["mean", "trial"], ascending=[False, True]).iloc[0]
    config = build(TrainSettings, keys | {"features": "f", "out": "o"}).fit
    assert all(best[name] == value for name, value in asdict(config).items())
    succeeded("train", "--config", found[0] / "best.toml", "--features", features, "-o", tmp_path / "probe")
    record = json.loads((tmp_path / "probe" / "metrics.json").read_text(encoding="utf-8"))["training"]
    assert {name: record[name] for name in asdict(config)} == asdict(config)


def test_text_of_any_kind_survives_the_file(tmp_path: Path) -> None:
    fit = replace(FIT, template='a "plain" \\ phrase\tof {} \x7f \U0001f600 emotion')
    swept(saved(tmp_path / "features"), tmp_path / "out", trials=1, fit=fit, taxonomy="ekman6", split="")
    keys = read_toml(tmp_path / "out" / "best.toml", TrainSettings)
    assert (keys["template"], keys["taxonomy"]) == (fit.template, "ekman6")
    assert "split" not in keys


def test_a_finished_sweep_leaves_nothing_beside_it_and_is_not_replaced(found: tuple[Path, str], features: Path) -> None:
    assert [item.name for item in found[0].parent.iterdir()] == ["sweep"]
    assert sorted(item.name for item in found[0].iterdir()) == ["COMPLETE.json", "best.toml", "trials.csv"]
    line = refusal("sweep", "--features", features, "-o", found[0], "--trials", 1, *QUICK)
    assert "exists: choose another folder, or pass --overwrite" in line


def test_pictures_of_the_test_split_change_nothing(planted: FeatureSet, features: Path, tmp_path: Path) -> None:
    tested = (planted.rows["split"] == "test").to_numpy()
    values = np.where(tested[:, None], 7.0, planted.values).astype(np.float32)
    labels = planted.rows["label"].where(~tested, "joy")
    FeatureSet(planted.spec, values, planted.rows.assign(label=labels)).save(tmp_path / "scrambled")
    one, said = swept(features, tmp_path / "one", taxonomy="ekman6")
    other, _ = swept(tmp_path / "scrambled", tmp_path / "other", taxonomy="ekman6")
    assert "only split train is used, 600 of 1,500 pictures" in said
    assert "there is no split test" not in said
    assert [trial_result.scores for trial_result in one.trials] == [trial_result.scores for trial_result in other.trials]
    assert len(one.best.hits) == 600


def test_without_a_test_split_the_next_accuracy_is_called_optimistic(tmp_path: Path) -> None:
    _, said = swept(saved(tmp_path / "features"), tmp_path / "out", trials=2)
    assert "there is no split test that the sweep has not used" in said


def test_unlabelled_pictures_and_copies_are_left_out_and_counted(tmp_path: Path) -> None:
    labels = np.array(["joy", "fear", "anger"] * 30, dtype=object)
    labels[:4] = None
    contents = np.array([f"bytes-{at}" for at in range(90)], dtype=object)
    contents[50] = contents[20]
    contents[60:70] = ""
    result, said = swept(saved(tmp_path / "features", label=labels, content=contents), tmp_path / "out", trials=1)
    assert "4 pictures have no label and are left out" in said
    assert "1 picture is a copy of another one: left out, first 'p50'" in said
    assert len(result.best.hits) == 85


@pytest.mark.parametrize("at_once", [7, 1 << 16])
def test_folds_by_position_read_as_probes_trained_on_copies_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("affect_workbench.workbench.models.training.sweep.trials._READ_AT_ONCE", at_once)
    features = FeatureSet.load(saved(tmp_path / "features"))
    taxonomy = Taxonomy.from_labels(["anger", "fear", "joy"])
    anchors = LabelAnchors(taxonomy.labels, np.eye(3, dtype=np.float32), "test")
    within = np.flatnonzero(np.arange(90) % 10 > 0)
    setup = CVSetup(features, within, taxonomy, anchors, 3, 5)
    copy, codes = features.take(within), taxonomy.codes(features.rows["label"].iloc[within])
    assert setup.question(FIT, {})["features"] == copy.fingerprint()
    naive = []
    for number in range(3):
        probe = fit(FIT, copy.take(setup.fold != number), taxonomy=taxonomy, anchors=anchors, progress=False)
        outside = np.flatnonzero(setup.fold == number)
        naive.append((outside, probe.predict(copy.take(outside)).predicted == codes[outside]))
    copied: list[int] = []
    take = FeatureSet.take
    monkeypatch.setattr(FeatureSet, "take", lambda self, at: copied.append(len(at)) or take(self, at))
    for (at, hits), (expected_at, expected) in zip(setup.hits_by_fold(FIT), naive, strict=True):
        assert (at == expected_at).all()
        assert (hits == expected).all()
    assert max(copied) <= min(at_once, 27)
    assert sum(copied) == len(within)  # what is left out is read, what is trained on stays where it is


# What may be believed


def test_a_real_gain_is_found_and_called_one(tmp_path: Path) -> None:
    """Plain gradient descent needs a far larger learning rate than the default, which is for AdamW."""
    fit = replace(FIT, optimiser="sgd")
    result, said = swept(saved(tmp_path / "features", 600), tmp_path / "out", trials=12, fit=fit)
    assert result.best.number > 0
    assert result.best.mean > result.trials[0].mean + 0.1
    assert result.best.config.learning_rate > FitConfig.learning_rate
    assert "still better than given" in said
    assert "the best of many on the same folds is optimistic" in said


@pytest.mark.parametrize("seed", range(3))
def test_where_labels_are_chance_no_settings_are_called_better(tmp_path: Path, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.array(["joy", "fear", "anger"] * 100, dtype=object))
    _, said = swept(saved(tmp_path / "features", 300, label=labels), tmp_path / "out", trials=10)
    assert any(words in said for words in ("did better: best.toml", "contains 0: no difference", "not shown to be better"))
    assert "still better" not in said


def three(hits: list[list[bool]], measure: str = "accuracy") -> tuple[CVSetup, list[TrialResult]]:
    """Complete trials with these hits over the same pictures, two folds."""
    n = len(hits[0])
    rows = pd.DataFrame({"image_id": map(str, range(n)), "label": ["a"] * (n // 2) + ["b"] * (n - n // 2)})
    features = FeatureSet(FeatureSpec(2, "test"), np.ones((n, 2), np.float32), rows)
    anchors = LabelAnchors(ABC.labels, np.eye(3, dtype=np.float32), "test")
    setup = CVSetup(features, np.arange(n), ABC, anchors, 2, 0, measure)
    trials = []
    for number, right in enumerate(hits):
        array = np.array(right)
        scores = tuple(setup.score(at, array[at]) for at in (np.flatnonzero(setup.fold == part) for part in (0, 1)))
        trials.append(TrialResult(number, "complete", {}, FitConfig(), scores, array, 1.0, number + 1.0))
    return setup, trials


def test_a_difference_within_its_interval_is_a_tie() -> None:
    half = [True, False] * 50
    setup, trials = three([half, [*half[:-1], True]])
    told = "\n".join(sentences(trials, setup, elapsed=61.0))
    assert "2 trials in 1 min 1 s: 2 on all folds" in told
    assert "+1.0 points [-1.7, +3.7] (paired 95 % interval)" in told
    assert "the interval contains 0: no difference" in told


def test_a_gain_that_is_one_of_many_is_held_to_a_wider_interval() -> None:
    half = [True, False] * 50
    better = [True] * 12 + half[12:]
    setup, few = three([half, better])
    assert "allowing for selection among 1 other, " in "\n".join(sentences(few, setup, elapsed=1.0))
    assert "still better than given" in "\n".join(sentences(few, setup, elapsed=1.0))
    setup, many = three([half, better, *([half] * 198)])
    assert "it contains 0, not shown to be better" in "\n".join(sentences(many, setup, elapsed=1.0))


def test_a_tie_of_means_goes_to_the_given_settings() -> None:
    half = [True, False] * 20
    setup, trials = three([half, half])
    assert best_of(trials).number == 0
    assert "none of 1 other did better: best.toml holds the given settings" in sentences(trials, setup, elapsed=1.0)


def test_the_paired_interval_is_that_of_two_groups_when_the_other_is_certain() -> None:
    differences = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], 200, p=[0.1, 0.7, 0.2])
    none, endless = np.array([0.0]), np.array([1e18])
    total, squares = np.array([differences.sum()]), np.array([(differences**2).sum()])
    low, high = paired_shift_interval(Sums(total, squares, np.array([200.0])), Sums(none, none, endless))
    assert paired_interval(differences) == pytest.approx((differences.mean(), low[0], high[0]))


def test_the_paired_interval_covers_and_is_not_certain_of_equality() -> None:
    _, low, high = paired_interval(np.zeros(100))
    assert low < 0 < high
    rng = np.random.default_rng(1)
    drawn = rng.choice([-1.0, 0.0, 1.0], (2_000, 60), p=[0.05, 0.8, 0.15])
    bounds = np.array([paired_interval(row)[1:] for row in drawn])
    assert 0.93 <= ((bounds[:, 0] <= 0.1) & (bounds[:, 1] >= 0.1)).mean() <= 0.98


def test_balanced_accuracy_is_that_of_scikit_learn_and_the_mean_of_weighted_hits(tmp_path: Path) -> None:
    right = np.random.default_rng(0).random(31) < 0.6
    setup, _ = three([right.tolist()], "balanced_accuracy")
    said = np.where(right, setup.codes, 1 - setup.codes)
    expected = balanced_accuracy_score(setup.codes, said)
    assert setup.score(np.arange(31), right) == pytest.approx(expected)
    assert (setup.weights * right).mean() == pytest.approx(expected)
    fit = replace(FIT, choose_by="balanced_accuracy")
    result, said_words = swept(saved(tmp_path / "features"), tmp_path / "out", trials=1, fit=fit)
    assert "the given settings: balanced accuracy" in said_words
    assert pd.read_csv(tmp_path / "out" / "trials.csv")["measure"].tolist() == ["balanced_accuracy"]
    assert result.best.number == 0


def test_trials_are_not_judged_by_a_loss_that_changes_with_the_settings(tmp_path: Path) -> None:
    fit = replace(FIT, choose_by="loss")
    _, said = swept(saved(tmp_path / "features"), tmp_path / "out", trials=1, fit=fit)
    assert "trials are compared by accuracy, epochs by the loss" in said
    assert "the given settings: accuracy" in said


# Time, and going on


def test_the_given_settings_are_measured_however_short_the_time(tmp_path: Path) -> None:
    result, said = swept(saved(tmp_path / "features"), tmp_path / "out", trials=0, minutes=1e-3, clock=clock_of(60.0))
    assert [trial_result.state for trial_result in result.trials] == ["complete"]
    assert "no other settings were measured in the time" in said


def test_a_trial_that_runs_when_the_time_ends_is_stopped_between_folds(tmp_path: Path) -> None:
    """By the clock's steps: the first trial takes some looks at it, the second has begun when the time is over."""
    features = saved(tmp_path / "features")
    whole, _ = swept(features, tmp_path / "whole", trials=1, clock=clock_of(1.0))
    minutes = (whole.trials[0].elapsed + 3) / 60
    result, said = swept(features, tmp_path / "out", trials=0, minutes=minutes, clock=clock_of(1.0))
    assert [trial_result.state for trial_result in result.trials] == ["complete", "stopped"]
    assert len(result.trials[1].scores) < 3
    assert "1 stopped between folds when the time was over" in said
    assert result.best.number == 0


def as_found(result: SweepResult) -> list[tuple[object, ...]]:
    return [
        (trial_result.state, trial_result.config, trial_result.scores, trial_result.hits.tolist())
        for trial_result in result.trials
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    """A sweep that nothing interrupts."""
    folder = tmp_path_factory.mktemp("undisturbed")
    whole, said = swept(saved(folder / "features"), folder / "whole", trials=13)
    assert "interrupted" not in said
    return whole


@pytest.mark.parametrize("killed_at", [12, 40, 60])
def test_a_killed_sweep_goes_on_to_the_same_trials(tmp_path: Path, undisturbed: SweepResult, killed_at: int) -> None:
    features = saved(tmp_path / "features")
    with pytest.raises(KeyboardInterrupt):
        swept(features, tmp_path / "out", trials=13, clock=clock_of(1.0, killed_at=killed_at))
    assert not (tmp_path / "out").exists()
    done = len([*(tmp_path / ".out.sweep").glob("trial-*.json")])
    assert 0 < done < 13
    resumed, said = swept(features, tmp_path / "out", trials=13)
    assert f"after {done} trials" in said
    assert as_found(resumed) == as_found(undisturbed)
    assert not (tmp_path / ".out.sweep").exists()


def test_time_before_an_interruption_counts(tmp_path: Path) -> None:
    features = saved(tmp_path / "features")
    with pytest.raises(KeyboardInterrupt):
        swept(features, tmp_path / "out", trials=0, minutes=10.0, clock=clock_of(10.0, killed_at=30))
    done = len([*(tmp_path / ".out.sweep").glob("trial-*.json")])
    result, _ = swept(features, tmp_path / "out", trials=0, minutes=0.5, clock=clock_of(1.0))
    assert len(result.trials) == done


@pytest.mark.parametrize(
    "more", [{"fit": replace(FIT, seed=1)}, {"folds": 4}, {"keep": ("dropout",)}, {"features": "other"}]
)
def test_another_question_in_the_same_folder_is_refused(tmp_path: Path, more: dict[str, object]) -> None:
    features = saved(tmp_path / "features")
    saved(tmp_path / "other", noise=0.5)
    with pytest.raises(KeyboardInterrupt):
        swept(features, tmp_path / "out", clock=clock_of(1.0, killed_at=15))
    given = dict(more)
    asked = tmp_path / str(given.pop("features", "features"))
    with pytest.raises(
        ValueError, match=r"\.out\.sweep is of a sweep over other features or settings: remove it, or choose"
    ):
        swept(asked, tmp_path / "out", **given)


def test_another_seed_tries_other_settings(tmp_path: Path) -> None:
    features = saved(tmp_path / "features")
    one, _ = swept(features, tmp_path / "one")
    other, _ = swept(features, tmp_path / "other", fit=replace(FIT, seed=1))
    rates = [[trial_result.config.learning_rate for trial_result in result.trials] for result in (one, other)]
    assert rates[0][0] == rates[1][0] == FitConfig.learning_rate
    assert not set(rates[0][1:]) & set(rates[1][1:])


def test_settings_under_which_training_breaks_down_fail_alone(tmp_path: Path) -> None:
    """With an absurd weight decay, the larger learning rates throw the weights to infinity."""
    fit = replace(FIT, weight_decay=1000.0, batch=2)
    result, said = swept(saved(tmp_path / "features", 120), tmp_path / "out", trials=3, fit=fit)
    failed = [trial_result for trial_result in result.trials if trial_result.state == "failed"]
    assert failed
    assert result.trials[0].state == "complete"
    assert f"{len(failed)} failed in training (the column note of trials.csv says why)" in said
    notes = pd.read_csv(tmp_path / "out" / "trials.csv")["note"].dropna()
    assert len(notes) == len(failed)
    assert notes.str.contains("NaN or infinite").all()


# Bad input


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--minutes", 0], "--minutes and --trials are both 0, so the sweep would never end"),
        (["--minutes", -1], "--minutes is -1 and --trials 0: expected numbers from 0"),
        (["--minutes", "nan"], "--minutes is nan"),
        (["--trials", -2], "--trials -2: expected numbers from 0"),
        (["--folds", 1], "--folds is 1: at least 2 are needed"),
        (["--folds", 31], r"3 classes have fewer pictures than the 31 folds, first 'anger' has 30"),
        (["--keep", "colour"], "--keep 'colour' is no setting that is searched"),
        (["--loss", "hinge"], "unknown loss 'hinge'"),
        (["--split", "test"], "these features have no split, so there is no split 'test'"),
        (["--taxonomy", "ekmann"], "did you mean ekman6"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(tmp_path: Path, words: list[object], message: str) -> None:
    features = saved(tmp_path / "features")
    assert message in refusal("sweep", "--features", features, "-o", tmp_path / "out", *words)
    assert [item.name for item in tmp_path.iterdir()] == ["features"]


def test_features_that_cannot_be_learned_from_are_refused(tmp_path: Path, planted: FeatureSet) -> None:
    FeatureSet(planted.spec, planted.values, planted.rows.drop(columns="label")).save(tmp_path / "bare")
    assert "have no 'label' column" in refusal("sweep", "--features", tmp_path / "bare", "-o", tmp_path / "out")
    saved(tmp_path / "empty", label=np.full(90, None))
    assert "no picture at" in refusal("sweep", "--features", tmp_path / "empty", "-o", tmp_path / "out")
    saved(tmp_path / "joyful", label=["joy"] * 90)
    line = refusal("sweep", "--features", tmp_path / "joyful", "--taxonomy", "ekman6", "-o", tmp_path / "out")
    assert "cannot sweep on 1 class" in line
    assert "no features at" in refusal("sweep", "--features", tmp_path / "gone", "-o", tmp_path / "out")


def test_given_settings_that_cannot_be_trained_with_are_refused(tmp_path: Path) -> None:
    line = refusal(
        "sweep", "--features", saved(tmp_path / "features"), "-o", tmp_path / "out", *QUICK[:4], "--soft", "votes"
    )
    assert "no column 'vote_" in line
    assert not (tmp_path / "out").exists()


def test_without_optuna_one_line_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    line = refusal("sweep", "--features", tmp_path / "features", "-o", tmp_path / "out")
    assert "Optuna is not installed: pip install 'affect-workbench[sweep]'" in line
