"""Does a table of pictures become a manifest that names everything wrong, and comes back from disk as it was?"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from affect_workbench.data.datasets.checks import content_names
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.datasets.manifest_table import read_manifest
from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.images.decode import content_id
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.datasets.summary import summary


def picture(path: Path, shade: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6), (shade % 256, shade // 256, 40)).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures and a table of them: one is a copy, one is missing, one is broken, one name is not ASCII."""
    root = tmp_path / "my set"
    for number, name in enumerate(["a.png", "b.png", "sub/ü ñ.png", "d.PNG"]):
        picture(root / name, number)
    shutil.copy(root / "a.png", root / "z copy.png")
    (root / "broken.jpg").write_bytes(b"\xff\xd8 no")
    table = pd.DataFrame(
        {
            "id": ["007", "008", "009", "010", "011", "012", "013"],
            "path": ["a.png", "b.png", "sub\\ü ñ.png", "d.PNG", "z copy.png", "broken.jpg", "gone.png"],
            "label": ["happy", "anger", "Sadness", "bliss", "anger", "joy", "joy"],
            "split": ["training", "train", "validation", "test", "test", "train", "train"],
            "vote_happy": [3, 0, 1, 2, 0, 5, 5],
            "vote_anger": [1, 4, 1, 0, 5, 0, 0],
            "tone": ["dark", None, "light", "dark", "light", "dark", "dark"],
        }
    )
    table.to_csv(root / "table.csv", index=False)
    return root


def read(path: Path, **options: object) -> Manifest:
    return read_manifest(path, taxonomy=Taxonomy.named("ekman6"), progress=False, **options)  # type: ignore[arg-type]


def test_a_table_with_everything_wrong_is_told_all_at_once(folder: Path) -> None:
    manifest = read(folder / "table.csv")
    assert list(manifest.rows["image_id"]) == ["007", "008", "009", "010", "011"]
    assert list(manifest.rows["path"]) == ["a.png", "b.png", "sub/ü ñ.png", "d.PNG", "z copy.png"]
    assert [label if isinstance(label, str) else None for label in manifest.rows["label"]] == [
        "joy",
        "anger",
        "sadness",
        None,
        "anger",
    ]
    assert list(manifest.rows["split"]) == ["train", "train", "val", "test", "test"]
    assert manifest.votes == ["vote_joy", "vote_anger"]
    assert manifest.attributes == ["tone"]
    assert manifest.rows["content"][0] == content_id(folder / "a.png") == manifest.rows["content"][4]
    assert list(zip(manifest.problems["kind"], manifest.problems["path"], strict=True)) == [
        ("missing file", "gone.png"),
        ("unreadable picture", "broken.jpg"),
        ("unknown label", "d.PNG"),
        ("copy with another label", "z copy.png"),
    ]
    said = manifest.problems["detail"].iloc[3]
    assert "same bytes as a.png, which is in split train, this in test, which is labelled joy, this anger" in said
    assert all(path.is_file() for path in manifest.paths())
    assert manifest.picture_path(2) == folder / "sub" / "ü ñ.png"


def test_counts_have_a_row_for_every_label_and_add_up(folder: Path) -> None:
    counts = read(folder / "table.csv").counts()
    assert list(counts.index) == [*Taxonomy.named("ekman6").labels, "(no label)", "all"]
    assert list(counts.columns) == ["train", "val", "test", "all"]
    assert counts.loc["all", "all"] == 5
    assert counts.loc["joy"].tolist() == [1, 0, 0, 1]
    assert counts.loc["disgust", "all"] == 0
    assert counts.loc["(no label)", "test"] == 1


def test_save_and_load_give_the_same_manifest(folder: Path, tmp_path: Path) -> None:
    manifest = read(folder / "table.csv")
    manifest.save(tmp_path / "saved")
    assert Manifest.is_saved(tmp_path / "saved")
    assert not Manifest.is_saved(folder)
    for again in (Manifest.load(tmp_path / "saved"), read_manifest(tmp_path / "saved")):
        pd.testing.assert_frame_equal(again.rows, manifest.rows)
        pd.testing.assert_frame_equal(again.problems, manifest.problems)
        assert (again.root, again.layout, again.notes) == (manifest.root, manifest.layout, manifest.notes)
        assert again.taxonomy is manifest.taxonomy
    with pytest.raises(FileExistsError, match="--overwrite"):
        manifest.save(tmp_path / "saved")
    manifest.save(tmp_path / "saved", overwrite=True)


def test_a_manifest_saved_beside_its_pictures_moves_with_them(folder: Path, tmp_path: Path) -> None:
    read(folder / "table.csv").save(folder / "manifest")
    shutil.move(folder, tmp_path / "elsewhere")
    moved = Manifest.load(tmp_path / "elsewhere" / "manifest")
    assert moved.root == tmp_path / "elsewhere"
    assert all(path.is_file() for path in moved.paths())
    assert Manifest.load(tmp_path / "elsewhere" / "manifest", root=tmp_path).root == tmp_path


def test_a_damaged_or_foreign_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    read(folder / "table.csv").save(tmp_path / "saved")
    record = json.loads((tmp_path / "saved" / "manifest.json").read_text(encoding="utf-8"))
    text = (tmp_path / "saved" / "manifest.json").read_text(encoding="utf-8")
    assert record["schema"] == 1
    (tmp_path / "saved" / "manifest.json").write_text(text.replace('"schema": 1', '"schema": 9'), encoding="utf-8")
    with pytest.raises(ValueError, match="has schema 9: this version reads 1"):
        Manifest.load(tmp_path / "saved")
    (tmp_path / "saved" / "rows.parquet").write_bytes(b"")
    with pytest.raises(ValueError, match=r"damaged: rows\.parquet"):
        Manifest.load(tmp_path / "saved")
    with pytest.raises(FileNotFoundError, match="neither a saved folder nor a table"):
        read_manifest(tmp_path / "nothing")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_every_kind_of_table_gives_the_same(tmp_path: Path, suffix: str) -> None:
    for number in range(4):
        picture(tmp_path / f"{number}.png", number)
    table = pd.DataFrame(
        {
            "image_id": ["007", "08", "1e5", "x"],
            "path": [f"{number}.png" for number in range(3)] + [str(tmp_path / "3.png")],
            "label": ["1", "0", "1", None],
            "split": ["train", "test", None, "train"],
        }
    )
    path = tmp_path / f"table{suffix}"
    if suffix == ".parquet":
        table.to_parquet(path)
    elif suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True)
    else:
        table.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    manifest = read_manifest(path, progress=False)
    assert list(manifest.rows["image_id"]) == ["007", "08", "1e5", "x"]
    assert list(manifest.rows["path"]) == ["0.png", "1.png", "2.png", "3.png"]
    assert list(manifest.rows["label"].dropna()) == ["1", "0", "1"]
    assert manifest.taxonomy is not None
    assert manifest.taxonomy.labels == ("0", "1")
    assert any("1 picture is in no split" in note for note in manifest.notes)
    assert "(no split)" in manifest.counts().columns


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_integer_labels_stay_integers_where_one_is_missing(tmp_path: Path, suffix: str) -> None:
    records = [{"path": f"{at}.png", "label": at % 3, "group_id": at // 2} for at in range(6)]
    for at in range(6):
        picture(tmp_path / f"{at}.png", at)
    del records[5]["label"], records[2]["group_id"]
    if suffix == ".jsonl":
        (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, records)))
    else:
        table = pd.DataFrame(records)
        table.to_csv(tmp_path / "t.csv", index=False)
        table.to_parquet(tmp_path / "t.parquet")
    manifest = read_manifest(tmp_path / f"t{suffix}", progress=False)
    assert manifest.taxonomy is not None
    assert manifest.taxonomy.labels == ("0", "1", "2")
    assert manifest.rows["label"].tolist() == ["0", "1", "2", "0", "1", None]
    if suffix != ".csv":
        assert manifest.rows["group_id"].tolist() == ["0", "0", None, "1", "2", "2"]


def test_ids_come_from_the_content_and_copies_are_numbered_by_path(tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        picture(tmp_path / f"{name}.png", 5)
    picture(tmp_path / "other.png", 9)
    pd.DataFrame({"path": ["c.png", "a.png", "b.png", "other.png"]}).to_csv(tmp_path / "t.csv", index=False)
    manifest = read_manifest(tmp_path / "t.csv", progress=False)
    content = content_id(tmp_path / "a.png")
    other = content_id(tmp_path / "other.png")
    assert list(manifest.rows["image_id"]) == [f"{content}-3", content, f"{content}-2", other]
    assert content_names(["x", "x", "y"], ["b", "a", "c"]) == ["x-2", "x", "y"]
    assert manifest.taxonomy is None
    assert list(manifest.problems["kind"]) == ["copy", "copy"]
    assert manifest.rows["split"][:3].nunique() == 1
    assert manifest.notes[0].startswith("no split is given: one was made from a hash")
    assert manifest.counts().loc["(no label)", "all"] == 4


def test_labels_come_from_votes_where_there_are_only_votes(tmp_path: Path) -> None:
    for number in range(3):
        picture(tmp_path / f"{number}.png", number)
    votes = dict.fromkeys((f"vote_{label}" for label in Taxonomy.named("ekman6").labels), 0)
    rows = [{**votes, "vote_fear": 2, "vote_joy": 2}, {**votes, "vote_sadness": 1}, votes]
    pd.DataFrame(rows).assign(path=[f"{number}.png" for number in range(3)]).to_csv(tmp_path / "t.csv", index=False)
    manifest = read_manifest(tmp_path / "t.csv", progress=False)
    assert manifest.taxonomy is Taxonomy.named("ekman6")
    assert list(manifest.rows["label"][:2]) == ["fear", "sadness"]
    assert pd.isna(manifest.rows["label"][2])
    assert any("1 picture has a tie" in note and "first in ekman6" in note for note in manifest.notes)
    assert any("1 picture has no votes" in note for note in manifest.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\na.png,joy\n", r"has no column 'path' .*its columns: file, label"),
        ("path\n", "has no rows"),
        ("", "cannot be read as a table"),
        ("image_id,path\n1,a.png\n1,b.png\n", r"1 id occurs more than once, first '1'"),
        ("image_id,path\n1,\n2,b.png\n", r"1 row has no path"),
        ("path,vote_joy,vote_happy\na.png,1,2\n", "two vote columns stand for one label of ekman6"),
    ],
)
def test_bad_tables_say_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "t.csv")


def test_other_refusals(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"path": "a.png"}\nnonsense\n')
    with pytest.raises(ValueError, match="line 2 is not JSON"):
        read(tmp_path / "t.jsonl")
    (tmp_path / "t.jsonl").write_text('{"path": ' + "[" * 200_000 + "\n")
    with pytest.raises(ValueError, match=r"t\.jsonl cannot be read as a table: line 1 is not JSON: nested too deeply"):
        read(tmp_path / "t.jsonl")
    (tmp_path / "t.jsonl").write_text("[1]\n")
    with pytest.raises(ValueError, match="line 1 is not a JSON object"):
        read(tmp_path / "t.jsonl")
    (tmp_path / "t.txt").write_text("path\na.png\n")
    with pytest.raises(ValueError, match=r"expected one of \.csv"):
        read(tmp_path / "t.txt")
    (tmp_path / "t.csv").write_text("path\na.png\n")
    with pytest.raises(ValueError, match="no column 'name' for the ids; its columns: path"):
        read(tmp_path / "t.csv", id_column="name")
    rows = pd.DataFrame({"image_id": ["a", "b"], "path": ["x", "x"], "content": ["1", "2"]})
    with pytest.raises(ValueError, match=r"1 path occurs more than once"):
        Manifest(rows, tmp_path, "table")
    with pytest.raises(ValueError, match="no column content"):
        Manifest(rows.drop(columns="content"), tmp_path, "table")
    with pytest.raises(ValueError, match="no path"):
        Manifest(rows.assign(path=["x", None]), tmp_path, "table")
    with pytest.raises(ValueError, match="not in taxonomy 'ekman6'"):
        Manifest(rows.assign(path=["x", "y"], label=["joy", "bliss"]), tmp_path, "table", Taxonomy.named("ekman6"))


def test_values_of_mixed_kinds_can_be_saved(tmp_path: Path) -> None:
    for number in range(3):
        picture(tmp_path / f"{number}.png", number)
    records = [{"path": "0.png", "x": 1, "tags": ["a", "b"]}, {"path": "1.png", "x": "many", "tags": {"k": 1}}]
    lines = [json.dumps(record) for record in [*records, {"path": "2.png", "flag": True}]]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    manifest = read_manifest(tmp_path / "t.jsonl", progress=False)
    manifest.save(tmp_path / "saved")
    again = Manifest.load(tmp_path / "saved").rows
    assert list(again["x"]) == ["1", "many", None]
    assert list(again["tags"]) == ["a, b", '{"k": 1}', None]
    pd.testing.assert_frame_equal(again, manifest.rows)


def test_a_path_twice_is_a_problem_and_an_id_column_can_be_named(tmp_path: Path) -> None:
    for number in range(2):
        picture(tmp_path / f"{number}.png", number)
    (tmp_path / "t.csv").write_text("name,path,meta\n01,0.png,a\n02,1.png,b\n03,./0.png,c\n")
    manifest = read(tmp_path / "t.csv", id_column="name")
    assert list(manifest.rows["image_id"]) == ["01", "02"]
    assert list(manifest.problems["kind"]) == ["listed twice"]
    assert manifest.attributes == ["meta"]


def test_nothing_readable_is_still_told_saved_and_summed_up(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,label\na.png,joy\nb.png,fear\n")
    manifest = read(tmp_path / "t.csv")
    assert len(manifest) == 0
    assert list(manifest.problems["kind"]) == ["missing file", "missing file"]
    manifest.save(tmp_path / "saved")
    assert len(Manifest.load(tmp_path / "saved")) == 0
    assert "missing file: 2" in summary(manifest)


def test_the_rows_can_go_beside_features(folder: Path) -> None:
    rows = read(folder / "table.csv").rows
    features = FeatureSet(FeatureSpec(width=3), np.ones((len(rows), 3), dtype=np.float32), rows.drop(columns="content"))
    assert features.attributes == ["tone"]


def test_the_summary_says_everything(folder: Path) -> None:
    text = summary(read(folder / "table.csv"))
    for part in (
        "layout      table",
        "pictures    5",
        "6 (ekman6)",
        "yes, for 5 pictures: joy, anger",
        "tone (2 values, 1 missing)",
        "problems    4",
        "missing file: 1",
        "gone.png: the file does not exist",
        "unknown label: 1",
        "copy with another label: 1",
    ):
        assert part in text
    assert max(map(len, text.splitlines())) <= 125


def test_bass_silhouettes_are_read_through_a_table(shared_data: Path, tmp_path: Path) -> None:
    """Two label sources for the same pictures: the side of the scale's middle that US and Chinese raters chose."""
    bass = pd.read_csv(shared_data / "bass" / "BASS_data.csv")
    assert len(bass) == 583
    middle, signs = 5.0, np.array(["negative", "positive"])
    table = bass.assign(
        path="images/" + bass["file_name"],
        label=signs[(bass["val_mean_us"] > middle).astype(int)],
        label_ch=signs[(bass["val_mean_ch"] > middle).astype(int)],
    )[["path", "label", "label_ch", "val_mean_us", "val_mean_ch", "keywords"]]
    table.to_csv(tmp_path / "bass.csv", index=False)
    manifest = read_manifest(tmp_path / "bass.csv", root=shared_data / "bass", progress=False)
    assert len(manifest) + int(manifest.problems["kind"].isin(["missing file", "unreadable picture"]).sum()) == 583
    assert len(manifest) > 570
    assert manifest.taxonomy is Taxonomy.named("polarity")
    assert set(manifest.attributes) == {"label_ch", "val_mean_us", "val_mean_ch", "keywords"}
    agree = (manifest.rows["label"] == manifest.rows["label_ch"]).mean()
    assert 0.7 < agree < 1.0
