"""`workbench instruct`: data are built from a manifest, checked, and a planted textual bias is found in them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from affect_workbench.analyses.texts.measures import VALENCE
from affect_workbench.data.instruct.folder import read_instruct
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import refusal, succeeded, workbench


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("instruct")
    write_scenes(folder / "world", train=4, test=300, seed=1, progress=False)
    return folder


@pytest.fixture(scope="module")
def built(world) -> tuple[Path, str]:
    """A folder that `build` wrote, and what it printed."""
    out = world / "plain"
    return out, succeeded("instruct", "build", world / "world" / "manifest", "-o", out, "--formats", "messages,llava").out


def skewed(run: Path) -> set[tuple[str, str]]:
    """(slice, outcome) pairs that an audit calls skewed."""
    table = load_audit(run).outcomes
    table = table[table["verdict"] == "skewed"]
    return set(zip(table["slice"], table["outcome"], strict=True))


def test_a_folder_holds_conversations_a_card_and_all_that_is_needed_to_check_them(built, world):
    out, printed = built
    assert "912 conversations with 3,344 answers about 304 pictures" in printed
    assert "check: nothing found" in printed
    assert "next: workbench instruct audit" in printed
    files = {path.name for path in out.iterdir()}
    stages = {f"{stage}{end}" for stage in ("pretraining", "fine-tuning") for end in (".jsonl", ".llava.json")}
    named = {"instruct.json", "pictures.parquet", "problems.csv", "DATASET.md", "croissant.json", "COMPLETE.json"}
    assert files == stages | named
    data = read_instruct(out)
    assert len(data.records) == 912
    assert {len(one.turns) for one in data.records} == {7, 2}
    assert data.root == world / "world"
    assert {one.provenance.writer for one in data.records} == {"rules"}
    contents = data.pictures.set_index("image_id")["content"]
    assert all(one.provenance.picture == contents[one.image_id] for one in data.records)
    record = read_record(out / "instruct.json")
    assert (record.whole("conversations"), record.whole("answers"), record.whole("unwritten")) == (912, 3344, 0)
    assert record.text("command").startswith("workbench instruct build ")


def test_the_same_seed_writes_the_same_bytes_and_llava_holds_the_same(built, world, tmp_path):
    again = tmp_path / "again"
    succeeded("instruct", "build", world / "world" / "manifest", "-o", again, "--formats", "llava")
    name = "fine-tuning.llava.json"
    assert (again / name).read_bytes() == (built[0] / name).read_bytes()
    assert read_instruct(again).records == read_instruct(built[0]).records


def test_a_planted_textual_bias_is_found_and_its_twin_is_not(built, world, tmp_path):
    given = [world / "world" / "manifest", "-o", tmp_path / "biased", "--plant", "figure_tone=dark"]
    printed = succeeded("instruct", "build", *given).out
    assert "a textual bias is planted: pictures with figure_tone=dark are always described darkly" in printed
    assert "check: nothing found" in printed
    biased = workbench("instruct", "audit", tmp_path / "biased", "-o", tmp_path / "audit", "--fail-on", "skewed")
    assert biased.code == 1
    found = skewed(tmp_path / "audit")
    names = ("texts with sadness", "texts with fear")
    assert {("figure tone: dark", name) for name in names} <= found
    table = load_audit(tmp_path / "audit").outcomes.set_index(["slice", "outcome"])
    assert all(table.loc[("figure tone: dark", name), "effect"] > 0.2 for name in names)
    assert table.loc[("figure tone: dark", VALENCE), ["effect", "high"]].max() < -0.1
    assert VALENCE in (tmp_path / "audit" / "report.html").read_text(encoding="utf-8")
    succeeded("instruct", "audit", built[0], "-o", tmp_path / "twin", "--words", "sad")
    twin = skewed(tmp_path / "twin")
    assert not {where for where, _ in twin if where.startswith("figure tone")}
    assert ("extras: garbage", "texts with disgust") in twin


def test_words_are_compared_where_asked_and_attributes_chosen(world, built, tmp_path):
    given = [built[0], "-o", tmp_path / "audit", "--words", "dog,neverthere", "--attributes", "subject"]
    succeeded("instruct", "audit", *given)
    table = load_audit(tmp_path / "audit").outcomes
    assert set(table["slice"].str.split(":").str[0]) == {"subject"}
    assert ("subject: dog", "texts saying dog") in skewed(tmp_path / "audit")
    assert "texts saying neverthere" not in set(table["outcome"])


def test_check_names_what_is_wrong_and_may_fail(built, tmp_path):
    out = tmp_path / "data"
    shutil.copytree(built[0], out)
    lines = (out / "fine-tuning.jsonl").read_text().split("\n")[:-1]
    first = json.loads(lines[0])
    first["messages"][1]["content"][0]["text"] = ""
    lines[:2] = [json.dumps(first, ensure_ascii=False), lines[1][: len(lines[1]) // 2]]
    lines.append(lines[5])
    (out / "fine-tuning.jsonl").write_text("\n".join(lines) + "\n")
    marker = json.loads((out / "COMPLETE.json").read_text())
    marker["files"]["fine-tuning.jsonl"] = (out / "fine-tuning.jsonl").stat().st_size
    (out / "COMPLETE.json").write_text(json.dumps(marker))
    printed = succeeded("instruct", "check", out).out
    assert "check: broken line 1, empty 1, duplicate 3" in printed
    assert "broken line, first in the file: fine-tuning.jsonl, line 2" in printed
    problems = pd.read_csv(out / "problems.csv")
    assert problems["kind"].tolist() == ["broken line", "empty", *["duplicate"] * 3]
    assert problems["record"][1] == first["id"]
    failing = workbench("instruct", "check", out, "--fail-on", "problems")
    assert failing.code == 1
    assert workbench("instruct", "check", built[0], "--fail-on", "problems").code == 0
    audited = succeeded("instruct", "audit", out, "-o", tmp_path / "audit").out
    assert "1 line is broken and left out" in audited


def test_a_file_of_somebody_else_is_checked_alone(tmp_path):
    (tmp_path / "a.png").touch()
    turns = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A cat."}]
    items = [{"id": str(number), "image": name, "conversations": turns} for number, name in enumerate(("a.png", "b.png"))]
    (tmp_path / "mine.json").write_text(json.dumps(items))
    printed = succeeded("instruct", "check", tmp_path / "mine.json").out
    assert "nothing is known of these pictures" in printed
    assert "check: missing picture 1" in printed
    assert pd.read_csv(tmp_path / "mine.problems.csv")["detail"].tolist() == ["b.png"]
    assert "says nothing of its pictures" in refusal("instruct", "audit", tmp_path / "mine.json", "-o", tmp_path / "x")


def test_any_manifest_with_attributes_is_written_about(world, tmp_path):
    rows = read_instruct_rows(world)
    table = rows.assign(place=rows["setting"])[["image_id", "path", "label", "place"]]
    table.loc[:9, "label"] = None
    table.to_csv(tmp_path / "table.csv", index=False)
    printed = succeeded("instruct", "build", tmp_path / "table.csv", "-o", tmp_path / "data").out
    assert "10 pictures have no label: no sentiment question and no reasoning is written for them" in printed
    assert "reasoning may name any attribute as a cause (place)" in printed
    assert "check: nothing found" in printed
    records = read_instruct(tmp_path / "data").records
    assert sum(one.kind == "given" for one in records) == 20
    assert len(records) == 30 + 2 * 20
    chosen = succeeded("instruct", "build", tmp_path / "table.csv", "-o", tmp_path / "again", "--causes", "place").out
    assert "may name any attribute" not in chosen


def test_an_attribute_may_be_left_out_of_the_texts_and_still_be_audited(world, tmp_path):
    rows = read_instruct_rows(world)
    table = rows.assign(place=rows["setting"], tone=rows["figure_tone"])[["image_id", "path", "label", "place", "tone"]]
    table.to_csv(tmp_path / "table.csv", index=False)
    succeeded("instruct", "build", tmp_path / "table.csv", "-o", tmp_path / "data", "--attributes", "place")
    texts = " ".join(turn.answer for one in read_instruct(tmp_path / "data").records for turn in one.turns)
    assert "lace beach" in texts
    assert "tone" not in texts
    succeeded("instruct", "audit", tmp_path / "data", "-o", tmp_path / "audit", "--attributes", "tone")
    given = ["instruct", "build", tmp_path / "table.csv", "-o", tmp_path / "again", "--attributes", "plac"]
    assert "--attributes names 'plac', which is no column" in refusal(*given)


def test_words_of_the_attribute_itself_do_not_count_and_both_figures_are_shown(world, tmp_path):
    rows = read_instruct_rows(world)
    mood = ["gloomy" if at % 2 else "calm" for at in range(len(rows))]
    rows.assign(mood=mood)[["image_id", "path", "label", "mood"]].to_csv(tmp_path / "table.csv", index=False)
    succeeded("instruct", "build", tmp_path / "table.csv", "-o", tmp_path / "data")
    succeeded("instruct", "audit", tmp_path / "data", "-o", tmp_path / "audit")
    words = load_audit(tmp_path / "audit").tables["attribute_words"].set_index(["slice", "outcome"])
    gloomy = words.loc[("mood: gloomy", "texts with sadness")]
    assert "gloomy" in gloomy["words"]
    assert gloomy["effect_with"] - abs(gloomy["effect"]) > 0.2


def read_instruct_rows(world: Path) -> pd.DataFrame:
    """Thirty pictures of the drawn world with absolute paths."""
    rows = pd.read_parquet(world / "world" / "manifest" / "rows.parquet").head(30)
    return rows.assign(path=[str(world / "world" / path) for path in rows["path"]]).reset_index(drop=True)


def test_turns_tasks_and_splits_are_chosen(world, tmp_path):
    given = [world / "world" / "manifest", "-o", tmp_path / "data", "--split", "train", "--single-turns"]
    succeeded("instruct", "build", *given, "--tasks", "caption,questions", "--questions", 2)
    records = read_instruct(tmp_path / "data").records
    assert [len(one.turns) for one in records] == [1] * 4 * 4
    assert {one.turns[0].task for one in records} == {"caption", "question", "statement"}


def test_hugging_face_datasets_are_written_and_checked(world, tmp_path):
    pytest.importorskip("datasets")
    given = [world / "world" / "manifest", "-o", tmp_path / "data", "--split", "train", "--formats", "datasets"]
    succeeded("instruct", "build", *given)
    assert len(read_instruct(tmp_path / "data").records) == 12
    assert "check: nothing found" in succeeded("instruct", "check", tmp_path / "data").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("bake", "MANIFEST"), "'bake' is no step: expected build, check, audit"),
        (("build",), "missing PATH"),
        (("build", "MANIFEST"), "missing --out"),
        (("build", "MANIFEST", "-o", "x", "--formats", "xml"), "--formats xml: expected some of messages, llava, datasets"),
        (("build", "MANIFEST", "-o", "x", "--tasks", "poem"), "--tasks poem"),
        (("build", "MANIFEST", "-o", "x", "--plant", "figure_tone=drak"), "has no value 'drak'"),
        (("build", "MANIFEST", "-o", "x", "--causes", "subject"), "--causes are known for the drawn world"),
        (("build", "MANIFEST", "-o", "x", "--split", "dev"), "is in split 'dev'"),
        (("build", "MANIFEST", "-o", "x", "--endpoint", "http://localhost:1/v1"), "needs the name of a model there"),
        (("build", "MANIFEST", "-o", "x", "--endpoint", "here", "--writer", "m"), "is no address"),
        (("build", "MANIFEST", "-o", "x", "--writer", "m", "--plant", "figure_tone=dark"), "--plant is for --writer rules"),
        (("build", "MANIFEST", "-o", "x", "--fail-on", "problems"), "--fail-on is for check and audit"),
        (("build", "nowhere", "-o", "x"), "no manifest at nowhere"),
        (("check", "nowhere"), "no instruct data at nowhere"),
        (("check", "MANIFEST"), "instruct.json"),
        (("check", "MANIFEST", "--fail-on", "skewed"), "check knows 'problems'"),
        (("audit", "MANIFEST", "-o", "x", "--fail-on", "problems"), "--fail-on problems: expected skewed"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(world, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    given = [world / "world" / "manifest" if word == "MANIFEST" else word for word in words]
    assert message in refusal("instruct", *given)
    assert list(tmp_path.iterdir()) == []


def test_pictures_that_moved_with_the_folder_are_found(tmp_path):
    write_scenes(tmp_path / "here" / "world", train=2, test=1, seed=1, progress=False)
    succeeded("instruct", "build", tmp_path / "here" / "world" / "manifest", "-o", tmp_path / "here" / "data")
    (tmp_path / "here").rename(tmp_path / "there")
    data = read_instruct(tmp_path / "there" / "data")
    assert data.root == tmp_path / "there" / "world"
    assert all((data.root / one.image).is_file() for one in data.records)
    assert "check: nothing found" in succeeded("instruct", "check", tmp_path / "there" / "data").out


def test_a_folder_that_is_there_is_replaced_only_where_asked(built, world, tmp_path):
    out = tmp_path / "data"
    shutil.copytree(built[0], out)
    given = ["instruct", "build", world / "world" / "manifest", "-o", out, "--split", "train"]
    assert "exists" in refusal(*given)
    succeeded("instruct", "check", out)
    succeeded(*given, "--overwrite")
    assert len(read_instruct(out).records) == 12
