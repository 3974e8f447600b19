"""Several datasets in one table: label banks swapped, baselines beside, leakage named, nothing shown unescaped."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from affect_workbench.analyses.audit.accuracy import Confidence
from affect_workbench.data.datasets.published import SETS
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import anchors_from
from affect_workbench.probes.checkpoint import load_probe
from affect_workbench.probes.evaluation.metrics import bootstrap_accuracy
from affect_workbench.workbench.models.evaluation.page import evaluation_html
from affect_workbench.workbench.models.evaluation.reproduce import CACHE, sets_under
from affect_workbench.workbench.models.evaluation.store import load_evaluation
from affect_workbench.workbench.models.evaluation.table import DatasetTable, latex, long_table, markdown, text_lines
from affect_workbench.workbench.models.training.leakage import seen_note
from affect_workbench.workbench.report.figures.accuracy import accuracy_figure
from workbench_runs import HOSTILE, app_on, refusal, said_by, succeeded

MIKELS = {"joy": "amusement", "surprise": "awe"}


def saved(features, folder, *, rows=None, values=None, spec=None):
    """The features with other rows, values or spec, written to a folder."""
    made = FeatureSet(
        spec or features.spec,
        np.asarray(features.values) if values is None else values,
        features.rows if rows is None else rows,
    )
    made.save(folder)
    return folder


@pytest.fixture(scope="module")
def runs(planted, tmp_path_factory):
    """Two seeds of one training, and three datasets: the probe's own, one of Mikels' labels, one with votes."""
    root = tmp_path_factory.mktemp("evaluating")
    own = saved(planted, root / "own")
    for seed in (0, 1):
        succeeded("train", "--features", own, "-o", root / f"probe{seed}", "--epochs", 2, "--seed", seed)
    test = planted.where(split="test")
    words = test.rows["label"].replace(MIKELS)
    # Where awe was surprise the eight labels must all occur for the set to be known as Mikels'.
    words.iloc[:30] = ["contentment", "excitement"] * 15
    other = test.rows.assign(label=words, image_id=[f"m{n}" for n in range(len(test))])
    saved(test, root / "ArtPhoto", rows=other[["image_id", "label"]])
    shares = np.random.default_rng(0).dirichlet(np.ones(6), len(test))
    votes = {f"vote_{label}": shares[:, place] for place, label in enumerate(Taxonomy.named("ekman6").labels)}
    saved(test, root / "votes", rows=test.rows.assign(**votes, valence=shares[:, 3] - shares[:, 4]))
    return SimpleNamespace(
        root=root, own=own, mikels=root / "ArtPhoto", votes=root / "votes", probes=(root / "probe0", root / "probe1")
    )


@pytest.fixture(scope="module")
def evaluated(runs):
    """The table of both seeds on all three datasets, and what the command printed."""
    out = runs.root / "out"
    datasets = (f"own={runs.own}", runs.mikels, runs.votes)
    return out, succeeded("evaluate", "--probe", *runs.probes, "--datasets", *datasets, "-o", out)


def figures_of(out):
    return pd.read_csv(out / "evaluation.csv")


def row(table, dataset, model):
    (found,) = table[(table["dataset"] == dataset) & table["model"].str.startswith(model)].to_dict("records")
    return found


def test_every_dataset_has_the_probe_and_the_same_baselines(evaluated):
    out, outcome = evaluated
    table = figures_of(out)
    for dataset in ("own", "ArtPhoto", "votes"):
        models = table.loc[(table["dataset"] == dataset) & (table["kind"] != "reported"), "model"].tolist()
        assert models == [
            "metric projector, 2 seeds",
            "majority",
            "class mean",
            "15 nearest neighbours",
            "logistic regression",
        ], dataset
    assert "own: 6 labels (ekman6), split test, n = 900" in outcome.out
    assert "ArtPhoto: 8 labels (mikels8), all pictures, n = 900" in outcome.out


def test_the_probe_is_zero_shot_where_the_labels_are_not_its_own(evaluated, runs):
    out, outcome = evaluated
    assert "anchors of mikels8 are computed from sentence:minilm" in outcome.out
    features, probe = FeatureSet.load(runs.mikels), load_probe(runs.probes[0])
    mikels = Taxonomy.named("mikels8")
    anchors = anchors_from(probe.anchors.source, mikels, template=probe.anchors.template)
    distances = [
        1 - load_probe(folder).embed(features) @ anchors.vectors.T for folder in runs.probes
    ]  # the projector knows nothing of labels
    hits = np.stack([each.argmin(axis=1) == mikels.codes(features.rows["label"]) for each in distances])
    found = row(figures_of(out), "ArtPhoto", "metric projector")
    assert found["accuracy"] == pytest.approx(hits.mean())
    assert (found["low"], found["high"]) == pytest.approx(bootstrap_accuracy(hits))
    assert found["interval"] == "bootstrap over seeds and pictures"
    assert found["accuracy"] > 2 / 8


def test_its_own_labels_are_read_against_its_own_anchors(evaluated, runs):
    test = FeatureSet.load(runs.own).where(split="test")
    codes = Taxonomy.named("ekman6").codes(test.rows["label"])
    each = [(load_probe(folder).predict(test).predicted == codes).mean() for folder in runs.probes]
    assert row(figures_of(evaluated[0]), "own", "metric projector")["accuracy"] == pytest.approx(np.mean(each))


def test_agreement_is_there_where_votes_are_and_only_there(evaluated):
    table = figures_of(evaluated[0])
    assert table.loc[table["dataset"] != "votes", "kl"].isna().all()
    assert (table.loc[table["dataset"] == "votes", "kl"] > 0).all()
    assert table.loc[table["dataset"] == "votes", "js"].between(0, 1).all()
    assert abs(row(table, "votes", "logistic")["spearman_valence"]) < 0.2


def test_reported_figures_stand_beside_their_dataset_and_say_that_they_are(evaluated):
    out, outcome = evaluated
    table = figures_of(out)
    reported = table[table["kind"] == "reported"]
    assert set(reported["dataset"]) == {"ArtPhoto"}
    assert reported["accuracy"].tolist() == [accuracy for _, accuracy, _ in SETS["artphoto"].rows()]
    assert reported["model"].str.contains("reported").all()
    assert reported["low"].isna().all()
    assert "two of TinyEmo's four headline averages do not match" in outcome.out


def test_the_page_says_in_a_sentence_what_its_first_figures_come_to(evaluated):
    page = (evaluated[0] / "evaluation.html").read_text(encoding="utf-8")
    told = (
        r"Predicted correctly by the metric projector, 2 seeds: [0-9.]+.% \[[0-9., ]+\] of the pictures; by the best of the"
    )
    assert len(re.findall(told, page)) == 3


def test_why_there_is_no_zero_shot_text_is_said(evaluated):
    assert "no zero-shot CLIP text: " in evaluated[1].out


def test_pictures_that_the_probe_has_seen_are_counted_named_and_can_be_left_out(runs, tmp_path):
    words = ("evaluate", "--probe", runs.probes[0], "--datasets", runs.own)
    seen = succeeded(*words, "--split", "train", "-o", tmp_path / "in")
    assert re.search(r"leakage: 600 of 600 pictures were seen by the probe .*first 'planted-", seen.out)
    assert row(figures_of(tmp_path / "in"), "own", "metric projector")["model"].endswith("(100 % in-sample)")
    assert "is unseen: all 600 measured ones were used for training" in refusal(*words, "--split", "train", "--unseen-only")
    rows = FeatureSet.load(runs.own).rows.drop(columns="split")
    whole = saved(FeatureSet.load(runs.own), tmp_path / "whole", rows=rows)
    fair = succeeded("evaluate", "--probe", runs.probes[0], "--datasets", whole, "--unseen-only", "-o", tmp_path / "fair")
    assert "they are left out" in fair.out
    assert "baselines are fitted on the 600 pictures that the probe was trained on" in fair.out
    clean = succeeded(*words, "-o", tmp_path / "clean")
    same = [row(figures_of(tmp_path / name), dataset, "logistic") for name, dataset in (("fair", "whole"), ("clean", "own"))]
    assert same[0]["accuracy"] == same[1]["accuracy"]
    assert "no leakage found: the probe has seen none of the 900 pictures" in clean.out
    assert "leakage: " not in clean.out.replace("no leakage", "")


def test_copies_between_the_sides_of_the_baselines_are_counted(planted, runs, tmp_path):
    content = [f"{number:016x}" for number in range(len(planted))]
    split = planted.rows["split"].to_numpy()
    content[int(np.flatnonzero(split == "test")[5])] = content[int(np.flatnonzero(split == "train")[5])]
    folder = saved(planted, tmp_path / "copied", rows=planted.rows.assign(content=content))
    outcome = succeeded("evaluate", "--probe", runs.probes[0], "--datasets", folder)
    assert "leakage: 1 measured picture is among those that the baselines are fitted on" in outcome.out
    whole = saved(planted, tmp_path / "whole", rows=planted.rows.assign(content=content).drop(columns="split"))
    outcome = succeeded("evaluate", "--probe", runs.probes[0], "--datasets", whole)
    assert "leakage: 2 pictures have an exact duplicate among the measured ones" in outcome.out


def test_a_label_that_is_missing_is_counted(planted, runs, tmp_path):
    rows = planted.rows.assign(label=planted.rows["label"].where(planted.rows.index % 10 > 0))
    outcome = succeeded("evaluate", "--probe", runs.probes[0], "--datasets", saved(planted, tmp_path / "some", rows=rows))
    assert "150 pictures have no label and are left out" in outcome.out


def test_bad_input_is_one_line(planted, runs, tmp_path):
    words = ("evaluate", "--probe", runs.probes[0], "--datasets")
    assert "two datasets are called 'own'" in refusal(*words, runs.own, f"own={runs.mikels}")
    assert "2 taxonomies for 1 datasets" in refusal(*words, runs.own, "--taxonomies", "ekman6", "mikels8")
    assert "unknown taxonomy 'mikel8'" in refusal(*words, runs.own, "--taxonomies", "mikel8")
    assert "no picture is in split 'val'" in refusal(*words, runs.own, "--split", "val")
    assert "not both" in refusal(*words, runs.own, "--features", runs.own)
    bare = saved(planted, tmp_path / "bare", rows=planted.rows.drop(columns="label"))
    assert "no 'label' column" in refusal(*words, bare)
    other = saved(planted, tmp_path / "other", spec=replace(planted.spec, encoder="another"))
    assert "was trained on features of" in refusal(*words, other)
    twice = ("evaluate", "--probe", runs.probes[0], runs.probes[0], "--datasets", runs.own)
    assert "the same probe is given twice" in refusal(*twice)
    assert "takes one probe, got 2" in refusal("evaluate", "--probe", *runs.probes, "--features", runs.own)
    succeeded("train", "--features", runs.mikels, "-o", tmp_path / "mikels", "--epochs", 1, "--taxonomy", "mikels8")
    mixed = ("evaluate", "--probe", runs.probes[0], tmp_path / "mikels", "--datasets", runs.own)
    assert "are not seeds of one training" in refusal(*mixed)
    taken = ("evaluate", "--probe", runs.probes[0], "--datasets", runs.own, "-o", runs.root / "out")
    assert "out exists" in refusal(*taken)


# What its confidence is good for


def test_each_dataset_says_what_can_be_answered_and_what_is_none_of_these(evaluated, runs):
    out, outcome = evaluated
    said = re.findall(r"^(?:Answering|At no threshold can 90 %) .*", outcome.out, flags=re.MULTILINE)
    none = re.findall(
        r"^\d+ % of the pictures \(([\d,]+) of 900\) are farther from every label", outcome.out, flags=re.MULTILINE
    )
    assert len(said) == len(none) == 3
    probe, table = load_probe(runs.probes[0]), figures_of(out)
    for dataset, path, told in zip(("own", "ArtPhoto", "votes"), (runs.own, runs.mikels, runs.votes), none, strict=True):
        features = FeatureSet.load(path)
        features = features.where(split="test") if dataset == "own" else features
        # Also where the dataset has other labels, the threshold is about the probe's own.
        beyond = ((probe.embed(features) @ probe.anchors.vectors.T).max(axis=1) < probe.none_threshold).sum()
        assert told == f"{beyond}"
        assert row(table, dataset, "metric projector")["none_of_these"] == pytest.approx(beyond / 900)
    for name in ("evaluation.md", "evaluation.tex", "evaluation.html"):
        text = (out / name).read_text(encoding="utf-8").replace("\xa0", " ")
        assert text.count("are farther from every label") == 3, name
    assert table.loc[table["kind"] != "probe", "none_of_these"].isna().all()


def test_the_promise_is_what_the_threshold_does_and_stands_in_the_csv(runs, tmp_path):
    words = ("evaluate", "--probe", runs.probes[0], "--datasets", runs.own, "--target-accuracy", 0.6)
    outcome = succeeded(*words, "-o", tmp_path / "out")
    found = row(figures_of(tmp_path / "out"), "own", "metric projector")
    probe, test = load_probe(runs.probes[0]), FeatureSet.load(runs.own).where(split="test")
    predictions = probe.predict(test)
    confidence = probe.probabilities(predictions).max(axis=1)
    answered = confidence >= found["answer_from"]
    right = (predictions.predicted == probe.taxonomy.codes(test.rows["label"]))[answered].mean()
    assert found["answer_at"] == 0.6
    assert found["answered"] == answered.mean()
    assert 0 < found["answered"] < 1
    assert right > 0.6
    assert f"Answering only the most confident {100 * answered.mean():.0f} % of the pictures" in outcome.out
    assert f"here it is {100 * right:.1f} %" in outcome.out


def test_nothing_is_promised_on_pictures_that_the_probe_has_seen(runs):
    words = ("evaluate", "--probe", runs.probes[0], "--target-accuracy", 0.6)
    for where in (("--datasets", runs.own), ("--features", runs.own)):
        outcome = succeeded(*words, *where, "--split", "train")
        assert "No accuracy can be guaranteed for new pictures: 600 of these 600 are in-sample" in outcome.out
        assert "Answering" not in outcome.out


def test_one_set_gets_its_page_too(runs, tmp_path):
    words = ("evaluate", "--probe", runs.probes[0], "--features", runs.own, "--split", "test")
    outcome = succeeded(*words, "-o", tmp_path / "out")
    record = json.loads((tmp_path / "out/evaluation.json").read_text(encoding="utf-8"))
    curve = pd.read_csv(tmp_path / "out/coverage.csv")
    page = (tmp_path / "out/evaluation.html").read_text(encoding="utf-8").replace("\xa0", " ")
    assert curve["accuracy"].iloc[-1] == pytest.approx(record["accuracy"])
    assert pd.read_csv(tmp_path / "out/reliability.csv")["n"].sum() == record["n"] == record["pictures"] == 900
    assert f"({record['none_of_these']} of 900) are farther" in outcome.out
    assert f"({record['none_of_these']} of 900) are farther" in page
    assert record["answering"]["answer_at"] == 0.9
    assert all(f'id="{what}-0"' in page for what in ("accuracy", "reliability", "coverage"))


def test_an_older_probe_opens_and_says_that_it_keeps_no_threshold(runs, tmp_path):
    older = tmp_path / "older"
    shutil.copytree(runs.probes[0], older)
    record = json.loads((older / "config.json").read_text(encoding="utf-8"))
    for name in ("none_threshold", "none_share"):
        del record["training"][name]
    (older / "config.json").write_text(json.dumps(record), encoding="utf-8")
    marker = json.loads((older / "COMPLETE.json").read_text(encoding="utf-8"))
    marker["files"]["config.json"] = (older / "config.json").stat().st_size
    (older / "COMPLETE.json").write_text(json.dumps(marker), encoding="utf-8")
    assert load_probe(older).none_threshold is None
    for where in (("--datasets", runs.own), ("--features", runs.own, "--split", "test")):
        outcome = succeeded("evaluate", "--probe", older, *where)
        assert "How many pictures are “none of these” is not known" in outcome.out


def test_an_accuracy_that_nobody_can_ask_for_is_one_line(runs, tmp_path):
    for wrong in (0, 1, 90):
        for words in (("--datasets", runs.own), ("--features", runs.own)):
            line = refusal("evaluate", "--probe", runs.probes[0], *words, "--target-accuracy", wrong)
            assert f"--target-accuracy is {wrong}: expected an accuracy above 0 and below 1, e.g. 0.9" in line
    asked = ("--probe", runs.probes[0], "--target-accuracy", 2)
    assert "--target-accuracy is 2" in refusal("audit", "--features", runs.own, "-o", tmp_path / "run", *asked)
    assert "--target-accuracy is 2" in refusal("reproduce", "table-viii", "--root", runs.root, *asked)


# The forms it is written in


@pytest.fixture
def hostile():
    """A small table whose names would break out of every form it is written in."""
    rows = [
        {
            "model": HOSTILE[0],
            "kind": "probe",
            "n": 9,
            "accuracy": 0.5,
            "low": 0.4,
            "high": 0.6,
            "interval": "Wilson",
            "ece": 0.1,
            "recall_joy": 0.5,
            "recall_100%_{x}": np.nan,
        },
        {"model": "a | b", "kind": "reported", "accuracy": 0.7, "low": np.nan, "high": np.nan, "interval": "none"},
    ]
    reliability = pd.DataFrame({"n": [9], "confidence": [0.6], "accuracy": [0.5], "low": [0.4], "high": [0.6]})
    coverage = pd.DataFrame(
        {"threshold": [0.3], "n": [9], "coverage": [1.0], "accuracy": [0.5], "low": [0.4], "high": [0.6]}
    )
    confidence = Confidence(HOSTILE[0], 9, 0, reliability, coverage, 0.9, None)
    taxonomy = Taxonomy("odd_name", ("joy", "100%_{x}"))
    return DatasetTable(
        HOSTILE[3], taxonomy, "all pictures", pd.DataFrame(rows), (HOSTILE[1], "leakage: 1"), confidence, (HOSTILE[2],)
    )


def test_a_page_shows_names_and_runs_none_of_them(hostile):
    page = evaluation_html([hostile])
    body = page[page.index("<body>") :]
    for part in HOSTILE:
        assert part not in body or "<" not in part
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body
    assert "&lt;/script&gt;&lt;h1&gt;out&lt;/h1&gt;" in body
    assert page == evaluation_html([hostile])
    assert '<th scope="col">ECE</th>' in body
    assert '<th scope="col">KL</th>' not in body
    with pytest.raises(ValueError, match="no dataset was evaluated"):
        evaluation_html([])


def test_latex_leaves_no_character_with_a_meaning(hostile):
    text = latex([hostile])
    cells = re.search(r"midrule\n(.*?)\\bottomrule", text, flags=re.DOTALL).group(1)
    assert [line.count(" & ") for line in cells.strip().splitlines()] == [3, 3]
    caption = re.search(r"\\caption\{(.*)\}\n", text).group(1)
    bare = re.sub(r"\\text\w+\{\}|\\[&%$#_{}]", "", caption)
    assert not set("&%#_{}~^<>|") & set(bare)
    assert r"odd\_name" in caption


def test_markdown_keeps_its_columns_whatever_the_names(hostile):
    table = [line for line in markdown([hostile]).splitlines() if line.startswith("| ")]
    assert len({len(re.split(r"(?<!\\)\|", line)) for line in table[:4]}) == 1
    assert r"a \| b" in table[3]


def test_the_csv_holds_every_figure_and_reads_back(hostile):
    table = long_table([hostile])
    back = list(csv.reader(io.StringIO(table.to_csv(index=False))))
    assert back[0][:3] == ["dataset", "taxonomy", "measured_on"]
    assert back[1][0] == HOSTILE[3]
    assert table["accuracy"].tolist() == [0.5, 0.7]


def test_the_text_is_aligned_and_has_its_footnotes(hostile):
    lines = text_lines([hostile])
    head, first = lines[1], lines[2]
    assert head.index("accuracy") + len("accuracy") == first.index("0.500") + len("0.500")
    assert lines.index(HOSTILE[2]) < lines.index("  * leakage: 1")
    with pytest.raises(ValueError, match="expected"):
        replace(hostile, table=hostile.table.assign(kind="guess"))


def test_the_chart_has_a_mark_and_an_interval_for_every_model(evaluated, hostile):
    figure = accuracy_figure(hostile.table)
    assert [trace.name for trace in figure.data] == ["the probe", "reported by TinyEmo, no interval"]
    assert figure.data[0].error_x.array == pytest.approx([10])
    assert figure.data[0].error_x.arrayminus == pytest.approx([10])
    assert len({trace.marker.symbol for trace in figure.data}) == 2
    page = (evaluated[0] / "evaluation.html").read_text(encoding="utf-8")
    for number in range(3):
        assert all(f'id="{what}-{number}"' in page for what in ("accuracy", "reliability", "coverage"))


# The whole published table


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """ArtPhoto as it is published, of 48 drawn pictures; FI as features; and a probe that reads the built-in encoder."""
    from affect_workbench.data.synthetic.scenes.dataset import write_scenes

    base = tmp_path_factory.mktemp("table")
    write_scenes(base / "world", train=120, test=40, seed=1, progress=False)
    succeeded("features", base / "world/manifest", "--encoder", "builtin:scenes", "-o", base / "features", "--workers", 0)
    succeeded("train", "--features", base / "features", "-o", base / "probe", "--epochs", 1)
    root = base / "sets"
    (root / "art/testImages_artphoto").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number, label in enumerate(Taxonomy.named("mikels8").labels * 6):
        pixels = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"art/testImages_artphoto/{label}_{number:04d}.jpg")
    features = FeatureSet.load(base / "features")
    saved(features, root / "FI_features", rows=features.rows.assign(label=features.rows["label"].replace({**MIKELS})))
    (root / "notes").mkdir()
    return SimpleNamespace(root=root, probe=base / "probe")


def test_the_published_table_is_run_on_what_is_there_and_what_is_missing_is_said(pictures, tmp_path):
    words = ("reproduce", "table-viii", "--root", pictures.root, "--probe", pictures.probe, "--workers", 0)
    outcome = succeeded(*words, "-o", tmp_path / "out")
    assert "missing under" in outcome.out
    (missing,) = re.findall(r"missing under .*: (.*)", outcome.out)
    assert missing == "EmotionROI, EmoSet, WEBEmo, Emotion6, Abstract, UnbiasedEmo"
    assert "48 encoded now" in outcome.out
    table = figures_of(tmp_path / "out")
    assert list(dict.fromkeys(table["dataset"])) == ["fi", "artphoto"]
    assert set(table["taxonomy"]) == {"mikels8"}
    assert set(table["kind"]) == {"probe", "baseline", "zero-shot", "reported"}
    assert (pictures.root / CACHE).is_dir()
    again = succeeded(*words)
    assert "0 encoded now, 48 reused" in again.out


def test_features_are_preferred_and_the_same_set_twice_is_refused(planted, pictures, tmp_path):
    assert [(one.name, one.encoded) for one in sets_under(pictures.root)] == [("fi", True), ("artphoto", False)]
    saved(planted, tmp_path / "emoset")
    saved(planted, tmp_path / "EmoSet-118K")
    with pytest.raises(ValueError, match="both look like EmoSet"):
        sets_under(tmp_path)


def test_without_a_probe_one_is_trained_on_the_sets_of_the_table_and_kept(planted, tmp_path):
    names = {
        "anger": "rage",
        "disgust": "disgust",
        "fear": "horror",
        "joy": "cheerfulness",
        "sadness": "sadness",
        "surprise": "surprise",
    }
    root = tmp_path / "sets"
    webemo = planted.rows.assign(label=planted.rows["label"].map(names), image_id="w" + planted.rows["image_id"].astype(str))
    saved(planted, root / "EmotionROI")
    saved(planted, root / "WEBEmo", rows=webemo)
    test = planted.where(split="test")
    saved(test, root / "emotion6", rows=test.rows.assign(image_id="e" + test.rows["image_id"].astype(str)))
    config = tmp_path / "table.toml"
    config.write_text(
        f'table = "table-viii"\nroot = "{root}"\nout = "{tmp_path / "out"}"\nseeds = 2\nepochs = 2\n'
        'sampling = "sets"\nsynonyms = 0.3\n',
        encoding="utf-8",
    )
    first = succeeded("reproduce", "--config", config).out
    assert "training a probe on EmotionROI, WEBEmo; TinyEmo's had EmoSet too" in first
    assert "every set equally often: 50 %, 50 %" in first
    assert "missing under" in first
    probe = load_probe(tmp_path / "out-probe")
    assert probe.config["taxonomies"] == ["ekman6", "webemo25"]
    assert probe.config["synonyms"] == 0.3
    table = figures_of(tmp_path / "out")
    assert list(dict.fromkeys(table["dataset"])) == ["emotionroi", "webemo", "emotion6"]
    assert row(table, "emotion6", "metric projector")["interval"] == "bootstrap over seeds and pictures"
    assert row(table, "webemo", "metric projector")["accuracy"] > 2 / 25
    shutil.rmtree(tmp_path / "out")
    again = succeeded("reproduce", "--config", config).out
    assert f"using the probe trained before: {tmp_path / 'out-probe'}" in again
    pd.testing.assert_frame_equal(figures_of(tmp_path / "out"), table)
    shutil.rmtree(tmp_path / "out")
    line = refusal("reproduce", "--config", config, "--dropout", 0.3)
    assert "was trained with other settings, sets or seeds: pass --overwrite" in line


def test_bad_input_to_reproduce_is_one_line(pictures, tmp_path):
    words = ("--root", tmp_path, "--probe", pictures.probe)
    assert "unknown table 'table-9': expected table-viii" in refusal("reproduce", "table-9", *words)
    assert "none of the eight sets is under" in refusal("reproduce", "table-viii", *words)
    assert "no folder at" in refusal("reproduce", "table-viii", "--root", tmp_path / "gone", "--probe", pictures.probe)
    without = ("reproduce", "table-viii", "--root", pictures.root)
    assert "without --probe a probe is trained and kept in OUT-probe: give --out" in refusal(*without)
    line = refusal(*without, "-o", tmp_path / "out")
    assert "none of the sets that TinyEmo was trained on (EmotionROI, EmoSet, WEBEmo)" in line


def test_without_a_record_of_the_training_no_leakage_is_not_claimed(planted):
    measured = planted.where(split="test")
    nothing = np.zeros(len(measured), dtype=bool)
    assert seen_note(measured, nothing, unseen_only=False).startswith("no leakage found")
    assert seen_note(measured, nothing, unseen_only=False, recorded=False).startswith("leakage cannot be ruled out")


# Opened again


def test_an_evaluation_that_is_opened_again_makes_the_same_page(evaluated, runs, tmp_path, monkeypatch):
    one = tmp_path / "one"
    succeeded("evaluate", "--probe", runs.probes[0], "--features", runs.own, "--split", "test", "-o", one)
    for folder in (evaluated[0], one):
        tables = load_evaluation(folder)
        assert evaluation_html(tables) == (folder / "evaluation.html").read_text(encoding="utf-8")
        app = app_on(monkeypatch, folder)
        said = said_by(app)
        assert app.title[0].value == "Evaluation"
        assert [header.value.replace("\\", "") for header in app.header] == [table.title for table in tables]
        for table in tables:
            assert table.headline in said
            assert all(note in said for note in (*table.footnotes, *table.sentences))
        assert len(app.get("plotly_chart")) == 3 * len(tables)
        shown = [frame.value for frame in app.dataframe]
        assert [frame.to_numpy().tolist() for frame in shown[::2]] == [table.cells()[1:] for table in tables]
    record = json.loads((one / "evaluation.json").read_text(encoding="utf-8"))
    assert record["headline"] == load_evaluation(one)[0].headline
    damaged = shutil.copytree(one, tmp_path / "damaged")
    marker = json.loads((damaged / "COMPLETE.json").read_text(encoding="utf-8"))
    del record["datasets"]
    text = json.dumps(record)
    (damaged / "evaluation.json").write_text(text, encoding="utf-8")
    marker["files"]["evaluation.json"] = len(text.encode())
    (damaged / "COMPLETE.json").write_text(json.dumps(marker), encoding="utf-8")
    with pytest.raises(ValueError, match="datasets is missing; evaluate again"):
        load_evaluation(damaged)
