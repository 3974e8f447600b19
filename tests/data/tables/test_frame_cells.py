"""A data frame says what the same table says as a file, whatever pandas holds its cells in."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.tables.frame_cells import frame_cells
from affect_workbench.data.tables.read import columns_of

COLUMNS = {
    "blanks": ["dark ", " light", "dark", ""],
    "only blanks": ["", " ", None, np.nan],
    "words for nothing": ["NA", "None", "nan", "x"],
    "numbers as text": ["1", "2", "", "4"],
    "codes": ["007", "1", "2", "3"],
    "numbers and NA": ["1.5", "2", "NA", "3"],
    "truth": [True, False, True, False],
    "truth with a gap": [True, None, False, True],
    "truth as text": ["True", "false", "TRUE", ""],
    "truth and numbers": [True, 2, 3, 4],
    "several kinds": ["a", 1, None, "b"],
    "whole": [1, 2, 3, 4],
    "with gaps": [1.0, np.nan, 3.0, 4.0],
    "narrow": np.array([0.1, 0.2, 0.7, 1.0], np.float32),
    "nullable": pd.array([1, None, 3, 4], dtype="Int64"),
    "days": pd.to_datetime(["2020-01-01", "2020-01-02", None, "2020-01-04"]),
    "dates": [datetime.date(2020, 1, day) for day in range(1, 5)],
    "decimals": [Decimal("0.5"), Decimal("1.25"), None, Decimal(3)],
    "categories": pd.Categorical(["dark ", "light", None, "light"]),
    "categories of numbers": pd.Categorical([3, 1, 3, None]),
    "intervals": pd.cut(pd.Series([1.0, 2.0, 3.0, 4.0]), 2),
    "paths": [Path("a.png"), Path("b.png"), None, Path("c.png")],
    "periods": pd.period_range("2020-01", periods=4, freq="M"),
    "label": [1.0, 2.0, np.nan, 1.0],
    "predicted": ["1", "2", "2", " "],
    "image_id": ["007", " 8", "9.0", "x"],
    "split": ["train ", "", "test", None],
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_a_frame_is_that_of_its_file(name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"image_id": list("abcd")} | {name: COLUMNS[name]})
    frame.to_csv(tmp_path / "table.csv", index=False)
    expected, found = columns_of(tmp_path / "table.csv"), frame_cells(frame)
    pd.testing.assert_frame_equal(found.rows, expected.rows)
    spelt = "numbers spelt with a point"  # said of the type of the cells in one, of their text in the other
    assert [note for note in found.notes if spelt not in note] == [
        note.removeprefix("table.csv: ") for note in expected.notes if spelt not in note
    ]


def test_rows_are_numbered_and_names_are_those_of_a_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"image_id": ["a", "b"], " tone ": ["dark", "light"], 5: [1, 2]}, index=["x", "y"])
    frame.to_csv(tmp_path / "table.csv", index=False)
    pd.testing.assert_frame_equal(frame_cells(frame).rows, columns_of(tmp_path / "table.csv").rows)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame([[1, 2]], columns=["tone", "tone "]), "two columns are called 'tone': rename one"),
        (pd.DataFrame([[1, 2]], columns=["tone", " "]), "a column of the data frame has no name"),
        (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_product([["a"], ["b", "c"]])), "2 levels: expected one name"),
    ],
)
def test_columns_without_one_name_each_are_refused(frame: pd.DataFrame, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        frame_cells(frame)
