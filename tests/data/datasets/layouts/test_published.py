"""Is every data set that people bring read as its format says, its traps included, and refused where it cannot be?

Each is a small invented folder. What is common to all (recognised, opened, saved) is tested once, over all of them.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from affect_workbench.data.datasets.layouts.known import read_dataset, recognise
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.images.decode import open_picture
from affect_workbench.data.taxonomies.class_orders import class_order

FER7 = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def png(colour: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (6, 5), (colour % 256, colour // 256, 99)).save(out, "PNG")
    return out.getvalue()


class Shelf:
    """Writes files under one root; every picture differs."""

    def __init__(self, root: Path) -> None:
        self.root, self.number = root, 0

    def put(self, *names: str) -> None:
        for name in names:
            self.number += 1
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(png(self.number))

    def write(self, name: str, content: object) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def tar(self, name: str, parts: dict[str, bytes]) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(self.root / name, "w") as archive:
            for part, content in parts.items():
                member = tarfile.TarInfo(part)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "set")


def read(shelf: Shelf, place: str = "", **options: object) -> Manifest:
    return read_dataset(shelf.root / place, keep=shelf.root.parent / "kept", progress=False, **options)  # type: ignore[arg-type]


def rows(manifest: Manifest) -> pd.DataFrame:
    return manifest.rows.set_index("image_id")


def kinds(manifest: Manifest) -> list[tuple[str, str]]:
    return list(zip(manifest.problems["kind"], manifest.problems["path"], strict=True))


def pixels(value: int) -> str:
    return " ".join([str(value)] * 2304)


def fer2013(shelf: Shelf) -> None:
    lines = [
        f"{row % 7},{pixels(row)},{usage}" for row, usage in enumerate(["Training"] * 7 + ["PublicTest", "PrivateTest"])
    ]
    shelf.write("fer2013.csv", "\n".join(["emotion,pixels,Usage", *lines]))


def ferplus(shelf: Shelf) -> None:
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
    shelf.write(
        "fer2013new.csv",
        header
        + "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0\nTraining,,0,0,0,0,0,0,0,0,0,10\n"
        + "PublicTest,fer0000001.png,0,5,5,0,0,0,0,0,0,0\nPrivateTest,fer0000002.png,0,1,0,2,0,0,0,0,7,0\n",
    )
    shelf.put("FER2013Train/fer0000000.png", "FER2013Valid/fer0000001.png", "FER2013Test/fer0000002.png")


def affectnet(shelf: Shelf) -> None:
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n"
    shelf.write(
        "Manual/training.csv", header + "12/ab.jpg,10,12,200,200,33.1;40.2,1,0.61,0.12\n12/cd.jpg,1,1,2,2,3;4,9,-2,-2\n"
    )
    shelf.write("Manual/validation.csv", "7/ef.jpg,10,12,200,200,33.1;40.2,7,-0.5,0.3\n")
    shelf.put("Manual/images/12/ab.jpg", "Manual/images/12/cd.jpg", "Manual/images/7/ef.jpg")


def affectnet_arrays(shelf: Shelf) -> None:
    for split, key, label in (("train_set", "1", "6"), ("train_set", "2", "0"), ("val_set", "3", "7")):
        shelf.put(f"{split}/images/{key}.jpg")
        (shelf.root / split / "annotations").mkdir(exist_ok=True)
        for kind, value in (("exp", np.array(label)), ("val", np.array("-0.5")), ("aro", np.array("0.25"))):
            np.save(shelf.root / split / "annotations" / f"{key}_{kind}.npy", value)


def rafdb(shelf: Shelf) -> None:
    shelf.write("EmoLabel/list_patition_label.txt", "train_00001.jpg 5\ntrain_00002.jpg 1\ntest_0001.jpg 7\n")
    for stem in ("train_00001", "train_00002", "test_0001"):
        shelf.put(f"Image/original/{stem}.jpg", f"Image/aligned/{stem}_aligned.jpg")
    shelf.write("Annotation/manual/train_00001_manu_attri.txt", "1 2\n3 4\n5 6\n7 8\n9 1\n1\n2\n4\n")


def rafdb_folders(shelf: Shelf) -> None:
    for number in range(1, 8):
        shelf.put(
            f"DATASET/train/{number}/train_0000{number}_aligned.jpg", f"DATASET/test/{number}/test_000{number}_aligned.jpg"
        )


def emotic(shelf: Shelf) -> None:
    header = "Index,Folder,Filename,Image Size,BBox,Categorical_Labels,Continuous_Labels,Gender,Age\n"
    box = '"[640, 480]","[10, 20, 90, 200]"'
    shelf.write(
        "annots/train.csv",
        header
        + f"0,mscoco/images,x.jpg,{box},\"['Peace', 'Happiness']\",\"[6.0, 3.0, 7.0]\",Female,Adult\n"
        + f'1,mscoco/images,x.jpg,{box},"[\'Happiness\']","[8.0, 5.0, 7.0]",Male,Adult\n'
        + f"2,ade20k/images,y.jpg,{box},\"['Peace', 'Doubt/Confusion']\",\"[5.0, 5.0, 5.0]\",Male,Kid\n",
    )
    shelf.write("annots/test.csv", header + f"0,mscoco/images,z.jpg,{box},['Fear'],,Male,Kid\n")
    shelf.put("emotic/mscoco/images/x.jpg", "emotic/ade20k/images/y.jpg", "emotic/mscoco/images/z.jpg")


def fairface(shelf: Shelf) -> None:
    header = "file,age,gender,race,service_test\n"
    shelf.write(
        "fairface_label_train.csv",
        header + "train/1.jpg,more than 70,Female,East Asian,True\ntrain/2.jpg,9-Mar,Male,White,False\n",
    )
    shelf.write("fairface_label_val.csv", header + "val/1.jpg,20-29,Male,Latino_Hispanic,False\n")
    shelf.put("train/1.jpg", "train/2.jpg", "val/1.jpg")


def expw(shelf: Shelf) -> None:
    line = "angry_1.jpg 0 12 20 92 84 35.5 0\n"
    shelf.write(
        "label/label.lst",
        line + line + "angry_1.jpg 1 12 120 192 84 30.5 3\nangry_1.jpg 2 12 220 292 84 9.5 0\nb.jpg 0 1 2 3 4 9.5 6\n",
    )
    shelf.put("image/origin/angry_1.jpg", "image/origin/b.jpg")


def caers(shelf: Shelf) -> None:
    shelf.root = shelf.root / "CAER-S"
    words = ("Anger", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")
    shelf.put(*(f"{split}/{word}/0001.png" for split in ("train", "test") for word in words))


def hub_schema(fields: list[pa.Field], features: dict[str, object]) -> pa.Schema:
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def hf_table(numbers: list[int], first: int, *, named: bool = True) -> pa.Table:
    names = {"label": {"names": ["awe", "fear"], "_type": "ClassLabel"}} if named else {}
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = hub_schema([pa.field("image", kind), pa.field("label", pa.int64()), pa.field("light", pa.string())], names)
    pictures = [{"bytes": png(first + at), "path": f"{at}.png"} for at in range(len(numbers))]
    return pa.table({"image": pictures, "label": numbers, "light": ["day", "night"] * (len(numbers) // 2)}, schema=schema)


def hf_parquet(shelf: Shelf) -> None:
    (shelf.root / "data").mkdir(parents=True)
    pq.write_table(hf_table([0, 1, -1, 1], 0), shelf.root / "data/train-00000-of-00001.parquet")
    pq.write_table(hf_table([1, 0], 4), shelf.root / "data/test-00000-of-00001.parquet")


def hf_saved(shelf: Shelf) -> None:
    for split, numbers, first in (("train", [0, 1], 0), ("test", [1, 0], 2)):
        folder = shelf.root / split
        folder.mkdir(parents=True)
        table = hf_table(numbers, first)
        with (
            pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as sink,
            pa.ipc.new_stream(sink, table.schema) as stream,
        ):
            stream.write_table(table)
        shelf.write(f"{split}/state.json", {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": None})
        shelf.write(f"{split}/dataset_info.json", {"features": {"label": {"names": ["awe", "fear"], "_type": "ClassLabel"}}})
    shelf.write("dataset_dict.json", {"splits": ["train", "test"]})


def imagefolder(shelf: Shelf) -> None:
    shelf.write("train/metadata.csv", "file_name,emotion,age\nsub/1.png,joy,30\n2.png,fear,\n")
    shelf.write("test/metadata.csv", "file_name,emotion,age\n1.png,joy,50\n")
    shelf.put("train/sub/1.png", "train/2.png", "test/1.png")


def class_lists(shelf: Shelf) -> None:
    shelf.write("train.txt", "awe/1.jpg 1\nfear/2.jpg 2\n")
    shelf.write("test.txt", "awe/3.jpg 1\nfear/4.jpg 1\n")
    shelf.put("awe/1.jpg", "fear/2.jpg", "awe/3.jpg", "fear/4.jpg")


def webdataset(shelf: Shelf) -> None:
    shelf.tar(
        "train-000000.tar",
        {"a.b.png": png(1), "a.cls": b"3", "c.png": png(2), "c.json": b'{"emotion": "0", "light": "day"}', "d.cls": b"1"},
    )
    shelf.tar("test-000000.tar", {"x/a.png": png(3), "x/a.cls": b"6"})
    shelf.write("classnames.txt", "\n".join(FER7))


def fiftyone(shelf: Shelf) -> None:
    def label(word: str) -> dict[str, str]:
        return {"_cls": "Classification", "label": word}

    shelf.write("metadata.json", {"name": "audit"})
    shelf.write(
        "samples.json",
        {
            "samples": [
                {
                    "filepath": "data/1.jpg",
                    "tags": ["train"],
                    "ground_truth": label("awe"),
                    "pred": label("fear"),
                    "light": "day",
                },
                {"filepath": "data/2.jpg", "tags": ["test"], "ground_truth": None, "pred": label("fear")},
                {"filepath": "data/3.jpg", "tags": ["test", "odd"], "ground_truth": label("fear")},
            ]
        },
    )
    shelf.put("data/1.jpg", "data/2.jpg", "data/3.jpg")


def fiftyone_labels(shelf: Shelf) -> None:
    labels = {
        "img_1": 0,
        "img_2": 1,
        "img_3": None,
        "img_4": {"label": 1, "confidence": 0.9, "attributes": {"light": "day"}},
    }
    shelf.write("labels.json", {"classes": ["awe", "fear"], "labels": labels})
    shelf.put("data/img_1.jpg", "data/img_2.png", "data/img_3.jpg", "data/img_4.jpg")


def coco(shelf: Shelf) -> None:
    shelf.write(
        "annotations/instances_val2017.json",
        {
            "images": [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "2.jpg"}, {"id": 3, "file_name": "3.jpg"}],
            "annotations": [
                {"image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]},
                {"image_id": 1, "category_id": 9},
                {"image_id": 1, "category_id": 4},
                {"image_id": 2, "category_id": 4},
                {"image_id": 77, "category_id": 4},
            ],
            "categories": [{"id": 4, "name": "fear"}, {"id": 9, "name": "joy"}],
        },
    )
    shelf.put("val2017/1.jpg", "val2017/2.jpg", "val2017/3.jpg")


SETS: dict[str, tuple[Callable[[Shelf], None], int]] = {
    "fer2013": (fer2013, 9),
    "ferplus": (ferplus, 3),
    "affectnet": (affectnet, 3),
    "affectnet-arrays": (affectnet_arrays, 3),
    "rafdb": (rafdb, 3),
    "rafdb-folders": (rafdb_folders, 14),
    "emotic": (emotic, 3),
    "fairface": (fairface, 3),
    "expw": (expw, 2),
    "caer-s": (caers, 14),
    "hf-parquet": (hf_parquet, 6),
    "hf-saved": (hf_saved, 4),
    "imagefolder": (imagefolder, 3),
    "class-lists": (class_lists, 4),
    "webdataset": (webdataset, 3),
    "fiftyone": (fiftyone, 3),
    "fiftyone-labels": (fiftyone_labels, 4),
    "coco": (coco, 3),
}


EXPECTED = {"class-lists": [("unknown label", "test.txt")]}


@pytest.mark.parametrize("name", SETS)
def test_every_data_set_is_recognised_read_and_saved(shelf: Shelf, tmp_path: Path, name: str) -> None:
    make, pictures = SETS[name]
    make(shelf)
    found = recognise(shelf.root)
    assert found is not None
    assert found.name == name
    manifest = read(shelf)
    assert len(manifest) == pictures
    assert manifest.layout == name
    assert all(path.is_file() for path in manifest.paths())
    assert kinds(manifest) == EXPECTED.get(name, [])
    manifest.save(tmp_path / "saved")
    pd.testing.assert_frame_equal(Manifest.load(tmp_path / "saved").rows, manifest.rows)


@pytest.mark.parametrize("header", ["emotion,pixels,Usage", " emotion, Usage, pixels"])
def test_fer2013_pixels_become_pictures_in_either_order_of_columns(shelf: Shelf, header: str) -> None:
    names = [name.strip() for name in header.split(",")]
    cells = {"emotion": "3", "pixels": pixels(77), "Usage": "PrivateTest"}
    short = {"emotion": "3", "pixels": "1 2 3", "Usage": "Training"}
    shelf.write(
        "icml_face_data.csv", "\n".join([header, *(",".join(row[name] for name in names) for row in (cells, short))])
    )
    manifest = read(shelf, "icml_face_data.csv")
    assert rows(manifest).loc["fer2013-0", ["label", "split"]].tolist() == ["happy", "test"]
    picture = open_picture(manifest.picture_path(0))
    assert np.unique(np.asarray(picture)).tolist() == [77]
    assert picture.size == (48, 48)
    assert manifest.taxonomy is not None
    assert set(manifest.taxonomy.labels) == set(FER7)
    assert kinds(manifest) == [("unreadable picture", "fer2013-1")]
    assert "row 2: it has 3 pixels: expected 2304 from 0 to 255" in manifest.problems["detail"][0]
    assert any("named as FER2013: 0 angry, 1 disgust" in note for note in manifest.notes)


def test_bytes_are_written_once_and_copies_stay_rows(shelf: Shelf, tmp_path: Path) -> None:
    shelf.write("fer2013.csv", f"emotion,pixels\n0,{pixels(5)}\n3,{pixels(5)}\n4,{pixels(6)}\n")
    manifest = read(shelf)
    assert len(manifest) == 3
    assert [kind for kind, _ in kinds(manifest)] == ["copy with another label"]
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.png")}
    assert len(files) == 3
    read(shelf)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.png")} == files
    with pytest.raises(ValueError, match="say where to keep them"):
        read_dataset(shelf.root, progress=False)


def test_numbers_can_be_named_otherwise(shelf: Shelf) -> None:
    fer2013(shelf)
    manifest = read(shelf, classes=class_order("fer2013-folders"))
    assert rows(manifest).loc["fer2013-4", "label"] == "neutral"
    assert any("--classes says (fer2013-folders)" in note for note in manifest.notes)
    manifest = read(shelf, classes=class_order("a,b,c"))
    assert rows(manifest).loc["fer2013-2", "label"] == "c"
    assert [kind for kind, _ in kinds(manifest)].count("unknown label") == 4


def test_numbers_without_an_order_are_asked_about(shelf: Shelf) -> None:
    shelf.put(*(f"{number}/{number}.png" for number in range(1, 8)))
    manifest = read(shelf)
    (note,) = [note for note in manifest.notes if "--classes" in note]
    assert "labels are numbers (1, 2, 3, 4, 5, 6, 7)" in note
    assert "rafdb" in note.split("orders with these: ")[1].split(", ")
    assert "fer2013" not in note.split("orders with these: ")[1].split(", ")
    words = Shelf(shelf.root.parent / "words")
    words.put("joy/1.png", "fear/2.png")
    with pytest.raises(ValueError, match="the labels are words, first 'fear'"):
        read_dataset(words.root, classes=class_order("rafdb"), progress=False)


def test_ferplus_votes_are_kept_and_nobody_leads_by_coming_first(shelf: Shelf) -> None:
    ferplus(shelf)
    manifest = read(shelf)
    found = rows(manifest)
    assert found.loc["fer0000000", ["label", "vote_anger", "split"]].tolist() == ["neutral", 3, "train"]
    assert pd.isna(found.loc["fer0000001", "label"])
    assert pd.isna(found.loc["fer0000002", "label"])
    assert found.loc["fer0000002", "unknown_votes"] == 7
    assert any("1 row has no picture's name" in note for note in manifest.notes)
    assert any("2 pictures have no label that leads alone" in note for note in manifest.notes)


def test_ferplus_takes_the_pixels_of_fer2013_row_by_row_where_both_agree(shelf: Shelf) -> None:
    ferplus(shelf)
    usage = ("Training", "Training", "PublicTest", "PrivateTest")
    lines = [f"0,{pixels(row)},{word}" for row, word in enumerate(usage)]
    shelf.write("fer2013.csv", "\n".join(["emotion,pixels,Usage", *lines]))
    manifest = read(shelf)
    at = list(manifest.rows["image_id"]).index("fer0000001")
    assert np.asarray(open_picture(manifest.picture_path(at))).max() == 2
    shelf.write("fer2013.csv", "\n".join(["emotion,pixels,Usage", *reversed(lines)]))
    with pytest.raises(ValueError, match="do not belong together"):
        read(shelf)


def test_ferplus_votes_beside_the_pictures_have_no_header(shelf: Shelf) -> None:
    shelf.write(
        "FER2013Train/label.csv", 'a.png,"(0, 0, 48, 48)",0,8,0,2,0,0,0,0,0,0\nb.png,"(0, 0, 48, 48)",0,0,0,9,0,0,0,0,0,0\n'
    )
    shelf.put("FER2013Train/a.png", "FER2013Train/b.png")
    manifest = read(shelf)
    assert manifest.layout == "ferplus"
    assert manifest.rows["label"].tolist() == ["happiness", "sadness"]


def test_affectnet_says_what_is_no_label_and_no_rating(shelf: Shelf) -> None:
    affectnet(shelf)
    manifest = read(shelf)
    found = manifest.rows.set_index("path")
    assert found.loc["Manual/images/12/ab.jpg", ["label", "valence", "split"]].tolist() == ["happy", 0.61, "train"]
    assert found.loc["Manual/images/7/ef.jpg", ["label", "split"]].tolist() == ["contempt", "val"]
    assert found.loc["Manual/images/12/cd.jpg", ["label", "valence"]].isna().all()
    notes = " | ".join(manifest.notes)
    assert "validation.csv has no header" in notes
    assert "1 picture has a number for no label (uncertain)" in notes
    assert "1 picture has no valence" in notes


def test_affectnet_arrays_are_read_and_never_unpickled(shelf: Shelf) -> None:
    affectnet_arrays(shelf)
    np.save(shelf.root / "train_set/annotations/2_exp.npy", np.array({"exp": 1}, dtype=object), allow_pickle=True)
    manifest = read(shelf)
    found = manifest.rows.set_index("path")
    assert found.loc["train_set/images/1.jpg", ["label", "valence", "arousal"]].tolist() == ["anger", -0.5, 0.25]
    assert pd.isna(found.loc["train_set/images/2.jpg", "label"])
    assert kinds(manifest) == [("unreadable annotation", "train_set/images/2.jpg")]


def test_rafdb_counts_from_one_and_reads_aligned_faces(shelf: Shelf) -> None:
    rafdb(shelf)
    manifest = read(shelf)
    found = manifest.rows.set_index("path")
    first = found.loc["Image/aligned/train_00001_aligned.jpg"]
    assert first[["label", "split", "gender", "race", "age"]].tolist() == ["sadness", "train", "female", "Asian", "70+"]
    assert found.loc["Image/aligned/test_0001_aligned.jpg", ["label", "split"]].tolist() == ["neutral", "test"]
    assert any("3 pictures are not aligned: left out" in note for note in manifest.notes)
    shelf.write("compound/EmoLabel/list_patition_label.txt", "train_00001.jpg 11\n")
    with pytest.raises(ValueError, match="more than one list of RAF-DB"):
        read(shelf)


def test_rafdb_compound_is_told_by_its_numbers(shelf: Shelf) -> None:
    shelf.write("list_patition_label.txt", "train_1.jpg 11\ntrain_2.jpg 1\n")
    shelf.put("train_1.jpg", "train_2.jpg")
    assert read(shelf).rows["label"].tolist() == ["disgustedly surprised", "happily surprised"]


def test_rafdb_folders_are_numbers(shelf: Shelf) -> None:
    rafdb_folders(shelf)
    found = read(shelf).rows.set_index("path")
    assert found.loc["DATASET/train/4/train_00004_aligned.jpg", ["label", "split"]].tolist() == ["happiness", "train"]


def test_emotic_shares_a_vote_over_categories_and_people(shelf: Shelf) -> None:
    emotic(shelf)
    manifest = read(shelf)
    found = manifest.rows.set_index("path")
    both = found.loc["emotic/mscoco/images/x.jpg"]
    assert both[["vote_peace", "vote_happiness", "label", "valence", "gender", "age", "split"]].tolist() == [
        0.25,
        0.75,
        "happiness",
        7.0,
        "mixed",
        "Adult",
        "train",
    ]
    tie = found.loc["emotic/ade20k/images/y.jpg"]
    assert tie[["vote_peace", "vote_doubt/confusion"]].tolist() == [0.5, 0.5]
    assert pd.isna(tie["label"])
    assert found.loc["emotic/mscoco/images/z.jpg", ["label", "split"]].tolist() == ["fear", "test"]
    assert len(manifest.votes) == 26
    notes = " | ".join(manifest.notes)
    assert "a person's categories share one vote equally" in notes
    assert "1 picture has more than one annotation" in notes
    assert "1 picture has no label that leads alone" in notes


def test_fairface_has_no_labels_and_ages_that_look_like_dates_are_put_right(shelf: Shelf) -> None:
    fairface(shelf)
    manifest = read(shelf)
    found = manifest.rows.set_index("path")
    assert found["age"].tolist() == ["more than 70", "3-9", "20-29"]
    assert "label" not in found
    assert found["split"].tolist() == ["train", "train", "val"]
    assert any("1 age is a date" in note for note in manifest.notes)


def test_expw_faces_are_votes(shelf: Shelf) -> None:
    expw(shelf)
    manifest = read(shelf)
    found = manifest.rows.set_index("path")
    assert found.loc["image/origin/angry_1.jpg", ["label", "faces"]].tolist() == ["angry", 3]
    assert found.loc["image/origin/angry_1.jpg", "vote_happy"] == pytest.approx(1 / 3)
    assert any("1 line is there before, word for word" in note for note in manifest.notes)


def test_hub_classes_are_named_by_the_data_set(shelf: Shelf) -> None:
    hf_parquet(shelf)
    manifest = read(shelf)
    found = rows(manifest)
    assert found.loc["train-1", ["label", "light", "split"]].tolist() == ["fear", "night", "train"]
    assert pd.isna(found.loc["train-2", "label"])
    assert found.loc["test-0", "split"] == "test"
    assert any("the data set names them in column 'label': 0 awe, 1 fear" in note for note in manifest.notes)
    assert any("1 picture has a number for no label" in note for note in manifest.notes)
    assert kinds(manifest) == []


def test_hub_pictures_may_be_files_beside_the_table(shelf: Shelf) -> None:
    shelf.put("pictures/1.png", "pictures/2.png")
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    for bytes_of_second, root in ((None, shelf.root), (png(9), shelf.root.parent / "kept")):
        cells = [{"bytes": None, "path": "1.png"}, {"bytes": bytes_of_second, "path": "pictures/2.png"}]
        table = pa.table({"image": pa.array(cells, kind), "label": ["joy", "awe"]})
        pq.write_table(table, shelf.root / "train.parquet")
        manifest = read(shelf)
        assert manifest.root == root
        assert rows(manifest)["label"].to_dict() == {"train-0": "joy", "train-1": "awe"}
        assert kinds(manifest) == []


def test_a_damaged_file_is_told_not_left_out(shelf: Shelf) -> None:
    hf_parquet(shelf)
    (shelf.root / "data/val-00000-of-00001.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match=r"val-00000-of-00001\.parquet is damaged"):
        read(shelf)
    hf_saved(shelf)
    (shelf.root / "test/data-00000-of-00001.arrow").unlink()
    with pytest.raises(FileNotFoundError, match="is not there, though the data set lists it"):
        read(shelf, layout="hf-saved")


def test_a_table_of_ones_own_is_not_taken_for_a_published_one(shelf: Shelf) -> None:
    shelf.put("1.png", "2.png")
    shelf.write("metadata.csv", "path,label\n1.png,joy\n2.png,fear\n")
    shelf.write("faces.csv", "path,file,age,gender,race\n1.png,1.png,20-29,Male,White\n")
    assert recognise(shelf.root / "metadata.csv") is None
    assert recognise(shelf.root / "faces.csv") is None


def test_hub_classes_are_named_by_the_readme_in_the_order_of_numbers(shelf: Shelf) -> None:
    shelf.root.mkdir()
    pq.write_table(hf_table([10, 2], 0, named=False), shelf.root / "train.parquet")
    names = "".join(f"          '{number}': word{number}\n" for number in (10, 2, *(n for n in range(10) if n != 2)))
    head = "---\ndataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n        names:\n"
    shelf.write("README.md", head + names + "---\n# A data set\n")
    assert rows(read(shelf))["label"].to_dict() == {"train-0": "word10", "train-1": "word2"}


def test_several_labels_of_a_hub_picture_share_a_vote(shelf: Shelf) -> None:
    shelf.root.mkdir()
    table = pa.table({"image": [png(1), png(2)], "labels": [["joy", "awe"], ["awe"]]})
    pq.write_table(table, shelf.root / "train.parquet")
    manifest = read(shelf)
    assert sorted(zip(manifest.rows["image_id"], manifest.rows["vote_awe"], strict=True)) == [
        ("train-0", 0.5),
        ("train-1", 1.0),
    ]


def test_a_saved_data_set_that_datasets_wrote_is_read(shelf: Shelf) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["awe", "fear"])})
    made = [{"image": Image.new("RGB", (4, 4), (at, 0, 0)), "label": at % 2} for at in range(3)]
    datasets.disable_progress_bars()
    datasets.DatasetDict({"train": datasets.Dataset.from_list(made, features=features)}).save_to_disk(shelf.root)
    datasets.enable_progress_bars()
    manifest = read(shelf)
    assert rows(manifest)["label"].to_dict() == {"train-0": "awe", "train-1": "fear", "train-2": "awe"}
    assert set(manifest.rows["split"]) == {"train"}


def test_imagefolder_names_are_relative_to_their_table(shelf: Shelf) -> None:
    imagefolder(shelf)
    shelf.put("train/joy/unlisted.png")
    manifest = read(shelf)
    found = manifest.rows.set_index("path")
    assert found.loc["train/sub/1.png", ["label", "age", "split"]].tolist() == ["joy", 30, "train"]
    assert found.loc["test/1.png", "split"] == "test"
    assert kinds(manifest) == [("not listed", "train/joy/unlisted.png")]
    shelf.write("metadata.jsonl", '{"file_name": "test/1.png"}\n')
    with pytest.raises(ValueError, match=r"metadata of more than one kind \(\.csv, \.jsonl\)"):
        read(shelf)


def test_metadata_in_json_lines_may_call_the_picture_otherwise(shelf: Shelf) -> None:
    shelf.write(
        "metadata.jsonl", '{"image_file_name": "1.png", "label": "joy"}\n{"image_file_name": "2.png", "label": "awe"}\n'
    )
    shelf.put("1.png", "2.png")
    assert read(shelf).rows["label"].tolist() == ["joy", "awe"]


def test_lists_by_class_take_the_folder_and_say_where_numbers_disagree(shelf: Shelf) -> None:
    class_lists(shelf)
    manifest = read(shelf)
    assert manifest.rows.set_index("path").loc["fear/4.jpg", ["label", "split"]].tolist() == ["fear", "test"]
    assert "number 1 stands for awe and fear" in manifest.problems["detail"][0]


def test_webdataset_keys_end_at_the_first_dot(shelf: Shelf) -> None:
    webdataset(shelf)
    manifest = read(shelf)
    found = rows(manifest)
    assert found.loc["train/a", ["label", "split"]].tolist() == ["happy", "train"]
    assert found.loc["train/c", ["label", "light"]].tolist() == ["angry", "day"]
    assert found.loc["test/x/a", ["label", "split"]].tolist() == ["neutral", "test"]
    assert any("1 sample has no picture" in note for note in manifest.notes)
    (shelf.root / "train-000000.tar").write_bytes(b"no tar at all")
    with pytest.raises(ValueError, match="cannot be read as a tar file"):
        read(shelf)


def test_fiftyone_samples_have_a_true_label_and_tags(shelf: Shelf) -> None:
    fiftyone(shelf)
    found = read(shelf).rows.set_index("path")
    assert found.loc["data/1.jpg", ["label", "split", "light"]].tolist() == ["awe", "train", "day"]
    assert pd.isna(found.loc["data/2.jpg", "label"])
    text = (shelf.root / "samples.json").read_text().replace("ground_truth", "annotator")
    shelf.write("samples.json", text)
    with pytest.raises(ValueError, match=r"several fields of labels \(annotator, pred\)"):
        read(shelf)


def test_fiftyone_labels_are_numbers_of_its_classes(shelf: Shelf) -> None:
    fiftyone_labels(shelf)
    found = read(shelf).rows.set_index("path")
    assert found.loc["data/img_2.png", "label"] == "fear"
    assert found.loc["data/img_4.jpg", ["label", "light"]].tolist() == ["fear", "day"]
    assert pd.isna(found.loc["data/img_3.jpg", "label"])


def test_unlabelled_folders_of_fiftyone_are_no_class(shelf: Shelf) -> None:
    shelf.put("joy/1.png", "fear/2.png", "_unlabeled/3.png")
    found = read(shelf).rows.set_index("path")
    assert pd.isna(found.loc["_unlabeled/3.png", "label"])
    assert set(found["label"].dropna()) == {"joy", "fear"}


def test_coco_annotations_are_votes(shelf: Shelf) -> None:
    coco(shelf)
    manifest = read(shelf)
    found = manifest.rows.set_index("path")
    assert found.loc["val2017/1.jpg", "label"] == "joy"
    assert found.loc["val2017/1.jpg", "vote_joy"] == pytest.approx(2 / 3)
    assert found.loc["val2017/2.jpg", ["label", "split"]].tolist() == ["fear", "val"]
    assert pd.isna(found.loc["val2017/3.jpg", "label"])
    assert any("1 annotation is of no picture that is listed" in note for note in manifest.notes)
    assert len(read(shelf, "annotations/instances_val2017.json")) == 3
