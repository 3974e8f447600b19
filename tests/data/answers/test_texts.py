"""Are texts of any writer read with nothing guessed and nothing lost unsaid?"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from affect_workbench.data.answers.texts import Texts, read_texts


def written(path: Path, *lines: object) -> Path:
    path.write_text(
        "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), encoding="utf-8"
    )
    return path


def test_answers_of_llava_are_read_as_they_are(tmp_path: Path) -> None:
    path = written(
        tmp_path / "answers.jsonl",
        {"question_id": 7, "prompt": "How does it feel?", "text": " Calm. ", "model_id": "llava", "metadata": {}},
        {"question_id": 12, "prompt": "How does it feel?", "text": "Sad.\u2028Very.", "model_id": "llava", "metadata": {}},
    )
    texts = read_texts(path)
    assert texts.rows.to_dict("list") == {"image_id": ["7", "12"], "text": ["Calm.", "Sad.\u2028Very."]}
    assert list(texts.pictures.columns) == ["image_id"]
    assert texts.notes == ()


def test_broken_lines_are_named_counted_and_the_rest_is_kept(tmp_path: Path) -> None:
    good = {"image": "a.jpg", "answer": "Calm."}
    twice = '{"image": "a.jpg", "image": "b.jpg", "answer": "x"}'
    path = written(tmp_path / "a.jsonl", good, "{broken", "", "[1, 2]", good, twice, {"answer": "no picture"}, '"text"')
    texts = read_texts(path)
    assert list(texts.rows["text"]) == ["Calm.", "Calm."]
    assert texts.notes == (
        "a.jsonl: 4 lines are no JSON objects, left out: lines 2, 4, 6, 8",
        "a.jsonl: 1 text names no picture: left out",
    )
    many = written(tmp_path / "many.jsonl", good, *["{"] * 25)
    assert read_texts(many).notes == (
        "many.jsonl: 25 lines are no JSON objects, left out: lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 15 more",
    )


def test_an_empty_answer_stays_one_and_is_not_guessed(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.jsonl", {"id": "1", "text": None}, {"id": "1", "text": "  "}, {"id": "2"}, {"id": "2", "text": "x"}
    )
    assert list(read_texts(path).rows["text"]) == ["", "", "", "x"]


def test_a_table_and_json_lines_of_the_same_texts_are_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"image_id": ["001", "001", "2"], "caption": ["NA", "a, b", ""], "tone": ["dark", "dark", "light"], "age": [3, 3, 4]}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    written(tmp_path / "t.jsonl", *frame.to_dict("records"))
    table, lines = read_texts(tmp_path / "t.csv"), read_texts(tmp_path / "t.jsonl")
    pd.testing.assert_frame_equal(table.rows, lines.rows)
    pd.testing.assert_frame_equal(table.pictures, lines.pictures, check_dtype=False)
    assert list(table.rows["text"]) == ["NA", "a, b", ""]
    assert table.pictures.to_dict("list") == {"image_id": ["001", "2"], "tone": ["dark", "light"], "age": [3, 4]}


def test_what_differs_between_texts_of_a_picture_is_no_fact_about_it() -> None:
    frame = pd.DataFrame({"image_id": ["a", "a"], "text": ["x", "y"], "style": ["short", "long"], "place": ["home", "home"]})
    assert list(Texts.from_frame(frame).pictures) == ["image_id", "place"]


@pytest.mark.parametrize(
    ("name", "lines", "reason"),
    [
        ("gone.jsonl", None, "no texts at .*gone.jsonl: the file does not exist"),
        ("a.txt", ["x"], "no file of texts that the workbench reads: expected one of .csv, .tsv, .parquet, .jsonl"),
        ("a.jsonl", ["{", "x"], "no line that holds a JSON object"),
        ("b.jsonl", [{"text": "x"}], "no column for the ids of the pictures: expected one of image_id, id, image, quest"),
        (
            "c.jsonl",
            [{"id": 1, "said": "x"}],
            "no column for the texts: .* name it with --text-column; its columns: id, said",
        ),
        ("d.jsonl", [{"id": "", "text": "x"}], "d.jsonl holds no text: expected a row a text"),
    ],
)
def test_what_holds_no_texts_is_refused(tmp_path: Path, name: str, lines: list[object] | None, reason: str) -> None:
    path = tmp_path / name if lines is None else written(tmp_path / name, *lines)
    with pytest.raises((ValueError, FileNotFoundError), match=reason):
        read_texts(path)


def test_columns_are_named_where_they_are_called_otherwise(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", {"photo": 1, "said": "x", "text": "not this"})
    assert read_texts(path, id_column="photo", text_column="said").rows.to_dict("list") == {"image_id": ["1"], "text": ["x"]}
    with pytest.raises(ValueError, match="has no column 'pic'"):
        read_texts(path, id_column="pic", text_column="said")
