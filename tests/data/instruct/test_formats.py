"""Every format gives back the conversations that were written, and names the lines that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from affect_workbench.data.instruct.formats import read_llava, read_messages, write_llava, write_messages
from affect_workbench.data.instruct.records import FINE_TUNING, PRETRAINING, UNKNOWN, Provenance, Turn
from instruct_records import by_rules, conversation, scene_rows

ODD = conversation(
    ("caption", "What is <this>?\nSay it.", "A line\u2028separator, “quotes” and a \\ backslash."), label=None
)


@pytest.fixture(scope="module")
def records():
    return (*by_rules(scene_rows(8)), ODD)


def test_messages_come_back_as_they_were(records, tmp_path):
    write_messages(tmp_path / "a.jsonl", records, root=tmp_path)
    reading = read_messages(tmp_path / "a.jsonl", root=tmp_path)
    assert reading.records == records
    assert reading.problems == ()


def test_messages_are_what_trl_reads(records, tmp_path):
    write_messages(tmp_path / "a.jsonl", records, root=tmp_path)
    lines = (tmp_path / "a.jsonl").read_text().split("\n")[:-1]
    assert len(lines) == len(records)
    for line, record in zip(lines, records, strict=True):
        item = json.loads(line)
        assert item["images"] == [str(tmp_path / record.image)]
        roles = [one["role"] for one in item["messages"]]
        assert roles == ["user", "assistant"] * len(record.turns)
        kinds = [[part["type"] for part in one["content"]] for one in item["messages"]]
        assert kinds == [["image", "text"], *[["text"]] * (len(roles) - 1)]


def test_llava_comes_back_as_it_was_with_one_picture_a_conversation(records, tmp_path):
    write_llava(tmp_path / "a.json", records)
    assert read_llava(tmp_path / "a.json").records == records
    for item, record in zip(json.loads((tmp_path / "a.json").read_text()), records, strict=True):
        assert item["image"] == record.image
        values = [one["value"] for one in item["conversations"]]
        assert [value.startswith("<image>\n") for value in values] == [True, *[False] * (len(values) - 1)]
        assert [one["from"] for one in item["conversations"]] == ["human", "gpt"] * len(record.turns)


def test_hugging_face_datasets_come_back_as_they_were_with_their_pictures(records, tmp_path):
    datasets = pytest.importorskip("datasets")
    from affect_workbench.data.instruct.hub_datasets import read_datasets, write_datasets

    for record in records:
        path = tmp_path / record.image
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 3), (len(record.image_id), 20, 30)).save(path)
    stages = {PRETRAINING: records[:3], FINE_TUNING: records[3:]}
    write_datasets(tmp_path / "set", stages, root=tmp_path)
    for record in records:
        (tmp_path / record.image).unlink(missing_ok=True)
    assert read_datasets(tmp_path / "set").records == records
    kept = datasets.load_from_disk(str(tmp_path / "set"))["fine_tuning"]
    assert kept[0]["images"][0].size == (4, 3)
    assert kept[0]["messages"][0]["content"][0]["type"] == "image"


def test_somebody_elses_llava_file_is_read(tmp_path):
    turns = [{"from": "human", "value": "What is it?\n<image>"}, {"from": "gpt", "value": "A cat."}]
    item = {"id": "000", "image": "coco/000.jpg", "conversations": turns}
    Path(tmp_path / "a.json").write_text(json.dumps([item]))
    (record,) = read_llava(tmp_path / "a.json").records
    assert (record.id, record.image_id, record.image) == ("000", "000", "coco/000.jpg")
    assert record.turns == (Turn(UNKNOWN, "What is it?", "A cat."),)
    assert (record.kind, record.stage, record.provenance) == (UNKNOWN, PRETRAINING, Provenance())


def test_broken_lines_are_named_and_the_rest_kept(records, tmp_path):
    path = tmp_path / "a.jsonl"
    write_messages(path, records[:3], root=tmp_path)
    good = path.read_text().split("\n")[:3]
    chat = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
    broken = {
        2: good[1][:40],
        3: "[1, 2]",
        5: json.dumps({"images": ["a.png"]}),
        6: json.dumps({"messages": chat[:1], "images": ["a.png"]}),
        7: json.dumps({"messages": chat, "images": []}),
        8: json.dumps({"messages": [{"role": "robot", "content": "?"}], "images": ["a.png"]}),
    }
    lines = [good[0], broken[2], broken[3], "", *(broken[number] for number in (5, 6, 7, 8)), good[2]]
    path.write_text("\n".join(lines) + "\n")
    reading = read_messages(path, root=tmp_path)
    assert reading.records == (records[0], records[2])
    assert [one.detail.split(":")[0] for one in reading.problems] == [f"line {number}" for number in broken]
    reasons = " ".join(one.detail for one in reading.problems)
    for reason in ("no JSON object", "no 'messages'", "do not alternate", "no 'image'", "the role 'robot'"):
        assert reason in reasons


@pytest.mark.parametrize(("text", "message"), [("{", "is not JSON"), ("{}", "no list of conversations")])
def test_a_file_that_is_no_llava_json_is_refused(tmp_path, text, message):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_llava(tmp_path / "a.json")


def test_a_conversation_without_an_answer_is_none():
    with pytest.raises(ValueError, match="has no question with an answer"):
        conversation()
