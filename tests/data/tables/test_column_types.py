"""Do CSV, JSON and Parquet of one table hold the same columns, with nothing missing but empty cells?"""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.tables.column_types import column_notes, numbers_of, series_of, series_of_objects
from affect_workbench.data.tables.frame_cells import frame_cells
from affect_workbench.data.tables.json_lines import json_lines
from affect_workbench.data.tables.read import columns_of, read_table, table_of

SLIM = AuditConfig(order=1, min_count=1, further=False, map_pictures=0, space_pictures=0)
WORDS = [
    "NA",
    "None",
    "N/A",
    "null",
    "nan",
    "NaN",
    "",
    " ",
    "dark",
    "a, b",
    'say "so"',
    "two\nlines",
    "größe",
    "a\u2028b",
    "007",
]


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(20, 30))

    def drawn(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(st.one_of(st.none(), values), min_size=n, max_size=n))

    ids = draw(st.sampled_from([[f"{at:03d}" for at in range(n)], [f"NA{at}" for at in range(n)]]))
    return pd.DataFrame(
        {
            "image_id": ids,
            "label": pd.Series([["joy", "fear"][at % 2] for at in range(n)], dtype=object),
            "predicted": pd.Series([["joy", "fear", "joy"][at % 3] for at in range(n)], dtype=object),
            "sure": ["dark" if at % 5 < 2 else "NA" for at in range(n)],
            "word": pd.Series(drawn(st.sampled_from(WORDS)), dtype=object),
            "text": pd.Series(
                drawn(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=4)), dtype=object
            ),
            "number": pd.Series(drawn(st.floats(allow_nan=False, allow_infinity=False)), dtype=float),
            "narrow": pd.Series(drawn(st.floats(-9, 9, width=32)), dtype=np.float32),
            "whole": pd.Series(drawn(st.integers(-(2**53), 2**53)), dtype="Int64"),
            "code": pd.Series(drawn(st.integers(0, 3)), dtype=float),
            "flag": pd.Series(drawn(st.booleans()), dtype="boolean"),
            "digits": pd.Series(drawn(st.sampled_from(["1", "12", "NA"])), dtype=object),
            "kind": pd.Categorical(drawn(st.sampled_from(["b", "a"])), categories=["b", "a"]),
        }
    )


def both(table: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    table.to_csv(folder / "t.csv", index=False)
    table.to_parquet(folder / "t.parquet")
    return read_table(folder / "t.csv"), read_table(folder / "t.parquet")


@settings(max_examples=30, phases=[Phase.generate])
@given(tables())
def test_csv_and_parquet_of_one_table_are_the_same(tmp_path_factory: pytest.TempPathFactory, table: pd.DataFrame) -> None:
    csv, parquet = both(table, tmp_path_factory.getbasetemp())
    pd.testing.assert_frame_equal(csv, parquet)
    words = [value.strip() if isinstance(value, str) and value.strip() else None for value in table["word"]]
    if pd.api.types.is_string_dtype(csv["word"]):
        assert [None if pd.isna(value) else value for value in csv["word"]] == words
    assert csv["sure"].tolist() == table["sure"].tolist()


@settings(max_examples=6, phases=[Phase.generate])
@given(tables())
def test_csv_and_parquet_of_one_table_give_the_same_audit(tmp_path_factory, table: pd.DataFrame) -> None:
    first, second = (run_audit(predictions_from_table(rows), SLIM) for rows in both(table, tmp_path_factory.getbasetemp()))
    pd.testing.assert_frame_equal(first.findings, second.findings)
    pd.testing.assert_frame_equal(first.excluded, second.excluded)
    assert first.run.notes == second.run.notes
    assert "sure: NA" in set(first.findings["slice"])


@pytest.mark.parametrize(
    ("written", "expected", "kind"),
    [
        (["1", "", "3"], [1.0, None, 3.0], "f"),
        (["1", "2"], [1, 2], "i"),
        (["-1.5", "+2", ".5", "6.", "1e3"], [-1.5, 2.0, 0.5, 6.0, 1000.0], "f"),
        (["1", "inf"], [1.0, np.inf], "f"),
        (["007", "12"], ["007", "12"], ""),
        (["1", "NA"], ["1", "NA"], ""),
        (["nan", "1.5"], ["nan", "1.5"], ""),
        (["inf", "Infinity"], ["inf", "Infinity"], ""),
        (["1_000", "2"], ["1_000", "2"], ""),
        (["123456789012345678901", "2"], ["123456789012345678901", "2"], ""),
        (["True", "false"], [True, False], "b"),
        (["TRUE", "", "FALSE"], [True, None, False], "O"),
        (["True", "None"], ["True", "None"], ""),
        (["yes", "no"], ["yes", "no"], ""),
    ],
)
def test_what_a_csv_column_holds(tmp_path: Path, written: list[str], expected: list[Any], kind: str) -> None:
    pd.DataFrame({"image_id": [f"p{at}" for at in range(len(written))], "x": written}).to_csv(
        tmp_path / "t.csv", index=False
    )
    column = read_table(tmp_path / "t.csv")["x"]
    assert [None if pd.isna(value) else value for value in column] == expected
    assert (pd.api.types.is_string_dtype(column) and kind == "") or column.dtype.kind == kind


def test_a_decimal_comma_is_read_where_it_can_be_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id;score;many;list\n01;0,9;1,234;1,2\n02;-12;5,678;x\n03;;1,000;3\n")
    read = table_of(tmp_path / "t.csv")
    assert read.rows["score"].tolist()[:2] == [0.9, -12.0]
    assert np.isnan(read.rows["score"][2])
    assert read.rows["many"].tolist() == ["1,234", "5,678", "1,000"]
    assert read.rows["list"].tolist() == ["1,2", "x", "3"]
    separated, note = read.notes
    assert separated == "t.csv: its cells are separated by semicolons; a comma in a number is read as a decimal comma"
    assert note.startswith(
        "t.csv: column 'many' holds numbers with a comma, first '1,234', which may be decimals or thousands"
    )


def test_names_are_text_and_the_labels_of_a_column_with_gaps_have_no_point(tmp_path: Path) -> None:
    table = pd.DataFrame({"image_id": [1.5, 2.5], "label": [3.0, None], "group_id": [7, 8], "split": [True, False]})
    csv, parquet = both(table, tmp_path)
    for read in (csv, parquet):
        assert read["image_id"].tolist() == ["1.5", "2.5"]
        assert (read["label"][0], read["label"].isna().tolist()) == ("3", [False, True])
        assert read["group_id"].tolist() == ["7", "8"]
        assert read["split"].tolist() == ["True", "False"]
    for name in ("t.csv", "t.parquet"):
        (note,) = table_of(tmp_path / name).notes
        assert note.endswith("column 'label' holds numbers spelt with a point, as gaps make them: 3.0 is the label 3")


def test_other_columns_of_parquet_are_what_a_csv_would_hold(tmp_path: Path) -> None:
    day = datetime.date(2020, 1, 31)
    columns = {
        "day": (pa.array([day, None]), ["2020-01-31", None]),
        "cost": (pa.array([decimal.Decimal("1.50"), None]), [1.5, None]),
        "large": (pa.array(["x", " "], pa.large_string()), ["x", None]),
        "empty": (pa.nulls(2), [None, None]),
        "half": (pa.array(np.array([0.1, 2], np.float16)), [0.1, 2.0]),
    }
    table = pa.table({"image_id": ["a", "b"], **{name: column for name, (column, _) in columns.items()}})
    pq.write_table(table, tmp_path / "t.parquet")
    rows = read_table(tmp_path / "t.parquet")
    for name, (_, expected) in columns.items():
        assert [None if pd.isna(value) else value for value in rows[name]] == expected, name
    frame = pd.DataFrame({"tone": ["dark", "light"]}, index=pd.Index(["007", "8"], name="image_id"))
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")["image_id"].tolist() == ["007", "8"]
    pq.write_table(pa.table({"id": ["a"], "tone ": ["x"], " tone": ["y"]}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="cannot be read as a table: two columns are named 'tone'"):
        read_table(tmp_path / "t.parquet")


def test_pictures_inside_a_table_are_understood_or_refused_in_words(tmp_path: Path) -> None:
    pictures = [{"bytes": b"x", "path": f"{at}.png"} for at in range(3)]
    label = ["joy", "fear", "joy"]
    pd.DataFrame({"image": pictures, "label": label}).to_parquet(tmp_path / "t.parquet")
    read = table_of(tmp_path / "t.parquet")
    assert read.rows["image_id"].tolist() == ["0.png", "1.png", "2.png"]
    assert "column 'image' holds pictures (bytes and path)" in read.notes[0]
    nameless = [{"bytes": b"x", "path": None}] * 3
    pd.DataFrame({"image": nameless, "label": label, "raw": [b"\xff"] * 3}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"name the id column with --id-column\); column 'image' holds pictures .*ignored"):
        read_table(tmp_path / "t.parquet")
    from affect_workbench.data.datasets.manifest_table import read_manifest

    with pytest.raises(ValueError, match=r"no column 'path' .*column 'image' holds pictures .* reads from files"):
        read_manifest(tmp_path / "t.parquet")


def test_numbers_beside_words_for_unknown_are_named_and_counted() -> None:
    rows = pd.DataFrame(
        {
            "age": ["31", "NA", "NA", "22", "n/a"],
            "region": ["NA", "EU", "NA", "AS", "EU"],
            "size": [1.0, 2.0, None, 4.0, 5.0],
        }
    )
    (note,) = column_notes(rows)
    assert note.startswith("column 'age' holds numbers, and 'NA' (2 times), 'n/a' (1 time): only an empty cell is missing")
    with pytest.raises(ValueError, match=r"column 'age' holds 'NA' \(picture 'b'\), and 3 cells that are no number in all"):
        numbers_of(rows["age"], where="column 'age'", ids=list("abcde"))
    with pytest.raises(ValueError, match=r"x holds 'nan' \(row 2\), and 1 cell"):
        numbers_of(pd.Series(["1", "nan", None]), where="x")
    np.testing.assert_array_equal(numbers_of(pd.Series(["1", None, "2.5"]), where="x"), [1.0, np.nan, 2.5])


def test_json_lines_end_at_line_feeds_only_and_whole_numbers_stay_whole(tmp_path: Path) -> None:
    records = [
        {"path": "a\u2028b.png", "label": 1, "age": 3, "flag": True, "tags": ["x", "y"], "big": 2**70},
        {"path": "b.png", "age": 4.5, "flag": None, "caption": "NA\x85"},
        {"path": "c.png", "label": 2, "age": "", "mixed": 1},
        {"path": "d.png", "label": 2, "mixed": "many", "code": "007"},
    ]
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    (tmp_path / "t.jsonl").write_text("\r\n".join(lines) + "\n\n", encoding="utf-8")
    rows = json_lines(tmp_path / "t.jsonl").rows
    assert rows["path"].tolist() == ["a\u2028b.png", "b.png", "c.png", "d.png"]
    assert rows["label"].dropna().tolist() == ["1", "2", "2"]
    assert rows["flag"].tolist() == [True, None, None, None]
    assert (rows["tags"][0], rows["mixed"].dropna().tolist(), rows["code"][3]) == ("x, y", ["1", "many"], "007")
    assert rows["age"][:2].tolist() == [3.0, 4.5]
    (tmp_path / "t.jsonl").write_text('{"path": "a", "path": "b"}\n')
    with pytest.raises(ValueError, match="line 1 has the key 'path' twice"):
        json_lines(tmp_path / "t.jsonl")


def test_objects_and_arrow_columns_agree() -> None:
    for values in ([1, None, 2], [1.5, 2, None], [True, False], ["x", None, " "], ["1", "2"], [None, None], [1, True]):
        known = [value for value in values if value is not None]
        arrow = pa.array([None if value is None else str(value) for value in values], pa.string())
        pd.testing.assert_series_equal(series_of_objects(values), series_of(arrow))
        assert len(known) <= len(values)


def test_a_score_that_is_no_number_is_refused_by_name() -> None:
    table = pd.DataFrame({"image_id": list("abc"), "score_joy": [".9", "NA", ".5"], "score_fear": [0.1, 0.2, 0.5]})
    with pytest.raises(ValueError, match=r"score column 'score_joy' holds 'NA' \(picture 'b'\)"):
        predictions_from_table(table)
    read: Predictions = predictions_from_table(table.assign(score_joy=[0.9, 0.1, 0.5]))
    assert read.predicted.tolist() == [0, 1, 0]


def test_text_is_composed_in_files_and_frames_and_names_of_files_are_not(tmp_path) -> None:
    composed, apart = "caf\u00e9", "cafe\u0301"
    frame = pd.DataFrame(
        {"image_id": ["a", apart], "path": ["x", apart], "place": [composed, apart], "label": [apart, composed]}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps(row) for row in frame.to_dict("records")))
    read = [
        columns_of(tmp_path / "t.csv"),
        columns_of(tmp_path / "t.parquet"),
        frame_cells(frame),
        frame_cells(frame.astype("category")),
    ]
    for table in (*read, json_lines(tmp_path / "t.jsonl")):
        assert table.rows["place"].tolist() == table.rows["label"].tolist() == [composed] * 2
        assert table.rows["image_id"].tolist() == ["a", apart]
        assert table.rows["path"].tolist() == ["x", apart]
