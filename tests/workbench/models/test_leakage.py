"""Near copies between what was learnt from and what is measured: found, named, left out on demand, never made up."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter
from scipy import stats

from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.synthetic.features import feature_table
from affect_workbench.workbench.models.training import near_duplicates as leakage
from affect_workbench.workbench.models.training.leakage import near_notes
from affect_workbench.workbench.models.training.near_duplicates import NearDuplicates, NearSearch
from workbench_runs import SLIM, refusal, succeeded

COPIED = 20


def saved(features: FeatureSet, folder: Path) -> Path:
    features.save(folder)
    return folder


def like(features: FeatureSet, at: np.ndarray, *, noise: float) -> np.ndarray:
    """Features of copies: moved a little, each in its own direction."""
    values = np.asarray(features.values[at], dtype=np.float32)
    aside = np.random.default_rng(9).standard_normal(values.shape).astype(np.float32)
    return values + noise * np.linalg.norm(values, axis=1, keepdims=True) * aside / values.shape[1] ** 0.5


@pytest.fixture(scope="module")
def runs(planted, tmp_path_factory):
    """A probe, and sets of new pictures: none like those it learnt from, twenty nearly the same, twenty somewhat alike."""
    root = tmp_path_factory.mktemp("leakage")
    own = saved(planted, root / "own")
    succeeded("train", "--features", own, "-o", root / "probe", "--epochs", 2)
    others = feature_table(biases=[], train=1, test=400, seed=8).where(split="test")
    rows = others.rows.assign(image_id=[f"new-{n}" for n in range(len(others))]).drop(columns="split")
    rows = rows.reset_index(drop=True)
    fresh = FeatureSet(planted.spec, np.asarray(others.values, dtype=planted.values.dtype), rows)
    train = np.flatnonzero(planted.rows["split"] == "train")[5 : 5 + COPIED]
    sets = {"fresh": saved(fresh, root / "fresh")}
    for name, noise in (("copied", 0.02), ("alike", 2.6)):
        values = np.array(fresh.values)
        values[100 : 100 + COPIED] = like(planted, train, noise=noise)
        sets[name] = saved(replace(fresh, values=values), root / name)
    return SimpleNamespace(root=root, own=own, probe=root / "probe", train=train, **sets)


def evaluated(runs, folder, *words):
    return succeeded("evaluate", "--probe", runs.probe, "--datasets", folder, *words).out


def test_near_copies_of_what_the_probe_learnt_from_are_counted_and_named(planted, runs):
    said = evaluated(runs, runs.copied)
    found = re.search(
        r"leakage: (\d+) of 400 pictures are near-duplicates of pictures that the probe was trained on or that chose its "
        r"epoch, first (.+)",
        said,
    )
    assert COPIED <= int(found[1]) <= COPIED + 3  # about one is expected by chance
    new, old = re.match(r"'new-(\d+)' \(like '(.+)', cosine (0\.99\d|1\.000)\)", found[2]).group(1, 2)
    assert planted.rows["image_id"].iloc[runs.train[int(new) - 100]] == old
    assert "its figures may be too high (--unseen-only leaves them out)" in said
    assert "the probe has seen none of the 400 pictures" in said  # by their ids


@pytest.mark.parametrize("name", ["fresh", "alike"])
def test_pictures_that_are_merely_alike_are_not_called_copies(runs, name):
    said = evaluated(runs, getattr(runs, name))
    assert re.search(
        "(no near-duplicate of|[123] pictures? (is|are) as similar to) pictures that the probe was trained on", said
    )
    assert "leakage: " not in said.replace("no leakage", "")


def test_unseen_only_leaves_near_copies_out_as_it_does_exact_ones(runs):
    said = evaluated(runs, runs.copied, "--unseen-only")
    assert "are near-duplicates of pictures that the probe was trained on" in said
    assert "; they are left out" in said
    assert "all pictures that were not trained on, n = " in said
    assert 400 - COPIED - 3 <= int(re.search(r"n = (\d+)", said)[1]) <= 400 - COPIED


def test_one_set_is_looked_through_as_several_are(runs, tmp_path):
    words = ("evaluate", "--probe", runs.probe, "--features", runs.copied)
    said = succeeded(*words, "-o", tmp_path / "out").out
    (note,) = re.findall(r"leakage: 2\d of 400 pictures are near-duplicates", said)
    assert note in (tmp_path / "out" / "evaluation.html").read_text("utf-8")
    assert re.search(r"measured on 3[78]\d pictures of", succeeded(*words, "--unseen-only").out)
    assert "leakage: " not in succeeded("evaluate", "--probe", runs.probe, "--features", runs.fresh).out


@pytest.mark.parametrize("command", ["audit", "discover"])
def test_a_search_for_bias_leaves_near_copies_out_too(runs, tmp_path, command):
    more = SLIM if command == "audit" else ()
    words = (command, "--probe", runs.probe, "--features", runs.copied, *more)
    said = succeeded(*words, "-o", tmp_path / "without", "--unseen-only").out
    (left_out,) = re.findall(r"leakage: (2\d) of 400 pictures are near-duplicates .*; they are left out", said)
    page = {"audit": "report.html", "discover": "discover.html"}[command]
    assert f"leakage: {left_out} of 400 pictures" in (tmp_path / "without" / page).read_text("utf-8")
    if command == "audit":
        assert f"bias audit of {400 - int(left_out)} pictures" in (tmp_path / "without" / page).read_text("utf-8")
    fresh = (command, "--probe", runs.probe, "--features", runs.fresh, *more)
    assert "use it with --unseen-only" in refusal(*words, "-o", tmp_path / "not", "--trained-on", runs.own)
    assert "leakage: " not in succeeded(*fresh, "-o", tmp_path / "fresh", "--unseen-only").out


def test_what_cannot_be_opened_any_more_is_said_and_can_be_named(planted, runs, tmp_path):
    shutil.copytree(runs.own, tmp_path / "away")
    succeeded("train", "--features", tmp_path / "away", "-o", tmp_path / "probe", "--epochs", 1)
    (tmp_path / "away").rename(tmp_path / "moved")
    words = ("evaluate", "--probe", tmp_path / "probe", "--datasets", runs.copied)
    said = succeeded(*words).out
    assert "near-duplicates of pictures that the probe was trained on or that chose its epoch were not looked for" in said
    assert "pictures are near-duplicates of" in succeeded(*words, "--trained-on", tmp_path / "moved").out
    assert "no features at" in refusal(*words, "--trained-on", tmp_path / "nowhere")
    assert "is one that the probe was trained on" in refusal(*words, "--trained-on", runs.fresh)
    part = saved(planted.take(runs.train), tmp_path / "part")
    said = succeeded(*words, "--trained-on", part).out
    assert "were not all looked for: 580 of its 600 training pictures are no longer among them" in said
    (tmp_path / "probe" / "sources.json").unlink()
    marker = tmp_path / "probe" / "COMPLETE.json"
    record = json.loads(marker.read_text("utf-8"))
    del record["files"]["sources.json"]
    marker.write_text(json.dumps(record), "utf-8")
    assert "the probe does not say where their features are (name them with --trained-on)" in succeeded(*words).out


def test_near_copies_between_the_sides_of_the_baselines_are_counted_and_left_out(planted, runs, tmp_path):
    values = np.array(planted.values)
    test = np.flatnonzero(planted.rows["split"] == "test")[:COPIED]
    values[test] = like(planted, runs.train, noise=0.02)
    folder = saved(replace(planted, values=values), tmp_path / "copied")
    said = evaluated(runs, folder)
    assert re.search(
        "leakage: 2[0-3] of 900 pictures are near-duplicates of pictures that the baselines are fitted on", said
    )
    assert re.search("n = 8(80|7[7-9])$", evaluated(runs, folder, "--unseen-only"), re.MULTILINE)
    rows = planted.rows.drop(columns="split").assign(image_id=[f"other-{n}" for n in range(len(planted))])
    folder = saved(FeatureSet(planted.spec, values, rows), tmp_path / "whole")
    assert re.search(r"leakage: 4\d pictures are near-duplicates of another measured one", evaluated(runs, folder))


# The search itself


def test_few_pairs_that_may_be_chance_are_not_called_leakage():
    pairs = pd.DataFrame({"image_id": ["x"], "like": ["y"], "cosine": [0.981]})
    copies = NearDuplicates(np.array([True, False]), pairs, 1, "features with a cosine of at least 0.980")
    words = {"of": "pictures", "whose": "its", "unseen_only": False}
    (note,) = near_notes(copies, **words)
    assert note.startswith("1 picture is as similar to pictures as near-duplicates are, first 'x' (like 'y', cosine 0.981)")
    assert "about one pair is expected by chance" in note
    (note,) = near_notes(replace(copies, pairs=pairs.assign(cosine=0.99995)), **words)
    assert note.startswith("leakage: 1 of 2 pictures are near-duplicates of pictures")
    # About one pair is expected by chance; more than three are seen by chance in 2 of 100 comparisons.
    assert replace(copies, count=3).may_be_chance
    assert not replace(copies, count=4).may_be_chance
    assert stats.poisson.sf(3, 1) == pytest.approx(0.019, abs=0.001)
    (note,) = near_notes(replace(copies, count=4), **words)
    assert note.startswith("leakage")


def test_more_pictures_than_are_compared_beside_an_evaluation_are_said(planted, monkeypatch):
    monkeypatch.setattr(leakage, "AT_MOST", 1_000)
    near = NearSearch().between([(planted, np.arange(600))], planted, np.arange(600, 1_500))
    assert near.by == ""
    (reason,) = near.unchecked
    assert reason.startswith("1,500 pictures are more than the 1,000 that are compared here; `workbench overlap` compares")
    assert not near.found.any()


def test_a_flood_of_pairs_is_said_and_not_raised(monkeypatch):
    monkeypatch.setattr("affect_workbench.analyses.duplicates.exact_search.MOST_PAIRS", 50)
    rows = pd.DataFrame({"image_id": map(str, range(20))})
    same = FeatureSet(FeatureSpec(3), np.ones((20, 3), np.float32), rows)
    near = NearSearch().between([(same, np.arange(20))], same, np.arange(20))
    assert "more than 50 pairs have a cosine" in near.unchecked[0]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two sets of 120 drawn pictures as files; the last ten of the second are the first ten of the first, saved smaller."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    sides = []
    for name in ("a", "b"):
        paths, values = [], rng.standard_normal((120, 64)).astype(np.float32)
        for number in range(120):
            noise = Image.fromarray(rng.integers(0, 255, (96, 96, 3), dtype=np.uint8))
            picture = noise.filter(ImageFilter.GaussianBlur(8))
            if name == "b" and number >= 110:
                picture = Image.open(sides[0].rows["path"][number - 110]).resize((64, 64))
                values[number] = sides[0].values[number - 110] + rng.standard_normal(64)
            paths.append(str(root / f"{name}{number}.{'png' if name == 'a' else 'jpg'}"))
            picture.save(paths[-1])
        rows = pd.DataFrame({"image_id": [f"{name}{n}" for n in range(120)], "path": paths})
        sides.append(FeatureSet(FeatureSpec(64), values, rows))
    return sides


def test_pictures_that_are_there_are_compared_by_hashes_too_and_opened_once(pictures, monkeypatch):
    first, second = pictures
    everything, asked = np.arange(120), np.arange(120)
    search, opened = NearSearch(), []
    real = leakage.hashes
    monkeypatch.setattr(leakage, "hashes", lambda paths, **more: opened.extend(paths) or real(paths, **more))
    near = search.between([(first, everything)], second, asked)
    assert near.by.endswith(", and perceptual hashes")
    assert np.flatnonzero(near.found)[-10:].tolist() == [*range(110, 120)]
    assert near.found.sum() <= 13  # about one pair by chance
    search.between([(second, everything)], first, asked)
    assert len(opened) == len(set(opened)) == 240
    monkeypatch.setattr(leakage, "HASHED_AT_MOST", 100)
    assert "hashes" not in NearSearch().between([(first, everything)], second, asked).by
    gone = replace(first, rows=first.rows.assign(path=first.rows["path"] + ".gone"))
    assert "hashes" not in NearSearch().between([(gone, everything)], second, asked).by
