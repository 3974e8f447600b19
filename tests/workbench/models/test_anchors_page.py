"""The command anchors: its sentences, its page and its tables, by way of the command line."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import torch

from affect_workbench.analyses.space.geometry.anchors import anchor_geometry
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.__main__ import main
from affect_workbench.workbench.models.anchors.figure import heat_figure
from affect_workbench.workbench.models.anchors.page import anchors_html, cosine_table, notes, sentences
from affect_workbench.workbench.models.anchors.store import load_anchors
from text_models import gpt2, llama, saved
from workbench_runs import app_on, said_by

EKMAN = Taxonomy.named("ekman6")
HOSTILE = '"><script>alert(1)</script>'


def collinear(k: int = 6) -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(k, 16))
    vectors[:, 0] = 40
    return vectors


def test_the_command_says_and_writes_what_it_found(tmp_path, capsys):
    out = tmp_path / "anchors"
    words = ["anchors", "--anchors", "sentence:minilm", "--taxonomy", "ekman6", "-o", str(out)]
    assert main(words) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "6 labels of ekman6 in sentence:minilm, 384 wide, “an image expressing {} emotion”"
    table = pd.read_csv(out / "cosines.csv")
    assert list(table) == ["first", "second", "cosine", "centred", "angle"]
    assert len(table) == 15
    nearest = table.loc[table["cosine"].idxmax()]
    lead = re.match(
        r"Nearest are (\w+) and (\w+), ([\d.]+)° apart \(cosine ([\d.]+)\): a picture within ([\d.]+)° ", said[1]
    )
    assert {lead[1], lead[2]} == {nearest["first"], nearest["second"]}
    assert float(lead[3]) == pytest.approx(nearest["angle"], abs=0.051)
    labels = pd.read_csv(out / "labels.csv")
    assert float(lead[5]) == pytest.approx(labels["cap"].min(), abs=0.051)
    assert f"keep every class {labels['margin'].min():.1f}° away" in said[1]
    assert "over all 720 permutations of 6 labels" in said[2]
    assert said[-1] == f"page: {out / 'anchors.html'}"
    page = (out / "anchors.html").read_text("utf-8")
    assert f'<p class="lead">{said[1]}</p>' in page
    assert page.startswith("<!doctype html>")
    assert len(pd.read_csv(out / "correlations.csv")) == 4
    before = page
    assert main(words) == 2
    assert "exists: choose another folder" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0
    assert (out / "anchors.html").read_text("utf-8") == before


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["anchors", "--taxonomy", "mikels8", "--template", "a {} scene | {} emotion"]) == 0
    assert "“a {} scene | {} emotion”" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_what_the_source_lacks_is_said_in_one_line(tmp_path, capsys):
    torch.manual_seed(0)
    folder = saved(gpt2(), tmp_path / "tied")
    assert main(["anchors", "--anchors", f"output:{folder}", "--taxonomy", "ekman6"]) == 0
    assert f"note: {folder} has no output head of its own" in capsys.readouterr().out
    llama().save_pretrained(tmp_path / "mute")
    for words, message in (
        (["--anchors", f"token:{tmp_path / 'mute'}", "--taxonomy", "ekman6"], "has no tokenizer"),
        (["--anchors", "glove:x", "--taxonomy", "ekman6"], "anchors 'glove:x' are not understood"),
        (["--anchors", f"token:{folder}", "--taxonomy", "webemo25"], "the same vector"),
        (["--taxonomy", "ekman7"], "unknown taxonomy 'ekman7': did you mean ekman6?"),
        (["--taxonomy", "ekman6", "--template", "a scene"], "template 'a scene' has no {} for the label"),
        ([], "missing --taxonomy"),
    ):
        assert main(["anchors", *words]) == 2
        said = capsys.readouterr().err
        assert said.startswith("workbench anchors: error: ")
        assert said.count("\n") == 1
        assert message in said


def test_the_page_shows_every_pair_twice_in_order_and_fetches_nothing():
    geometry = anchor_geometry(np.random.default_rng(1).normal(size=(6, 16)), EKMAN)
    page = anchors_html(geometry, what="made up")
    assert page.count('title="') - page.count('class="sign" title="') == 30
    heads = re.findall(r'<th scope="col"[^>]*><span>(\w+)</span>', page)
    assert heads == [EKMAN.labels[position] for position in geometry.order]
    assert heads[:2] == ["joy", "surprise"]
    assert page.count('class="top"') == 2
    row = cosine_table(geometry).iloc[0]
    assert f"{row['first']} and {row['second']}: cosine {row['cosine']:.4f}, centred {row['centred']:.4f}" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    assert page == anchors_html(geometry, what="made up")


def test_the_darkest_cell_is_the_most_alike_pair():
    geometry = anchor_geometry(np.random.default_rng(2).normal(size=(6, 16)), EKMAN)
    page = anchors_html(geometry, what="x")
    cells = re.findall(r'background:#(\w{2})\w{4}" title="[^"]*?cosine (-?[\d.]+),', page)
    assert len(cells) == 30
    by_darkness = sorted(cells, key=lambda cell: int(cell[0], 16))
    assert float(by_darkness[0][1]) == max(float(cosine) for _, cosine in cells)
    assert float(by_darkness[-1][1]) == min(float(cosine) for _, cosine in cells)
    assert by_darkness[-1][0] == "ff"


def test_nearly_collinear_anchors_and_unknown_polarities_are_noted():
    geometry = anchor_geometry(collinear(), EKMAN)
    (note,) = notes(geometry)
    assert note.startswith("All anchors point nearly one way (cosines 0.9")
    assert f"{geometry.labels['gap'].min():.3f} at most" in note
    spread = anchor_geometry(
        np.random.default_rng(0).normal(size=(3, 16)), Taxonomy("odd", ("joy", "fear", "x"), {"joy": 1})
    )
    assert notes(spread, "read in a way") == [
        "Read in a way.",
        "Without a known polarity and left out of the correlations: fear, x.",
    ]
    assert sentences(spread)[1] == (
        "Whether labels of one polarity lie nearer to each other is unknown: there is nothing to compare."
    )
    assert "nothing to compare" in anchors_html(spread, what="x")


def test_a_planted_polarity_is_said_and_its_opposite_too():
    polarity = np.array([Taxonomy.named("webemo25").polarity[label] for label in Taxonomy.named("webemo25").labels])
    vectors = np.random.default_rng(0).normal(size=(25, 64))
    vectors[:, 0] += 6 * polarity
    told = sentences(anchor_geometry(vectors, Taxonomy.named("webemo25")))
    assert told[1].startswith("Labels of one polarity lie nearer to each other: r = +0.")
    assert told[2].startswith("Labels that are close in the label tree lie nearer to each other: r = −0.")
    assert "p < 0.001 over 9,999 permutations of 25 labels" in told[1]


def test_two_labels_make_a_page():
    geometry = anchor_geometry(np.array([[1.0, 0.0], [0.6, 0.8]]), Taxonomy.named("polarity"))
    assert sentences(geometry)[0] == (
        "Nearest are negative and positive, 53.1° apart (cosine 0.60): a picture within 26.6° of its own anchor is "
        "always predicted as its own label, and a projector that may aim beside the anchors can keep every class 90.0° away "
        "from the others."
    )
    assert ">0.60<" in anchors_html(geometry, what="x")


def test_hostile_names_are_text():
    taxonomy = Taxonomy("odd", (HOSTILE, "joy", "fear"))
    page = anchors_html(anchor_geometry(np.eye(3), taxonomy), what=HOSTILE, note=HOSTILE)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("taxonomy", ["ekman6", "webemo25"])
def test_anchors_that_are_opened_again_make_the_same_page(taxonomy, tmp_path, monkeypatch):
    out = tmp_path / "anchors"
    assert main(["anchors", "--anchors", "sentence:minilm", "--taxonomy", taxonomy, "-o", str(out)]) == 0
    kept = load_anchors(out)
    assert anchors_html(kept.geometry, what=kept.what, note=kept.note) == (out / "anchors.html").read_text("utf-8")
    app = app_on(monkeypatch, out)
    assert app.title[0].value == "Label anchors"
    assert all(sentence in said_by(app) for sentence in sentences(kept.geometry))
    assert app.dataframe[0].value["label"].tolist() == kept.geometry.labels["label"].iloc[kept.geometry.order].tolist()
    (map_of_cosines,) = heat_figure(kept.geometry).data
    k = len(kept.geometry.taxonomy)
    between = ~np.eye(k, dtype=bool)
    order = kept.geometry.order
    assert (map_of_cosines.z[between] == kept.geometry.cosines[np.ix_(order, order)][between]).all()
    assert np.isnan(map_of_cosines.z[~between]).all()
    (out / "cosines.csv").write_text("first,second,cosine,centred,angle\n")
    with pytest.raises(ValueError, match="damaged"):
        load_anchors(out)
