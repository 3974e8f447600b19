"""Is every cell of a CSV under its own header, whatever separates, quotes and encodes it, and is all else refused?"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_workbench.data.concepts.annotations import read_answers
from affect_workbench.data.concepts.definitions import read_prompt_pairs
from affect_workbench.data.datasets.manifest_table import read_manifest
from affect_workbench.data.storage.delimited import SEPARATORS, read_cells
from affect_workbench.data.storage.text_files import lines_of, text_of
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.audit.context import audit_context

SHIFTED = "image_id,score_joy,score_anger\nextra,a,.1,.9\nextra,b,.8,.2\n"


def cells(folder: Path, text: str | bytes, name: str = "t.csv") -> dict[str, list[str]]:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return read_cells(folder / name).frame().to_dict("list")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SHIFTED, r"line 2 has 4 cells, but the header names 3 \(image_id, score_joy, score_anger; separated by commas\)"),
        ("a,b\n1,2\n\n3,4,5\n6,7\n", "line 4 has 3 cells, but the header names 2"),
        ("a,b\n1,2\n3\n", "line 3 has 1 cells, but the header names 2"),
        ('a,b\n"x\ny",2\n3,4,5\n', "line 4 has 3 cells"),
        ("a;b\n1;2;3\n", r"line 2 has 3 cells, but the header names 2 \(a, b; separated by semicolons\)"),
        ("a,b,\n1,2,\n1,2,3\n", "column 3 has no name in the header, but cells"),
        ("a,b\n1,2,\n3,4,\n", "line 2 has 3 cells, but the header names 2"),
        ("a,tone,b, tone\n1,2,3,4\n", "two columns are named 'tone' in the header"),
        ("\na,b\n1,2\n", "line 1, where the names of the columns belong, is empty"),
        (",,\n1,2,3\n", "line 1, where the names of the columns belong, is empty"),
        ("", "the file is empty"),
        ('a,b\n1,2\n3,"x\n4,5\n', "line 3: a quote is opened and never closed"),
        ('a,b\n1,"say "no" now"\n', "line 2: text follows a closing quote"),
        ("a,b\nfine,1\nd\xfcster,2\n".encode("latin-1"), "line 3 holds the byte 0xfc, which is not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "line 1 holds a zero byte, as in UTF-16 without a byte order mark"),
    ],
)
def test_a_file_whose_columns_are_not_what_its_header_says_is_refused_by_line(tmp_path, text, message) -> None:
    with pytest.raises(ValueError, match=message):
        cells(tmp_path, text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_with_a_mark_and_all_line_ends_are_read(tmp_path, encoding, end) -> None:
    text = end.join(["id,tone", "1,größer", '2,"a, ""b"""', ""])
    assert cells(tmp_path, text.encode(encoding)) == {"id": ["1", "2"], "tone": ["größer", 'a, "b"']}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "id;score\na;0,9\nb;1,5\n"),
        ("t.tsv", "id;score\na;0,9\nb;1,5\n"),
        ("t.csv", "id\tscore\na\t0,9\nb\t1,5\n"),
        ("t.csv", "sep=|\r\nid|score\r\na|0,9\r\nb|1,5\r\n"),
        ("t.tsv", 'id,score\na,"0,9"\nb,"1,5"\n'),
    ],
)
def test_the_separator_is_recognised_whatever_the_name_says(tmp_path, name, text) -> None:
    assert cells(tmp_path, text, name) == {"id": ["a", "b"], "score": ["0,9", "1,5"]}


def test_separators_inside_cells_do_not_mislead(tmp_path) -> None:
    landmarks = 'path,points\na.jpg,1;2;3\n"b; c.jpg",4;5;6\n'
    assert cells(tmp_path, landmarks)["points"] == ["1;2;3", "4;5;6"]
    assert cells(tmp_path, "path\na;b.jpg\nc.jpg\n") == {"path": ["a;b.jpg", "c.jpg"]}


def test_a_separator_at_the_end_of_every_line_and_row_numbers_are_no_shift(tmp_path) -> None:
    assert cells(tmp_path, "id,tone,\n1,dark,\n2,light,\n") == {"id": ["1", "2"], "tone": ["dark", "light"]}
    assert cells(tmp_path, ",id\n0,a\n1,b\n") == {"Unnamed: 0": ["0", "1"], "id": ["a", "b"]}
    assert cells(tmp_path, " id , tone\n 1 , dark \n\n  \n2,\n") == {"id": ["1", "2"], "tone": ["dark", ""]}


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).map(str.strip)


@given(
    rows=st.lists(st.lists(TEXT, min_size=3, max_size=3), min_size=1, max_size=8),
    separator=st.sampled_from(list(SEPARATORS)),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_whatever_is_written_is_read_again(tmp_path_factory, rows, separator, end) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([["one", "two, or 2", "three"], *rows])
    read = cells(tmp_path_factory.getbasetemp(), written.getvalue())
    assert [list(row) for row in zip(*read.values(), strict=True)] == rows
    assert list(read) == ["one", "two, or 2", "three"]


def test_lines_end_where_files_end_them_and_nowhere_else(tmp_path) -> None:
    assert lines_of("a\u2028b\r\nc\x0bd\re\n") == ["a\u2028b", "c\x0bd", "e"]
    (tmp_path / "t.txt").write_bytes(b"\xff\xfeab")
    assert text_of(tmp_path / "t.txt") == "\u6261"
    (tmp_path / "t.txt").write_bytes(b"\xff\xfeabc")
    with pytest.raises(ValueError, match="says UTF-16, but it is not"):
        text_of(tmp_path / "t.txt")


def test_every_other_table_goes_through_the_same_reader(tmp_path) -> None:
    """Answers, prompts, a lexicon, a manifest: shifted rows are refused, semicolons understood."""

    def put(text: str) -> Path:
        (tmp_path / "x.csv").write_text(text, encoding="utf-8")
        return tmp_path / "x.csv"

    with pytest.raises(ValueError, match=r"x\.csv cannot be read as labels: line 2 has 3 cells"):
        read_answers([put("image_id,answer\n7,a,yes\n")])
    assert list(read_answers([put("image_id;answer\n007;yes\nNA;no\n")])["image_id"]) == ["007", "NA"]
    with pytest.raises(ValueError, match=r"x\.csv cannot be read as prompts: line 2 has 2 cells"):
        read_prompt_pairs(put("prompt\na cat, asleep\n"))
    assert read_prompt_pairs(put("prompt;opposite\na cat, asleep;a dog\n"))[0].prompt == "a cat, asleep"
    with pytest.raises(ValueError, match=r"x\.csv cannot be read as a table: line 2 has 3 cells"):
        read_manifest(put("path,label\n1,a.png,joy\n"))
    lexicon = put("label;valence\njoy;0,9\nanger;-0,8\n")
    assert audit_context(valence=str(lexicon), taxonomy=Taxonomy.named("ekman6")).valence == {"joy": 0.9, "anger": -0.8}
