"""`workbench compare`, by the real command line: what it writes, what it refuses, and what a hostile name cannot do."""

from __future__ import annotations

import json
import re
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from affect_workbench.analyses.audit.compare.changes import VERDICTS
from affect_workbench.data.storage.atomic import atomic_folder
from affect_workbench.workbench.audit.comparison.command import compared, predictions_of
from affect_workbench.workbench.audit.comparison.report import compare_html, moves_of, own_changes
from affect_workbench.workbench.audit.comparison.sentences import cause_change, headline, outcome, plain_change
from affect_workbench.workbench.audit.comparison.store import load_comparison
from affect_workbench.workbench.audit.exports.findings import FINDING_KEYS, compare_findings, findings_record, junit_xml
from affect_workbench.workbench.runs.gate import Gate
from affect_workbench.workbench.runs.store import load_audit, save_audit
from workbench_runs import (
    CELLS,
    HOSTILE,
    app_on,
    audited,
    finished_run,
    predictions_table,
    refusal,
    said_by,
    succeeded,
    workbench,
)

WRITTEN = {
    "compare.html",
    "changes.csv",
    "slices.csv",
    "flips.csv",
    "comparison.json",
    "pictures.parquet",
    "findings.json",
    "junit.xml",
    "COMPLETE.json",
}


cells_of = partial(finished_run, further=False)
"""A finished run that asked nothing but its cells: no other table is compared."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same 1,500 pictures read without and with a bias."""
    folder = tmp_path_factory.mktemp("runs")
    first, second = (cells_of(folder / str(bias), predictions_table(1_500, bias=bias, seed=1)) for bias in (0.0, 0.4))
    return first, second


class Tags(HTMLParser):
    """Every tag of a page, and every address in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "onerror", "onload")]


def test_worse_fails_and_better_passes(tmp_path, runs):
    worse = workbench("compare", *runs, "-o", tmp_path / "there", "--fail-on", "worse")
    better = workbench("compare", *reversed(runs), "-o", tmp_path / "back", "--fail-on", "worse")
    free = workbench("compare", *runs, "-o", tmp_path / "free")
    far = workbench("compare", *runs, "-o", tmp_path / "far", "--fail-on", "worse:0.6")
    assert (worse.code, better.code, free.code, far.code) == (1, 0, 0, 0)
    assert re.search(r"--fail-on worse: \d+ findings, fail", worse.out)
    assert "--fail-on worse: 0 findings, pass" in better.out
    assert (
        "worse: Pictures with tone: dark predicted as anger: the difference from the other pictures changed from"
        in worse.out
    )
    assert "better: Pictures with tone: dark predicted as anger" in better.out
    assert worse.err == ""
    assert {path.name for path in (tmp_path / "there").iterdir()} == WRITTEN | {"causes.csv"}


def test_what_is_written_agrees_with_itself(tmp_path, runs):
    succeeded("compare", *runs, "-o", tmp_path / "out")
    result = compared(*(load_audit(run) for run in runs))
    changes, flips = (pd.read_csv(tmp_path / "out" / f"{name}.csv") for name in ("changes", "flips"))
    assert dict(changes["verdict"].value_counts()) == {name: result.count(name) for name in VERDICTS if result.count(name)}
    assert [json.loads(where) for where in changes["where"]] == list(result.changes["where"])
    np.testing.assert_allclose(changes["growth_low"], result.changes["growth_low"])
    assert len(flips) == result.overall["flipped"]
    record = json.loads((tmp_path / "out" / "findings.json").read_text(encoding="utf-8"))
    assert record == findings_record(compare_findings(result, Gate("worse", asked=False)))
    assert record["command"] == "compare"
    for one in record["findings"]:
        assert list(one) == list(FINDING_KEYS)
        assert one["caught"] is (one["verdict"] == "worse")
        assert (one["surely"] > 0.02) is (one["verdict"] != "changed")
    xml = ElementTree.parse(tmp_path / "out" / "junit.xml").getroot()
    assert {case.get("name") for case in xml.iter("testcase")} == set(result.slices["slice"])
    failing = {case.get("name") for case in xml.iter("testcase") if case.find("failure") is not None}
    assert failing == set(changes.loc[changes["verdict"] == "worse", "slice"])
    told = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert told["overall"]["flipped"] == len(flips)
    assert told["runs"] == [str(run) for run in runs]


def test_a_saved_run_gives_back_what_was_said(runs):
    for run, bias in zip(runs, (0.0, 0.4), strict=True):
        table = predictions_table(1_500, bias=bias, seed=1)
        predictions = predictions_of(load_audit(run))
        said = np.asarray(predictions.taxonomy.labels, dtype=object)[predictions.predicted]
        assert list(said) == list(table["predicted"])
        assert not {"predicted", "audit_x", "audit_margin"} & set(predictions.rows)


def test_the_page_says_it_first_and_the_same_bytes_twice(tmp_path, runs):
    words = ["compare", *runs, "-o", tmp_path / "out", "--overwrite"]
    headline = next(line for line in succeeded(*words).out.splitlines() if "pairs got worse" in line)
    page = (tmp_path / "out" / "compare.html").read_bytes()
    succeeded(*words)
    assert (tmp_path / "out" / "compare.html").read_bytes() == page
    text = page.decode()
    assert text.index(f"<h1>{headline}</h1>") < text.index('id="findings"') < text.index('id="forest"')
    assert not [address for address in Tags(text).addresses if not address.startswith(("#", "data:"))]


def test_names_cannot_run_or_break_out(tmp_path):
    attributes = {"tone": (HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[3])}
    runs = []
    for bias in (0.0, 0.6):
        table = predictions_table(1_200, bias=bias, attributes=attributes)
        table["image_id"] = [f"{HOSTILE[number % 4]}{number}" for number in range(len(table))]
        runs.append(cells_of(tmp_path / f"run-{bias}", table))
    plain_tables = (predictions_table(1_200, bias=bias, attributes={"tone": tuple("abcd")}) for bias in (0.0, 0.6))
    clean = [cells_of(tmp_path / f"clean-{number}", table) for number, table in enumerate(plain_tables)]
    succeeded("compare", *runs, "-o", tmp_path / "hostile")
    succeeded("compare", *clean, "-o", tmp_path / "clean")
    hostile, plain = (Tags((tmp_path / name / "compare.html").read_text(encoding="utf-8")) for name in ("hostile", "clean"))
    assert hostile.tags.count("script") == plain.tags.count("script")
    assert "img" not in hostile.tags
    assert hostile.tags.count("h1") == 1
    ElementTree.parse(tmp_path / "hostile" / "junit.xml")


def test_flipped_pictures_are_shown_where_their_files_are(tmp_path):
    Image.new("RGB", (90, 60), (200, 30, 30)).save(tmp_path / "picture.png")
    runs = [
        cells_of(tmp_path / f"run-{bias}", predictions_table(900, bias=bias).assign(path=str(tmp_path / "picture.png")))
        for bias in (0.0, 0.5)
    ]
    succeeded("compare", *runs, "-o", tmp_path / "out")
    page = (tmp_path / "out" / "compare.html").read_text(encoding="utf-8")
    shown = re.findall(r'<img src="data:image/jpeg;base64,[^"]+" alt="picture (\S+), (\w+) → (\w+), labelled (\w+)"', page)
    flips = pd.read_csv(tmp_path / "out" / "flips.csv").set_index("image_id")
    assert len(shown) >= 8
    for name, before, after, label in shown:
        assert (before, after) == tuple(flips.loc[name, ["predicted_a", "predicted_b"]])
        assert (label == before) == (flips.loc[name, "hit_a"] == 1)


def test_two_runs_that_agree_are_a_page_too(tmp_path, runs):
    outcome = succeeded("compare", runs[0], runs[0], "-o", tmp_path / "out", "--fail-on", "worse")
    assert "0 of 1,500 pictures (0.0 %) are predicted differently." in outcome.out
    page = (tmp_path / "out" / "compare.html").read_text(encoding="utf-8")
    assert "None: both predict the same label for every picture." in page
    assert "No skew is reported as changed." in page


def test_predictions_without_labels_are_compared_by_the_size_of_skews(tmp_path):
    runs = [
        cells_of(tmp_path / f"run-{bias}", predictions_table(900, bias=bias).drop(columns="label")) for bias in (0.0, 0.5)
    ]
    outcome = workbench("compare", *runs, "-o", tmp_path / "out", "--fail-on", "worse")
    assert outcome.code == 1
    assert "Without labels it is unknown which prediction is right" in outcome.out
    assert "Too few pictures have a label to tell." in (tmp_path / "out" / "compare.html").read_text(encoding="utf-8")


def test_runs_that_cannot_be_compared_are_refused_in_one_line(tmp_path, runs):
    out = tmp_path / "out"
    table = predictions_table(1_500, bias=0.0, seed=1)
    save_audit(audited(table, tolerance=0.05, **CELLS), tmp_path / "tolerant")
    save_audit(audited(table, order=1, **CELLS), tmp_path / "shallow")
    cells_of(tmp_path / "fewer", table.iloc[:1_400])
    cells_of(tmp_path / "other", predictions_table(1_500, labels=("calm", "tense"), seed=1))
    for other, reason in (
        ("tolerant", r"the runs used different settings: tolerance is 0\.02 in the first and 0\.05 in the second"),
        ("shallow", "order is 2 in the first and 1 in the second"),
        ("fewer", "different pictures: 100 only in the first"),
        ("other", "only runs with the same labels can be compared"),
        ("nowhere", "the folder does not exist"),
    ):
        assert re.search(reason, refusal("compare", runs[0], tmp_path / other, "-o", out)), other
        assert not out.exists()
    assert "missing RUN_B" in refusal("compare", runs[0], "-o", out)
    assert "expected worse or worse:SHARE" in refusal("compare", *runs, "-o", out, "--fail-on", "skewed")
    out.mkdir()
    (out / "mine.txt").write_text("keep me")
    assert "exists" in refusal("compare", *runs, "-o", out)
    assert (out / "mine.txt").read_text() == "keep me"


def test_junit_of_a_comparison_without_a_gate_marks_what_one_would_catch(runs):
    result = compared(*(load_audit(run) for run in runs))
    asked, free = (compare_findings(result, Gate("worse", asked=one)) for one in (True, False))
    assert junit_xml(asked) == junit_xml(free)
    assert (asked.failed, free.failed) == (True, False)


# Opened again


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison with causes and outcomes, whose pictures have files, as the command leaves it."""
    folder = tmp_path_factory.mktemp("kept")
    Image.new("RGB", (24, 24), "navy").save(folder / "picture.png")
    for name, bias in (("before", 0.0), ("after", 0.9)):
        table = predictions_table(900, bias=bias, seed=1)
        dark = (table["tone"] == "dark").to_numpy(float)
        loud = np.random.default_rng(0).normal(size=900) + bias * 2 * dark
        finished_run(folder / name, table.assign(path=str(folder / "picture.png"), loud=loud), outcomes=("loud",))
    succeeded("compare", folder / "before", folder / "after", "-o", folder / "compared")
    return folder / "compared"


def test_a_comparison_that_is_opened_again_makes_the_same_page(kept):
    saved = load_comparison(kept)
    assert len(saved.comparison.causes)
    assert len(saved.comparison.outcomes)
    again = compare_html(saved.comparison, name_a=saved.names[0], name_b=saved.names[1], command=saved.command)
    assert again == (kept / "compare.html").read_text(encoding="utf-8")


def test_what_is_no_whole_comparison_is_refused(kept, tmp_path):
    for name, damage, message in (
        ("comparison.json", lambda text: text.replace('"runs"', '"walks"'), "runs is missing"),
        ("flips.csv", lambda text: text.replace("predicted_a", "said_a"), "lacks 'predicted_a'"),
        ("changes.csv", lambda text: text.replace("{", "<", 1), "where holds no conditions"),
    ):
        folder = tmp_path / name
        with atomic_folder(folder) as partial:
            for file in kept.iterdir():
                if file.name != "COMPLETE.json":
                    (partial / file.name).write_bytes(file.read_bytes())
            (partial / name).write_text(damage((kept / name).read_text(encoding="utf-8")), encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            load_comparison(folder)
    with atomic_folder(tmp_path / "older") as partial:
        (partial / "comparison.json").write_bytes((kept / "comparison.json").read_bytes())
    with pytest.raises(ValueError, match=r"kept no pictures\.parquet: compare the runs again"):
        load_comparison(tmp_path / "older")


def test_the_app_shows_the_verdict_the_causes_and_the_pictures_before_and_after(kept, monkeypatch):
    result = load_comparison(kept).comparison
    app = app_on(monkeypatch, kept)
    said = said_by(app)
    assert app.title[0].value == "Comparison"
    assert headline(result) in said
    for sentence in outcome(result):
        assert sentence in said
    for row in result.causes.itertuples():
        assert f"- **{row.change}** · {cause_change(row)}" in said
    first = moves_of(result).iloc[0]
    pictures = [image for kind in ("image", "imgs") for element in app.get(kind) for image in element.proto.imgs]
    assert len(pictures) > 12
    assert all(" → " in image.caption for image in pictures)
    (moves,) = [box for box in app.selectbox if box.label == "From A to B"]
    app = moves.select(f"{first.predicted_a} → {first.predicted_b} ({first['count']:,})").run()
    assert f"of {first['count']:,} pictures" in said_by(app)
    shown = app.get("imgs") or app.get("image")
    assert {image.caption.replace("\\", "").split(",")[0] for image in shown[0].proto.imgs} == {
        f"{first.predicted_a} → {first.predicted_b}"
    }
    (box,) = [box for box in app.selectbox if box.label == "Change"]
    for position in range(min(3, len(box.options))):
        app = box.select_index(position).run()
        assert not app.exception
        row = own_changes(result).iloc[position]
        assert plain_change(row) in said_by(app).replace("*", "")
    assert len(app.get("plotly_chart")) == 1
