"""Does every id survive the reading of a table, and is every row that matches nothing counted and named?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.tables.attributes import join_attributes
from affect_workbench.data.tables.headers import is_table
from affect_workbench.data.tables.read import named, read_table, require_unique


def csv(folder: Path, text: str, name: str = "t.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("image_id,id\n007,x\n1e3,y\n", ["007", "1e3"]),
        ("tone, id\ndark, 010\nlight, 10\n", ["010", "10"]),
        ("n,tone,file\n1,dark,a.jpg\n2,dark,b.jpg\n", ["a.jpg", "b.jpg"]),
    ],
)
def test_the_id_column_is_found_and_read_as_text(tmp_path: Path, text: str, ids: list[str]) -> None:
    table = read_table(csv(tmp_path, text))
    assert list(table["image_id"]) == ids
    assert "id" not in table or text.startswith("image_id")


def test_an_id_column_that_is_asked_for_wins(tmp_path: Path) -> None:
    table = read_table(csv(tmp_path, "image_id,photo\na,001\nb,002\n"), id_column="photo")
    assert table.to_dict("list") == {"image_id": ["001", "002"]}


def test_csv_tsv_and_parquet_give_the_same_table(tmp_path: Path) -> None:
    rows = pd.DataFrame({"image_id": ["01", "02"], "tone": ["dark", "light"], "age": [1.5, None]})
    rows.to_csv(tmp_path / "t.csv", index=False)
    rows.to_csv(tmp_path / "t.TSV", index=False, sep="\t")
    rows.to_parquet(tmp_path / "t.parquet")
    tables = [read_table(tmp_path / name) for name in ("t.csv", "t.TSV", "t.parquet")]
    for table in tables:
        pd.testing.assert_frame_equal(table, tables[0])
    assert is_table(tmp_path / "t.TSV")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as a table: No columns"),
        ("id,tone\n", "has no rows: expected one row per picture"),
        ('id,tone\n"a,dark\n', "cannot be read as a table"),
        ("id,tone\n,dark\nb,light\n", r"1 row has no id, first at row 1"),
        ("id\na\nb\na\nb\nc\n", r"2 ids occur more than once, first 'a', 'b': ids must be unique"),
        ("n,tone\n1,dark\n2,dark\n", "no text column that differs in every row; its columns: n, tone"),
    ],
)
def test_unusable_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_table(csv(tmp_path, text))


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no table at .*none.csv: the file does not exist"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(ValueError, match=r"t.xlsx is not a table the workbench reads: expected one of .csv, .tsv, .parquet"):
        read_table(csv(tmp_path, "", "t.xlsx"))
    with pytest.raises(ValueError, match=r"t.parquet cannot be read as a table"):
        read_table(csv(tmp_path, "not parquet", "t.parquet"))
    with pytest.raises(ValueError, match="has no column 'photo' for the ids; its columns: id, tone"):
        read_table(csv(tmp_path, "id,tone\na,dark\n"), id_column="photo")
    (tmp_path / "latin.csv").write_bytes("id,tone\na,d\xfcster\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin.csv cannot be read as a table"):
        read_table(tmp_path / "latin.csv")


def test_names_in_messages_are_few() -> None:
    assert named(["a", 2]) == "'a', '2'"
    assert named("abcdefg") == "'a', 'b', 'c' and 4 more"
    require_unique(pd.Series(["a", "b"]), where="x")


@given(have=st.sets(st.integers(0, 30), min_size=1), table=st.permutations(range(15, 40)), size=st.integers(1, 25))
def test_a_join_keeps_every_picture_in_order_and_names_what_did_not_match(
    have: set[int], table: list[int], size: int
) -> None:
    pictures = pd.DataFrame({"image_id": [f"p{number}" for number in have]}, index=range(100, 100 + len(have)))
    rated = [f"p{number}" for number in table[:size]]
    ratings = pd.DataFrame({"image_id": rated, "label": "ignored", "rating": np.arange(float(size))})
    if not set(pictures["image_id"]) & set(rated):
        with pytest.raises(ValueError, match="no id of the attribute table matches a picture"):
            join_attributes(pictures, ratings)
        return
    joined, report = join_attributes(pictures, ratings)
    assert list(joined["image_id"]) == list(pictures["image_id"])
    expected = [float(rated.index(name)) if name in rated else None for name in joined["image_id"]]
    assert [None if np.isnan(value) else value for value in joined["rating"]] == expected
    assert report.attributes == ("rating",)
    assert report.matched == len(have) - len(report.without) == size - len(report.unused)
    assert set(report.without) == set(pictures["image_id"]) - set(rated)
    assert set(report.unused) == set(rated) - set(pictures["image_id"])
    assert report.core == ("label",)
    assert len(report.notes()) == 1 + bool(report.without) + bool(report.unused)


def test_the_notes_of_a_join_say_how_many_and_which() -> None:
    _, report = join_attributes(
        pd.DataFrame({"image_id": ["a", "b"]}), pd.DataFrame({"image_id": ["b", "c", "d"], "tone": ["x", "y", "z"]})
    )
    assert report.notes() == [
        "1 picture has no row in the attribute table, first 'a': they are in no slice of tone",
        "2 rows of the attribute table match no picture, first 'c', 'd': not used",
    ]


def test_joins_that_add_nothing_or_overwrite_are_refused() -> None:
    pictures = pd.DataFrame({"image_id": ["a"], "tone": ["dark"]})
    with pytest.raises(ValueError, match="the attribute table has no column besides its ids"):
        join_attributes(pictures, pd.DataFrame({"image_id": ["a"]}))
    with pytest.raises(
        ValueError, match=r"attribute 'tone' is in the data and in the attribute table, and differs for 1 pic"
    ):
        join_attributes(pictures, pd.DataFrame({"image_id": ["a"], "tone": ["x"]}))
    with pytest.raises(ValueError, match="the table has 'z', the pictures are 'a'"):
        join_attributes(pictures, pd.DataFrame({"image_id": ["z"], "age": [1]}))


def test_core_columns_of_a_joined_table_are_used() -> None:
    pictures = pd.DataFrame({"image_id": list("abc"), "path": ["x/a", "x/b", "x/c"], "tone": ["d", "l", None]})
    table = pd.DataFrame(
        {
            "image_id": list("cab"),
            "group_id": ["2", "1", "1"],
            "label": ["joy", "fear", None],
            "vote_joy": [3, 1, 0],
            "split": "test",
            "pair_id": ["p", "p", "q"],
            "path": ["c", "a", "b"],
            "tone": ["l", "D", "l"],
        }
    )
    joined, report = join_attributes(pictures, table)
    assert report.core == ("group_id", "label", "vote_joy", "split", "pair_id")
    assert (report.attributes, report.filled, report.aside) == ((), (("tone", 1),), ("path",))
    assert joined["group_id"].tolist() == ["1", "1", "2"]
    assert joined["vote_joy"].tolist() == [1, 0, 3]
    assert joined["tone"].tolist() == ["d", "l", "l"]
    assert joined["path"].tolist() == ["x/a", "x/b", "x/c"]
    assert report.notes()[0] == ("taken from the attribute table: group_id, label, vote_joy, split, pair_id")
    assert report.notes(among=[])[1:] == [
        "tone: 1 cell that was empty in the data is filled from the attribute table",
        "path of the attribute table: not used, the data have their own",
    ]


@pytest.mark.parametrize(
    ("column", "ours", "theirs", "same"),
    [
        ("group_id", ["1", "2"], [1, 2], True),
        ("label", ["joy", None], ["Joy ", "fear"], True),
        ("vote_joy", [0.1 + 0.2, 1], [0.3, 1], True),
        ("label", ["joy", "fear"], ["joy", "joy"], False),
        ("vote_joy", [1, 2], [1, 3], False),
        ("split", ["train", "test"], ["train", "train"], False),
        ("pair_id", ["1", "2"], ["1", "1"], False),
    ],
)
def test_a_core_column_in_both_tables_must_agree(column: str, ours: list[object], theirs: list[object], same: bool) -> None:
    pictures = pd.DataFrame({"image_id": ["a", "b"], column: ours})
    table = pd.DataFrame({"image_id": ["a", "b"], column: theirs})
    if same:
        assert join_attributes(pictures, table)[0].columns.tolist() == ["image_id", column]
        return
    with pytest.raises(ValueError, match=f"core column '{column}' is in the data .* differs for 1 picture.* first 'b'"):
        join_attributes(pictures, table)


def test_the_real_ratings_match_every_emotion6_picture(emotion6: FeatureSet, shared_data: Path) -> None:
    joined, report = join_attributes(emotion6.rows, read_table(shared_data / "emotion6" / "ratings_train.csv"))
    assert (report.matched, report.notes()) == (1_386, [])
    negative = joined["label"].isin(["anger", "disgust", "fear", "sadness"])
    assert (negative.sum(), (joined.loc[negative, "valence"] >= 6).sum()) == (914, 103)
