"""Is every log of an evaluation tool read by its ids, with its traps counted and named, and nothing silently wrong?"""

from __future__ import annotations

import json
import re
import struct
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pytest

from affect_workbench.data.answers.logs.answer_log import Answer, AnswerLog, answer_log
from affect_workbench.data.answers.logs.kinds import is_log, log_kind, other_form
from affect_workbench.data.answers.logs.lmms_eval import options_in
from affect_workbench.data.answers.logs.read import read_log, texts_of
from affect_workbench.data.tables import spreadsheet

LMMS = {
    "doc_id": 3,
    "target": "awe",
    "filtered_resps": ["Awe."],
    "doc_hash": "9f",
    "emo_acc": 1.0,
    "input": "Which emotion?",
}
LMMS_7 = LMMS | {
    "resps": ["<think>x</think>Awe."],
    "filtered_resps": "Awe.",
    "token_counts": [None],
    "input_media": ["a.jpg"],
}
CHOICE = "Which emotion?\nA. awe\nB. fear\nAnswer with the letter."
EEE = {
    "schema_version": "0.3.0",
    "evaluation_id": "demo/acme/v1/1790000000",
    "model_id": "acme/v1",
    "evaluation_name": "demo",
    "sample_id": "img_7",
    "interaction_type": "single_turn",
    "input": {"raw": "Emotion?", "reference": ["awe"]},
    "output": {"raw": ["fear"]},
    "answer_attribution": [],
    "evaluation": {"score": 0.0, "is_correct": False},
}
SAMPLE = {
    "id": "img_7",
    "epoch": 1,
    "input": "Which emotion?",
    "choices": ["awe", "fear"],
    "target": "A",
    "output": {"model": "m", "choices": [{"message": {"role": "assistant", "content": "ANSWER: B"}}]},
    "scores": {"choice": {"value": "I", "answer": "B"}},
    "metadata": {"skin": "IV"},
}
HEADER = {"version": 2, "status": "success", "eval": {"task": "emo", "model": "acme/v1", "dataset": {"name": "d"}}}
SHEET = [
    ["index", "question", "A", "B", "answer", "category", "prediction"],
    [7, "Which emotion?", "awe", "None", "A", "mikels", "A. awe"],
    [1_000_007, "Which emotion?", "None", "awe", "B", "mikels", "A"],
    [8, "Which emotion?", "fear", "awe", "A", "mikels", "Failed to obtain answer via API."],
    [9, "Which emotion?", "fear", "NA", "B", "mikels", ""],
]


def lines(path: Path, *records: object) -> Path:
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in records), encoding="utf-8")
    return path


def batch(name: str, *texts: str, status: int = 200, **more: object) -> dict[str, object]:
    choices = [{"index": at, "message": {"role": "assistant", "content": text}} for at, text in enumerate(texts)]
    return {
        "id": "b",
        "custom_id": name,
        "response": {"status_code": status, "body": {"choices": choices}},
        "error": None,
    } | more


def zipped(path: Path, *named: tuple[str, object], zstandard: bool = False) -> Path:
    """A log of Inspect; with Zstandard as its newer versions pack one, which `zipfile` cannot write on this Python."""
    if not zstandard:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in named:
                archive.writestr(name, json.dumps(content))
        return path
    body, directory = b"", b""
    for name, content in named:
        raw = json.dumps(content).encode()
        packed, written = pa.compress(raw, "zstd", asbytes=True), name.encode()
        known = struct.pack("<HHHHHIIIHH", 20, 0, 93, 0, 33, zlib.crc32(raw), len(packed), len(raw), len(written), 0)
        directory += b"PK\1\2" + struct.pack("<H", 20) + known + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + written
        body += b"PK\3\4" + known + written + packed
    end = struct.pack("<HHHHIIH", 0, 0, len(named), len(named), len(directory), len(body), 0)
    path.write_bytes(body + directory + b"PK\5\6" + end)
    return path


def table(path: Path, rows: list[list[object]], separator: str = "\t") -> Path:
    path.write_text("\n".join(separator.join(map(str, row)) for row in rows) + "\n", encoding="utf-8")
    return path


def told(log: AnswerLog, part: str) -> bool:
    return any(part in note for note in log.notes)


def golds(log: AnswerLog) -> dict[str, tuple[str, ...]]:
    return dict(zip(log.samples["image_id"], log.samples["gold"], strict=True))


# lmms-eval


@pytest.mark.parametrize("record", [LMMS, LMMS_7])
def test_samples_of_lmms_eval_are_read_in_both_forms(tmp_path: Path, record: dict[str, object]) -> None:
    path = lines(tmp_path / "20260101_000000_samples_emo.jsonl", record, record | {"doc_id": 12})
    log = read_log(path)
    assert log.kind == log_kind(path) == "lmms-eval"
    assert list(log.rows["image_id"]) == ["3", "12"]
    assert log.rows["text"].str.endswith("Awe.").all()
    assert golds(log) == {"3": ("awe",), "12": ("awe",)}
    assert log.notes == ()


def test_the_raw_text_is_read_and_the_file_of_the_picture_kept(tmp_path: Path) -> None:
    log = read_log(lines(tmp_path / "s.jsonl", LMMS_7), id_column="path")
    assert log.rows["text"].tolist() == ["<think>x</think>Awe."]
    assert log.rows["image_id"].tolist() == ["a.jpg"]
    with pytest.raises(ValueError, match=r"s.jsonl has no column 'face' for the ids: .*path"):
        read_log(tmp_path / "s.jsonl", id_column="face")


def test_an_appended_run_and_a_second_filter_are_told_from_repeated_runs(tmp_path: Path) -> None:
    same = read_log(lines(tmp_path / "same.jsonl", LMMS, LMMS | {"doc_id": 4}, LMMS))
    assert list(same.rows["image_id"]) == ["3", "4"]
    assert told(same, "1 sample has the same answer more than once, first '3': 1 copy left out")
    assert len(same.runs) == 1
    other = read_log(lines(tmp_path / "other.jsonl", LMMS, LMMS | {"doc_id": 4}, LMMS | {"filtered_resps": ["Fear."]}))
    assert other.rows[["image_id", "run", "text"]].to_numpy().tolist() == [
        ["3", "1", "Awe."],
        ["3", "2", "Fear."],
        ["4", "1", "Awe."],
    ]
    assert told(other, "1 of them in other words: read as 2 runs")


def test_likelihoods_without_their_choices_are_counted_and_alone_refused(tmp_path: Path) -> None:
    pairs = LMMS | {"doc_id": 5, "resps": [["-1.2", "False"], ["-0.3", "True"]], "filtered_resps": [["-1.2", "False"]]}
    log = read_log(lines(tmp_path / "both.jsonl", LMMS, pairs))
    assert list(log.rows["image_id"]) == ["3"]
    assert told(log, "1 sample was answered by the likelihoods of choices")
    with pytest.raises(ValueError, match=r"holds no answer that can be used; 1 sample was answered by the likelihoods"):
        read_log(lines(tmp_path / "alone.jsonl", pairs))


def test_letters_and_lists_of_right_answers_are_read(tmp_path: Path) -> None:
    rows = [LMMS | {"input": CHOICE, "target": "B"}, LMMS | {"doc_id": 4, "target": "['awe', 'fear']"}]
    rows += [LMMS | {"doc_id": 5, "target": "[odd"}]
    log = read_log(lines(tmp_path / "s.jsonl", *rows))
    assert golds(log) == {"3": ("fear",), "4": ("awe", "fear"), "5": ("[odd",)}
    assert log.rows["options"].tolist() == [{"A": "awe", "B": "fear"}, {}, {}]


def test_several_texts_of_one_sample_are_runs(tmp_path: Path) -> None:
    log = read_log(lines(tmp_path / "s.jsonl", LMMS | {"resps": [["Awe", "Fear"]]}))
    assert log.rows[["run", "text"]].to_numpy().tolist() == [["1", "Awe"], ["2", "Fear"]]


# VLMEvalKit


@pytest.mark.parametrize("form", ["tsv", "csv", "json", "xlsx"])
def test_predictions_of_vlmevalkit_are_the_same_in_every_form(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"m_set.{form}"
    if form == "json":
        path.write_text(json.dumps([dict(zip(SHEET[0], row, strict=True)) for row in SHEET[1:]]))
    elif form == "xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for row in SHEET:
            book.active.append(row)
        book.save(path)
    else:
        table(path, SHEET, "\t" if form == "tsv" else ",")
    log = read_log(path)
    assert log.kind == log_kind(path) == "VLMEvalKit"
    assert log.rows[["image_id", "run", "text"]].to_numpy().tolist() == [
        ["7", "rotation 0", "A. awe"],
        ["7", "rotation 1", "A"],
        ["9", "rotation 0", ""],
    ]
    assert log.rows["options"].tolist() == [{"A": "awe", "B": "None"}, {"A": "None", "B": "awe"}, {"A": "fear", "B": "NA"}]
    assert golds(log) == {"7": ("awe",), "9": ("NA",)}
    assert list(log.samples) == ["image_id", "gold", "category"]
    assert told(log, "1 call of the API failed: left out")
    assert told(log, "once for each rotation of their options")


def test_a_judged_file_and_indices_over_a_million_are_taken_as_they_are(tmp_path: Path) -> None:
    head = ["index", "question", "A", "B", "answer", "prediction", "hit", "log"]
    log = read_log(table(tmp_path / "j.tsv", [head, [3_000_004, "q?", "awe", "fear", "B", "B", 1, "matched"]]))
    assert log.rows[["image_id", "run"]].to_numpy().tolist() == [["3000004", ""]]
    assert list(log.samples) == ["image_id", "gold"]


def test_a_workbook_without_its_reader_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    monkeypatch.setattr(spreadsheet, "find_spec", lambda name: None)
    assert log_kind(tmp_path / "a.xlsx") is None
    with pytest.raises(ValueError, match=r"a.xlsx is an Excel workbook: pip install 'affect-workbench\[excel\]'"):
        is_log(tmp_path / "a.xlsx")


# Inspect


@pytest.mark.parametrize("zstandard", [False, True])
def test_a_log_of_inspect_is_read_however_it_is_packed(tmp_path: Path, zstandard: bool) -> None:
    second = (
        SAMPLE
        | {"epoch": 2, "target": ["A"]}
        | {"output": {"choices": [{"message": {"content": [{"type": "text", "text": "A"}]}}]}}
    )
    failed = SAMPLE | {"id": 8, "output": {"choices": []}, "scores": {}, "error": {"message": "x"}}
    path = zipped(
        tmp_path / "2026_emo_x.eval",
        ("_journal/start.json", {}),
        ("samples/a/img_7_epoch_1.json", SAMPLE),
        ("samples/img_7_epoch_2.json", second),
        ("samples/8_epoch_1.json", failed),
        ("header.json", HEADER),
        zstandard=zstandard,
    )
    log = read_log(path)
    assert (log.kind, log.model) == ("Inspect", "acme/v1")
    assert log.rows[["image_id", "run", "text"]].to_numpy().tolist() == [["img_7", "1", "ANSWER: B"], ["img_7", "2", "A"]]
    assert golds(log) == {"img_7": ("awe",)}
    assert log.samples["skin"].tolist() == ["IV"]
    assert log.notes == ("2026_emo_x.eval: 1 sample ended in an error, without an answer: left out",)


def test_the_json_form_and_what_only_a_scorer_kept_are_read(tmp_path: Path) -> None:
    bare = {name: value for name, value in SAMPLE.items() if name != "output"}
    long = SAMPLE | {"id": 9, "attachments": {"ab": "B"}}
    long["output"] = {"choices": [{"message": {"content": "attachment://ab"}}]}
    path = tmp_path / "log.json"
    path.write_text(json.dumps(HEADER | {"status": "cancelled", "samples": [bare, long]}))
    log = read_log(path)
    assert log.rows[["image_id", "text"]].to_numpy().tolist() == [["img_7", "B"], ["9", "B"]]
    assert told(log, "its status is cancelled: the evaluation was not finished")
    assert told(log, "1 sample without the model's text: what the scorer took for its answer is read")
    path.write_text(json.dumps(HEADER))
    with pytest.raises(ValueError, match=r"log.json holds no samples, only what is said of all of them"):
        read_log(path)


def test_an_unfinished_or_damaged_log_says_so(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped(tmp_path / "u.eval", ("samples/a.json", SAMPLE | {"id": 1}), ("samples/a.json", SAMPLE))
    log = read_log(path)
    assert list(log.rows["image_id"]) == ["img_7"]  # the last member of a name holds
    assert told(log, "it has no header: the evaluation was not finished")
    path = zipped(tmp_path / "d.eval", ("samples/a.json", SAMPLE), zstandard=True)
    broken = bytearray(path.read_bytes())
    broken[60] ^= 255
    path.write_bytes(bytes(broken))
    with pytest.raises(ValueError, match=r"d.eval cannot be read as a ZIP file: member 'samples/a.json' is damaged"):
        read_log(path)


# Every Eval Ever


def test_samples_of_every_eval_ever_come_once_for_all_metrics(tmp_path: Path) -> None:
    second = EEE | {"evaluation_name": "f1"}
    bare = EEE | {"sample_id": "img_8", "output": None, "interaction_type": "multi_turn"}
    bare["messages"] = [
        {"turn_idx": 0, "role": "user", "content": "?"},
        {"turn_idx": 1, "role": "assistant", "content": "awe"},
    ]
    twice = EEE | {"sample_id": "img_9", "output": {"raw": ["awe", "fear"]}, "metadata": {"tone": "dark"}}
    failed = EEE | {"sample_id": "img_10", "output": {"raw": []}, "error": "timeout"}
    path = lines(tmp_path / "1-2_samples.jsonl", EEE, second, bare, twice, failed)
    log = read_log(path)
    assert (log.kind, log.model) == ("Every Eval Ever", "acme/v1")
    assert log.rows[["image_id", "run", "text"]].to_numpy().tolist() == [
        ["img_7", "", "fear"],
        ["img_8", "", "awe"],
        ["img_9", "1", "awe"],
        ["img_9", "2", "fear"],
    ]
    assert golds(log)["img_7"] == ("awe",)
    assert log.notes == ("1-2_samples.jsonl: 1 sample ended in an error, without an answer: left out",)
    again = [EEE, second, *({**one, "evaluation_id": "b", "output": {"raw": ["awe"]}} for one in (EEE, second))]
    log = read_log(lines(tmp_path / "again.jsonl", *again))
    assert log.rows[["run", "text"]].to_numpy().tolist() == [[EEE["evaluation_id"], "fear"], ["b", "awe"]]
    aggregate = tmp_path / "1-2.json"
    aggregate.write_text(json.dumps({"schema_version": "0.3.0", "evaluation_id": "x", "evaluation_results": []}))
    assert log_kind(aggregate) == "Every Eval Ever"
    assert len(read_log(aggregate)) == 4
    path.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"says nothing of single samples, and there are none at .*1-2_samples.jsonl"
    ):
        read_log(aggregate)
    path = lines(tmp_path / "mixed.jsonl", EEE, EEE | {"evaluation_name": "b", "input": {"raw": "Age?", "reference": []}})
    with pytest.raises(ValueError, match="two questions for sample 'img_7'"):
        read_log(path)


# OpenAI batches


def test_batches_are_joined_by_custom_id_and_failures_named(tmp_path: Path) -> None:
    responses = {
        "output": [{"type": "reasoning"}, {"type": "message", "content": [{"type": "output_text", "text": "fear"}]}]
    }
    path = lines(
        tmp_path / "out.jsonl",
        batch("img_9", "awe", "fear"),
        batch("img_7", "Ａｗｅ"),
        batch("img_8", status=429),
        batch("img_6", response=None, error={"code": "expired"}),
        {"id": "b", "custom_id": "img_5", "response": {"status_code": 200, "body": responses}, "error": None},
        "{broken",
    )
    log = read_log(path)
    assert log.kind == "OpenAI batch"
    assert log.rows[["image_id", "run", "text"]].to_numpy().tolist() == [
        ["img_9", "1", "awe"],
        ["img_9", "2", "fear"],
        ["img_7", "", "Awe"],
        ["img_5", "", "fear"],
    ]
    assert log.notes == (
        "out.jsonl: 1 line is no JSON object, left out: line 6",
        "out.jsonl: 2 requests failed, first 'img_8': left out; ask again",
    )


# LLaVA and plain tables


def test_answers_of_llava_and_rounds_of_mmbench_are_read(tmp_path: Path) -> None:
    one = {
        "question_id": 12,
        "prompt": "Which emotion?",
        "text": "awe",
        "answer_id": "Qx3",
        "model_id": "llava-x",
        "metadata": {},
    }
    path = lines(tmp_path / "a.jsonl", one, one | {"question_id": "013"})
    log = read_log(path)
    assert (log.kind, log.model, log.prompts) == ("LLaVA", "llava-x", [""])
    assert list(log.rows["image_id"]) == ["12", "013"]
    rounds = [
        one | {"round_id": at, "options": options, "option_char": ["A", "B"], "text": "A", "prompt": f"? {options}"}
        for at, options in enumerate((["awe", "fear"], ["fear", "awe"]))
    ]
    log = read_log(lines(tmp_path / "b.jsonl", *rounds))
    assert log.runs == ["0", "1"]
    assert log.rows["options"].tolist() == [{"A": "awe", "B": "fear"}, {"A": "fear", "B": "awe"}]
    with pytest.raises(ValueError, match=r"answers of 2 models, 'llava-x', 'llava-y': expected those of one"):
        read_log(lines(tmp_path / "c.jsonl", one, one | {"question_id": 1, "model_id": "llava-y"}))


def test_a_plain_table_brings_runs_prompts_labels_and_facts(tmp_path: Path) -> None:
    rows: list[list[object]] = [["image_id", "text", "run", "prompt", "gold", "tone"]]
    rows += [["007", "awe", run, prompt, "awe", "dark"] for run in (1, 2) for prompt in ("short", "long")]
    log = read_log(table(tmp_path / "t.csv", rows, ","))
    assert (log.kind, log.runs, log.prompts) == ("texts", ["1", "2"], ["short", "long"])
    assert golds(log) == {"007": ("awe",)}
    assert log.samples["tone"].tolist() == ["dark"]
    assert told(log, "the right answers are taken from its column gold")
    assert read_log(table(tmp_path / "u.csv", [["photo", "said"], ["1", "awe"]], ","), id_column="photo", text_column="said")


def test_two_answers_in_one_run_and_contradicting_right_answers_are_told() -> None:
    answers = [Answer("a", "awe", run="1", gold=("awe",)), Answer("a", "fear", run="1", gold=("fear",)), Answer("", "awe")]
    log = answer_log("texts", answers, source="t.csv")
    assert log.rows["text"].tolist() == ["awe"]
    assert told(log, "1 sample has two answers in one run, first 'a': the first is taken, 1 other left out")
    assert told(log, "1 answer names no sample: left out")
    answers = [Answer("a", "awe", run=run, gold=(run,)) for run in ("1", "2")]
    log = answer_log("texts", answers, source="t.csv")
    assert golds(log) == {"a": ()}
    assert told(log, "1 sample has other right answers in one row than in another, 'a': taken as unknown")


# Kinds


@pytest.mark.parametrize(
    ("prompt", "options"),
    [
        ("Which? (A) awe (B) fear, sort of; (C) joy\nAnswer.", {"A": "awe", "B": "fear, sort of", "C": "joy"}),
        ("A) awe\nB) fear", {"A": "awe", "B": "fear"}),
        ("Example:\nA. awe\nB. fear\nNow:\nA. joy\nB. awe", {}),
        ("A. man stands there", {}),
        ("(B) fear (C) joy", {}),
    ],
)
def test_options_are_read_from_a_prompt_where_they_stand_once(prompt: str, options: dict[str, str]) -> None:
    assert options_in(prompt) == options


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("a.npz", "may hold pickled objects, which can run code when they are opened"),
        ("m_results.json", r"give the samples beside it \(lmms-eval: \*_samples_"),
        ("stats.json", "is a part of a run of HELM, which is not read: give a table with image_id, text and label"),
        ("a.csv", "^$"),
    ],
)
def test_what_lies_beside_a_log_is_answered_with_what_to_give(name: str, advice: str) -> None:
    assert re.search(advice, other_form(Path(name)))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.csv", "image_id,predicted,label\n1,awe,awe\n"),
        ("p.csv", "image_id,prediction,text\n1,awe,awe\n"),
        ("p.csv", "id,score_awe,score_fear,caption\n1,.1,.9,x\n"),
        ("p.tsv", "index\tprediction\n1\tawe\n"),
        ("p.jsonl", "[1]\n"),
        ("p.json", '{"results": {}}'),
        ("p.json", "[{"),
        ("p.eval", "text"),
        ("p.pkl", "x"),
        ("p.npz", "x"),
    ],
)
def test_what_is_no_log_is_not_taken_for_one(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert log_kind(tmp_path / name) is None
    assert log_kind(tmp_path / "gone.jsonl") is None
    with pytest.raises(ValueError, match=rf"{name} is no log of answers: expected samples of lmms-eval"):
        read_log(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"no log at .*gone.jsonl"):
        read_log(tmp_path / "gone.jsonl")


def test_a_log_is_texts_too(tmp_path: Path) -> None:
    log = zipped(tmp_path / "a.eval", ("samples/a.json", SAMPLE), ("header.json", HEADER))
    texts = texts_of(log)
    assert texts.rows.to_dict("list") == {"image_id": ["img_7"], "text": ["ANSWER: B"]}
    assert texts.pictures.to_dict("list") == {"image_id": ["img_7"], "skin": ["IV"]}
    assert list(texts_of(table(tmp_path / "t.csv", [["id", "text"], ["1", "Calm."]], ",")).rows["text"]) == ["Calm."]
