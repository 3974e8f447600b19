"""Is every dataset recognised by its folders and read whole, with all that is wrong in it told at once?"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from affect_workbench.data.datasets.hash_splits import hash_splits
from affect_workbench.data.datasets.layouts.known import LAYOUTS, layout_named, read_dataset, recognise
from affect_workbench.data.datasets.listings import entries_of
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.datasets.summary import summary

MIKELS, EKMAN, WEBEMO = (Taxonomy.named(name).labels for name in ("mikels8", "ekman6", "webemo25"))
PARROTT = Taxonomy.named("parrott6").labels


class Shelf:
    """Writes pictures that all differ under one root."""

    def __init__(self, root: Path) -> None:
        self.root, self.number = root, 0

    def put(self, *names: str) -> None:
        for name in names:
            self.number += 1
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            colour = (self.number % 256, self.number // 256, 99)
            Image.new("RGB", (6, 5), colour).save(self.root / name, "PNG")

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "a dataset")


def read(shelf: Shelf, layout: str | None = None, *, expect: str = "") -> Manifest:
    found = recognise(shelf.root)
    assert (found.name if found else None) == (expect or None)
    return read_dataset(shelf.root, layout, progress=False)


def kinds(manifest: Manifest) -> list[tuple[str, str]]:
    return list(zip(manifest.problems["kind"], manifest.problems["path"], strict=True))


def by_path(manifest: Manifest) -> pd.DataFrame:
    return manifest.rows.set_index("path")


def webemo(shelf: Shelf) -> None:
    spelt = {"cheerfulness": "cheerfullness", "irritability": "irritabilty"}
    for split in ("train", "validation", "test"):
        for label in WEBEMO:
            shelf.put(f"{split}/{spelt.get(label, label)}/1.jpg")


def emoset(shelf: Shelf) -> None:
    for split, number in (("train", 1), ("val", 2), ("test", 3)):
        entries = []
        for label in MIKELS:
            name = f"{label}_{number:05d}"
            shelf.put(f"image/{label}/{name}.jpg")
            note = {"image_id": name, "emotion": label, "brightness": 0.1 * number, "colorfulness": 0.5}
            if number < 3:
                note |= {"scene": "beach", "object": ["Dog", "Wave"], "facial_expression": "happy", "human_action": []}
            shelf.write(f"annotation/{label}/{name}.json", json.dumps(note))
            entries.append([label, f"image/{label}/{name}.jpg", f"annotation/{label}/{name}.json"])
        shelf.write(f"{split}.json", json.dumps(entries))


def emotionroi(shelf: Shelf) -> None:
    for label in EKMAN:
        shelf.put(f"images/{label}/1.jpg", f"images/{label}/2.JPG")
    shelf.write("training_testing_split/training.txt", "".join(f"{label}/1.jpg\n" for label in EKMAN))
    shelf.write("training_testing_split/testing.txt", "".join(f"{label}/2.jpg\r\n" for label in EKMAN))


def emotion6(shelf: Shelf) -> None:
    heading = ["[image_filename]", "[valence]", "[arousal]", *(f"[prob. {word}]" for word in (*EKMAN, "neutral"))]
    lines = ["\t".join(heading)]
    for number, label in enumerate(EKMAN):
        shelf.put(f"images/{label}/{number}.jpg")
        votes = [0.0] * 7
        votes[(number + 1) % 6], votes[6] = 0.6, 0.4
        lines.append("\t".join(map(str, [f"{label}/{number}.jpg", 3.5, 6, *votes])))
    shelf.put("images/joy/tie.jpg", "images/joy/neutral.jpg")
    lines.append("joy/tie.jpg\t5\t5\t0\t0\t0\t0.3\t0.3\t0\t0.4")
    lines.append("joy/neutral.jpg\t5\t5\t0\t0\t0\t0\t0\t0\t1")
    shelf.write("ground_truth.txt", "\n".join(lines) + "\n")


def fi(shelf: Shelf) -> None:
    shelf.put(*(f"emotion_dataset/{label}/{label}_{number}.jpg" for label in MIKELS for number in range(12)))


def artphoto(shelf: Shelf) -> None:
    words = ("amusement", "anger", "awe", "content", "disgust", "excitement", "fear", "sad")
    shelf.put(*(f"testImages_artphoto/{word}_{number:04d}.jpg" for word in words for number in range(2)))


def abstract(shelf: Shelf) -> None:
    shelf.put("testImages_abstract/abstract_0001.jpg", "testImages_abstract/ab, 'x' 2.jpg", "testImages_abstract/3.JPG")
    shelf.write(
        "ABSTRACT_groundTruth.csv",
        "'Image name','Amusement','Anger','Awe','Content','Disgust','Excitement','Fear','Sad'\n"
        "'abstract_0001.jpg',0,1,0,0,0,0,2,5\n'ab, ''x'' 2.jpg',1,0,3,3,0,0,0,0\n'3.jpg',0,9,3,3,0,0,0,0\n",
    )


def unbiasedemo(shelf: Shelf) -> None:
    shelf.put(*(f"images/{label}/{thing}/{label}.jpg" for label in PARROTT for thing in ("dog", "red car")))


TREES = {
    "webemo": (webemo, 75),
    "emoset": (emoset, 24),
    "emotionroi": (emotionroi, 12),
    "emotion6": (emotion6, 8),
    "fi": (fi, 96),
    "artphoto": (artphoto, 16),
    "abstract": (abstract, 3),
    "unbiasedemo": (unbiasedemo, 12),
}


@pytest.mark.parametrize("name", sorted(TREES))
def test_every_dataset_is_recognised_read_and_summed_up(shelf: Shelf, name: str) -> None:
    make, pictures = TREES[name]
    make(shelf)
    manifest = read(shelf, expect=name)
    assert kinds(manifest) == []
    assert len(manifest) == pictures
    assert manifest.layout == name
    assert manifest.taxonomy is not None
    assert manifest.taxonomy.name == layout_named(name).taxonomy
    assert list(manifest.rows["path"]) == sorted(manifest.rows["path"])
    assert all(path.is_file() for path in manifest.paths())
    assert manifest.rows["split"].notna().all()
    text = summary(manifest)
    assert f"({name})" in text
    assert f"pictures    {pictures}" in text
    assert "problems    none" in text


def test_webemo_spellings_become_labels(shelf: Shelf) -> None:
    webemo(shelf)
    rows = by_path(read(shelf, expect="webemo"))
    assert rows.loc["validation/cheerfullness/1.jpg", ["label", "split"]].tolist() == ["cheerfulness", "val"]
    assert rows.loc["train/irritabilty/1.jpg", "label"] == "irritability"
    assert set(rows["label"]) == set(WEBEMO)


def test_emoset_annotations_become_attributes(shelf: Shelf) -> None:
    emoset(shelf)
    shelf.write("annotation/awe/awe_00001.json", "{ broken")
    (shelf.root / "annotation" / "fear" / "fear_00002.json").unlink()
    shelf.put("image/awe/nobody lists me.jpg")
    (shelf.root / "image" / "anger" / "anger_00003.jpg").unlink()
    (shelf.root / "image" / "disgust" / "disgust_00001.jpg").write_bytes(b"")
    manifest = read(shelf, expect="emoset")
    assert kinds(manifest) == [
        ("missing file", "image/anger/anger_00003.jpg"),
        ("unreadable picture", "image/disgust/disgust_00001.jpg"),
        ("not listed", "image/awe/nobody lists me.jpg"),
        ("unreadable annotation", "image/awe/awe_00001.jpg"),
        ("unreadable annotation", "image/fear/fear_00002.jpg"),
    ]
    assert manifest.attributes == ["brightness", "colorfulness", "scene", "object", "facial_expression"]
    rows = by_path(manifest)
    assert rows.loc["image/sadness/sadness_00001.jpg", "object"] == "Dog, Wave"
    assert rows.loc["image/sadness/sadness_00003.jpg", "brightness"] == pytest.approx(0.3)
    assert pd.isna(rows.loc["image/sadness/sadness_00003.jpg", "scene"])
    assert pd.isna(rows.loc["image/awe/awe_00001.jpg", "brightness"])
    assert set(rows["split"]) == {"train", "val", "test"}


def test_emotionroi_lists_are_found_in_any_case_and_checked(shelf: Shelf) -> None:
    emotionroi(shelf)
    (shelf.root / "images" / "joy" / "1.jpg").unlink()
    with (shelf.root / "training_testing_split" / "testing.txt").open("a") as file:
        file.write("fear/1.jpg\n\nbliss/7.jpg\nlost.jpg\n")
    shelf.put("images/bliss/7.jpg")
    manifest = read(shelf, expect="emotionroi")
    assert kinds(manifest) == [
        ("missing file", "images/joy/1.jpg"),
        ("unknown label", "images/bliss/7.jpg"),
        ("not listed", "images/lost.jpg"),
        ("listed twice", "images/fear/1.jpg"),
    ]
    assert "first in split train, again in test" in manifest.problems["detail"].iloc[3]
    rows = by_path(manifest)
    assert rows.loc["images/anger/2.JPG", "split"] == "test"
    assert rows.loc["images/fear/1.jpg", "split"] == "train"
    assert pd.isna(rows.loc["images/bliss/7.jpg", "label"])


def test_emotion6_votes_are_the_truth_and_the_folder_is_the_keyword(shelf: Shelf) -> None:
    emotion6(shelf)
    manifest = read(shelf, expect="emotion6")
    rows = by_path(manifest)
    assert rows.loc["images/anger/0.jpg", ["keyword", "label"]].tolist() == ["anger", "disgust"]
    assert rows.loc["images/anger/0.jpg", ["vote_disgust", "neutral_share"]].tolist() == [0.6, 0.4]
    assert rows.loc["images/anger/0.jpg", ["valence", "arousal"]].tolist() == [3.5, 6]
    assert rows.loc["images/joy/tie.jpg", "label"] == "joy"
    assert pd.isna(rows.loc["images/joy/neutral.jpg", "label"])
    assert manifest.attributes == ["valence", "arousal", "neutral_share", "keyword"]
    assert manifest.votes == [f"vote_{label}" for label in EKMAN]
    notes = " | ".join(manifest.notes)
    assert "1 picture has a tie for the most voted emotion: the first in ekman6 is taken" in notes
    assert "1 picture has no votes for an emotion of ekman6" in notes
    assert "votes for neutral (mean 0.475) are kept as the attribute `neutral_share`" in notes
    assert "no split is given" in notes


def test_abstract_votes_are_kept_and_ties_counted(shelf: Shelf) -> None:
    abstract(shelf)
    with (shelf.root / "ABSTRACT_groundTruth.csv").open("a") as file:
        file.write("'gone.jpg',1,0,0,0,0,0,0,0\n'3.jpg',1,0,0,0,0,0,0,0\n")
    shelf.put("testImages_abstract/extra.jpg", "testImages_abstract/odd.jpg")
    with (shelf.root / "ABSTRACT_groundTruth.csv").open("a") as file:
        file.write("'odd.jpg',1,0,?,0,0,0,0,0\n")
    manifest = read(shelf, expect="abstract")
    rows = by_path(manifest)["label"].to_dict()
    assert rows == {
        "testImages_abstract/3.JPG": "anger",
        "testImages_abstract/ab, 'x' 2.jpg": "awe",
        "testImages_abstract/abstract_0001.jpg": "sadness",
        "testImages_abstract/odd.jpg": "amusement",
    }
    assert by_path(manifest).loc["testImages_abstract/ab, 'x' 2.jpg", ["vote_awe", "vote_contentment"]].tolist() == [3, 3]
    assert any("1 picture has a tie" in note for note in manifest.notes)
    assert kinds(manifest) == [
        ("missing file", "testImages_abstract/gone.jpg"),
        ("not listed", "testImages_abstract/extra.jpg"),
        ("unreadable annotation", "testImages_abstract/odd.jpg"),
        ("listed twice", "testImages_abstract/3.JPG"),
    ]


def test_artphoto_prefixes_are_labels(shelf: Shelf) -> None:
    artphoto(shelf)
    shelf.put("testImages_artphoto/noprefix.jpg", "testImages_artphoto/joyful_0001.jpg")
    manifest = read(shelf, expect="artphoto")
    rows = by_path(manifest)
    assert rows.loc["testImages_artphoto/sad_0001.jpg", "label"] == "sadness"
    assert rows.loc["testImages_artphoto/content_0000.jpg", "label"] == "contentment"
    assert kinds(manifest) == [
        ("unknown label", "testImages_artphoto/joyful_0001.jpg"),
        ("not listed", "testImages_artphoto/noprefix.jpg"),
    ]


def test_unbiasedemo_objects_are_an_attribute(shelf: Shelf) -> None:
    unbiasedemo(shelf)
    rows = by_path(read(shelf, expect="unbiasedemo"))
    assert rows.loc["images/love/red car/love.jpg", ["label", "object"]].tolist() == ["love", "red car"]


def test_a_split_is_made_by_content_where_there_is_none(shelf: Shelf) -> None:
    fi(shelf)
    shutil.copy(shelf.root / "emotion_dataset/awe/awe_0.jpg", shelf.root / "emotion_dataset/awe/zz.jpg")
    shutil.copy(shelf.root / "emotion_dataset/awe/awe_0.jpg", shelf.root / "emotion_dataset/fear/zz.jpg")
    manifest = read(shelf, expect="fi")
    rows = by_path(manifest)
    assert list(rows["split"]) == list(hash_splits(list(rows["content"]), list(rows["label"])))
    assert rows.groupby("content")["split"].nunique().max() == 1
    assert kinds(manifest) == [
        ("copy with another label", "emotion_dataset/fear/zz.jpg"),
        ("copy", "emotion_dataset/awe/zz.jpg"),
    ]
    content = rows.loc["emotion_dataset/awe/awe_0.jpg", "image_id"]
    assert rows.loc["emotion_dataset/awe/zz.jpg", "image_id"] == f"{content}-2"
    assert rows.loc["emotion_dataset/fear/zz.jpg", "image_id"] == f"{content}-3"


@pytest.mark.parametrize("prefix", ["", "images/"])
@pytest.mark.parametrize("splits", [(), ("Training", "testing")])
def test_folders_named_after_classes(shelf: Shelf, prefix: str, splits: tuple[str, ...]) -> None:
    for label in ("glad", "grüße an alle", "upset"):
        for where in splits or ("",):
            shelf.put(f"{prefix}{where}/{label}/x 1.png".replace("//", "/").lstrip("/"))
    shelf.put(f"{prefix}.hidden/x.png")
    manifest = read(shelf, expect="folder-of-folders")
    assert manifest.taxonomy is not None
    assert manifest.taxonomy.labels == ("glad", "grüße an alle", "upset")
    assert len(manifest) == 3 * max(1, len(splits))
    assert kinds(manifest) == []
    if splits:
        assert set(manifest.rows["split"]) == {"train", "test"}
        assert not manifest.notes


@pytest.mark.parametrize("prefix", ["", "images/"])
def test_folders_named_after_splits_are_splits_and_no_emotions(shelf: Shelf, prefix: str) -> None:
    for split in ("train", "val", "PrivateTest"):
        shelf.put(*(f"{prefix}{split}/{number}.png" for number in range(3)))
    manifest = read(shelf, expect="splits")
    assert manifest.taxonomy is None
    assert "label" not in manifest.rows
    assert manifest.rows["split"].value_counts().to_dict() == {"train": 3, "val": 3, "test": 3}
    assert (kinds(manifest), manifest.notes) == ([], ())
    assert "splits      train 3, val 3, test 3; no labels" in summary(manifest)


def test_a_split_beside_classes_is_left_out_by_name(shelf: Shelf) -> None:
    shelf.put("joy/1.png", "fear/1.png", "train/1.png")
    manifest = read(shelf, expect="folder-of-folders")
    assert sorted(manifest.rows["label"]) == ["fear", "joy"]
    assert manifest.problems["detail"].tolist() == ["the folder train is a split, not a label: left out"]


def test_classes_are_shown_as_their_folders_are_called(shelf: Shelf) -> None:
    words = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    shelf.put(*(f"train/{word}/1.png" for word in words), *(f"PublicTest/{word}/2.png" for word in words))
    manifest = read(shelf, expect="folder-of-folders")
    assert manifest.taxonomy is not None
    assert (manifest.taxonomy.name, sorted(manifest.taxonomy.labels)) == ("fer7", sorted(words))
    assert set(manifest.rows["label"]) == set(words)


def test_copies_across_splits_are_told(shelf: Shelf) -> None:
    shelf.put("train/joy/1.png", "train/fear/1.png", "test/joy/2.png", "test/fear/2.png")
    shutil.copy(shelf.root / "train/joy/1.png", shelf.root / "test/joy/9.png")
    manifest = read(shelf, expect="folder-of-folders")
    assert kinds(manifest) == [("copy in another split", "train/joy/1.png")]
    assert manifest.problems["detail"][0] == "same bytes as test/joy/9.png, which is in split test, this in train"


def test_what_is_not_a_dataset_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no dataset at"):
        read_dataset(tmp_path / "nothing")
    shelf.write("notes.txt", "no pictures here")
    assert recognise(shelf.root) is None
    assert recognise(tmp_path / "nothing") is None
    with pytest.raises(ValueError, match=r"knows \(emoset, .*it holds notes\.txt; name the layout"):
        read_dataset(shelf.root)
    with pytest.raises(ValueError, match=r"has no picture as emotion_dataset/\{label\}/\{file\}, where FI keeps them"):
        read_dataset(shelf.root, "fi", progress=False)
    with pytest.raises(ValueError, match=r"unknown layout 'emosets': did you mean emoset"):
        read_dataset(shelf.root, "emosets")
    with pytest.raises(FileNotFoundError, match=r"has none of its lists train\.json"):
        read_dataset(shelf.root, "emoset", progress=False)
    with pytest.raises(FileNotFoundError, match="no table of votes"):
        read_dataset(shelf.root, "abstract", progress=False)


def test_lists_that_cannot_be_read_say_where(shelf: Shelf) -> None:
    lists = {"train": "train.json", "val": "val.json"}
    for text, message in (
        ("{", r"train\.json is not readable JSON"),
        ("{}", "holds a dict: expected a list"),
        ('[["joy", "a.jpg", "a.json"], ["joy"]]', "entry 2 is .*expected .label, picture, annotation"),
    ):
        shelf.write("train.json", text)
        with pytest.raises(ValueError, match=message):
            entries_of(shelf.root, lists, "")
    shelf.write("train.json", '[["joy", "a.jpg"]]')
    table, notes = entries_of(shelf.root, lists, "")
    assert table["path"].tolist() == ["a.jpg"]
    assert notes == ["val.json is not there: its split has no pictures"]
    abstract(shelf)
    shelf.write("ABSTRACT_groundTruth.csv", "name,this,that\n'x.jpg',1,2\n")
    with pytest.raises(ValueError, match=r"has the heading 'name,this,that': expected a file name"):
        read_dataset(shelf.root, "abstract", progress=False)


def test_a_layout_can_be_given_and_saved_again(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put("train/rage/1.jpg", "test/zest/1.jpg")
    layout = next(layout for layout in LAYOUTS if layout.name == "webemo")
    manifest = read_dataset(shelf.root, layout, progress=False)
    assert manifest.taxonomy is Taxonomy.named("webemo25")
    manifest.save(tmp_path / "saved")
    pd.testing.assert_frame_equal(Manifest.load(tmp_path / "saved").rows, manifest.rows)


def test_a_name_that_is_no_text_is_a_problem_not_a_crash(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put("joy/1.png", "fear/2.png")
    shutil.copy(shelf.root / "joy/1.png", str(shelf.root / "joy").encode() + b"/\xff.png")
    manifest = read(shelf, expect="folder-of-folders")
    assert kinds(manifest) == [("unreadable picture", "joy/?.png")]
    manifest.save(tmp_path / "saved")
