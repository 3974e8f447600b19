"""Does `workbench discover` leave whole files, say the verdict first, and survive hostile names and missing pictures?"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from affect_workbench.analyses.discovery.discover import discover
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.synthetic.embeddings import planted_embeddings
from affect_workbench.workbench.discovery.page import discovery_html
from affect_workbench.workbench.discovery.sentences import VERDICT_WORDS, WARNING, slice_sentence, terminal_lines
from workbench_runs import HOSTILE, refusal, succeeded

pytest_plugins = ["workbench_fixtures"]

APP = Path(__file__).resolve().parents[3] / "workbench" / "app.py"


@pytest.fixture(scope="module")
def planted():
    return planted_embeddings("direction", n=8_000, seed=5, effect=0.8)


@pytest.fixture(scope="module")
def result(planted):
    return discover(planted.features, planted.predictions)


@pytest.fixture(scope="module")
def folder(planted, tmp_path_factory):
    """A feature folder, and anyone's predictions of its pictures as a table."""
    place = tmp_path_factory.mktemp("discover")
    planted.feature_set.save(place / "features")
    names = np.array(planted.taxonomy.labels, dtype=object)
    table = planted.rows[["image_id", "label"]].assign(predicted=names[planted.predictions.predicted])
    table.to_csv(place / "predictions.csv", index=False)
    hidden = planted.rows[["image_id"]].assign(hidden=np.where(planted.truth, "yes", "no"))
    hidden.to_csv(place / "attributes.csv", index=False)
    return place


def test_the_command_writes_what_it_says(folder, planted, tmp_path):
    words = ["--features", folder / "features", "--predictions", folder / "predictions.csv", "-o", tmp_path / "found"]
    printed = succeeded("discover", *words, "--attributes", folder / "attributes.csv").out
    assert "held-out pictures" in printed.splitlines()[0]
    assert "Confirmed on held-out pictures: slice 1 (hidden: yes; " in printed
    slices = pd.read_csv(tmp_path / "found" / "slices.csv")
    assert (slices["verdict"][0], slices["emotion"][0], slices["name"][0]) == ("verified", planted.emotion, "hidden: yes")
    members = pd.read_parquet(tmp_path / "found" / "members.parquet")
    assert list(members) == ["slice", "image_id", "position", "half", "score", "label", "predicted"]
    first = members[members["slice"] == 1]
    assert (first["half"] == "confirm").sum() == slices["n_confirm"][0]
    assert planted.truth[first["position"]].mean() > 0.5
    assert (planted.rows["image_id"].iloc[first["position"]].to_numpy() == first["image_id"].to_numpy()).all()
    record = json.loads((tmp_path / "found" / "discover.json").read_text(encoding="utf-8"))
    assert record["headline"] in printed
    assert len(record["slices"]) == len(slices)
    assert record["command"].startswith("workbench discover")
    assert (tmp_path / "found" / "discover.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "exists: choose another folder" in refusal("discover", *words)


def test_the_page_of_the_app_says_the_verdict_and_shows_the_pictures(folder, planted, tmp_path, monkeypatch):
    Image.new("RGB", (24, 24), "navy").save(tmp_path / "picture.png")
    table = pd.read_csv(folder / "predictions.csv").assign(path=str(tmp_path / "picture.png"))
    table.to_csv(tmp_path / "said.csv", index=False)
    words = ["--features", folder / "features", "--predictions", tmp_path / "said.csv", "-o", tmp_path / "runs" / "found"]
    succeeded("discover", *words, "--attributes", folder / "attributes.csv")
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("WORKBENCH_RUN", "")
    app = AppTest.from_file(str(APP), default_timeout=60).run().switch_page("views/pages/audit/discovered.py").run()
    assert not app.exception
    said = [element.value for element in app.markdown]
    assert any("Confirmed on held\\-out pictures\\: slice 1" in sentence for sentence in said)
    assert app.warning[0].value == WARNING
    (members,) = [frame.value for frame in app.dataframe]
    assert (members["predicted"] == planted.emotion).mean() > 0.5
    galleries = [element.proto.imgs for kind in ("image", "imgs") for element in app.get(kind)]
    assert sum(len(gallery) for gallery in galleries) == 12
    record = tmp_path / "runs" / "found" / "discover.json"
    record.write_text("{}", encoding="utf-8")
    assert "(discovery) cannot be opened: " in app.run().error[0].value.replace("\\", "")
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "none"))
    assert "for this page (discovery). Make it with `workbench discover" in app.run().info[0].value


def test_what_makes_no_sense_is_refused_in_one_line(folder, tmp_path):
    features = ["--features", folder / "features", "-o", tmp_path / "x"]
    assert "give either --probe FOLDER to predict with, or --predictions TABLE" in refusal("discover", *features)
    other = pd.DataFrame({"image_id": ["a", "b"], "predicted": ["awe", "fear"], "label": ["awe", "fear"]})
    other.to_csv(tmp_path / "other.csv", index=False)
    line = refusal("discover", *features, "--predictions", tmp_path / "other.csv")
    assert "no id of --predictions matches a picture of --features: 'a', 'b' against 'direction-000000'" in line
    unlabelled = pd.read_csv(folder / "predictions.csv").drop(columns="label")
    unlabelled.to_csv(tmp_path / "unlabelled.csv", index=False)
    line = refusal("discover", *features, "--predictions", tmp_path / "unlabelled.csv")
    assert "these pictures have no label or votes: give features with labels" in line


def test_predictions_without_features_are_counted(folder, tmp_path):
    table = pd.read_csv(folder / "predictions.csv")
    more = pd.concat([table, table.head(7).assign(image_id=[f"new-{at}" for at in range(7)])])
    more.to_csv(tmp_path / "more.csv", index=False)
    words = ["--features", folder / "features", "--predictions", tmp_path / "more.csv", "-o", tmp_path / "found"]
    assert "note: 7 predicted pictures have no features: left out" in succeeded("discover", *words).out


def test_a_probe_predicts_what_is_discovered_in(demo, tmp_path):
    pytest.importorskip("torch")
    words = ["--features", demo.features, "--probe", demo.probe, "--split", "test", "-o", tmp_path / "found"]
    printed = succeeded("discover", *words).out
    assert "held-out pictures" in printed
    record = json.loads((tmp_path / "found" / "discover.json").read_text(encoding="utf-8"))
    assert record["pictures"] == len(FeatureSet.load(demo.features).where(split="test"))
    assert record["probe_fingerprint"]


def test_the_page_says_the_verdict_before_it_shows_a_picture(planted, result, tmp_path):
    side = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(side).save(tmp_path / "a.png")
    shown = planted.rows.assign(path=str(tmp_path / "a.png"))
    shown.loc[::2, "path"] = str(tmp_path / "gone.png")
    page = discovery_html(result, shown, planted.predictions.predicted)
    articles = re.findall(r"<article.*?</article>", page, flags=re.DOTALL)
    assert len(articles) == len(result.table)
    for article, row in zip(articles, result.table.itertuples(), strict=True):
        assert article.index(VERDICT_WORDS[row.verdict]) < article.index("<img " if "<img " in article else "no file")
    assert "data:image/jpeg;base64," in page
    assert "no file</div>" in page
    assert "<script" not in page
    assert "//" not in re.sub('base64,[^"]*', "", page)
    assert len(re.findall(r"<img [^>]*alt=\"[^\"]+\"", page)) == page.count("<img ")
    assert page == discovery_html(result, shown, planted.predictions.predicted)


def test_without_paths_there_are_no_pictures(planted, result):
    assert "<img " not in discovery_html(result, planted.rows, planted.predictions.predicted)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_text(planted, text):
    rows = planted.rows.assign(tone=np.where(planted.truth, text, "other"), path=text)
    rows["image_id"] = [f"{text}{at}" for at in range(len(rows))]
    few = np.arange(len(rows)) < 3_000
    predictions = replace(planted.predictions, rows=rows, embeddings=None, notes=()).take(few)
    found = discover(planted.features[few], predictions)
    page = discovery_html(found, predictions.rows, predictions.predicted, title=text)
    assert "<script" not in page
    assert "<h1>out" not in page
    assert "<img src=x" not in page
    assert '<b>"c"' not in page


def test_sentences_say_what_is_known_and_no_more(result):
    sentences = [slice_sentence(row) for row in result.table.itertuples()]
    assert sentences[0].startswith("Confirmed on held-out pictures: slice 1 (")
    assert "points [" in sentences[0]
    untested = result.table.iloc[0].copy()
    untested["verdict"], untested["effect"], untested["n_confirm"] = "too small", np.nan, 1
    assert slice_sentence(untested).endswith("1 held-out picture).")
    lines = terminal_lines(result, most=0)
    assert lines[0] == result.headline
    assert "more are in the table" in lines[1]
