"""Is nothing opened that is no file or lies elsewhere, and is every picture that is left out counted and named?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from affect_workbench.data.datasets.layouts.known import read_dataset
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.datasets.manifest_table import read_manifest
from affect_workbench.data.images.containment import Inside
from affect_workbench.data.images.decode import (
    PICTURE_SUFFIXES,
    UNOPENED_SUFFIXES,
    UnreadablePicture,
    content_id,
    inspect_picture,
    open_picture,
)
from affect_workbench.workbench.datasets.command import data
from affect_workbench.workbench.datasets.settings import DataSettings
from affect_workbench.workbench.datasets.summary import summary


def picture(path: Path, colour: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 5), (colour, 3, 99)).save(path, "PNG")
    return path


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    for number, name in enumerate(("joy/1.png", "joy/2.png", "anger/3.png", "anger/4.png")):
        picture(tmp_path / "set" / name, number)
    return tmp_path / "set"


def found(manifest: Manifest, kind: str) -> dict[str, str]:
    chosen = manifest.problems[manifest.problems["kind"] == kind]
    return dict(zip(chosen["path"], chosen["detail"], strict=True))


def test_pipes_devices_and_folders_named_like_pictures_are_refused_unopened(shelf: Path) -> None:
    os.mkfifo(shelf / "joy" / "pipe.png")
    (shelf / "joy" / "zero.jpg").symlink_to("/dev/zero")
    (shelf / "anger" / "album.jpg").mkdir()
    with open(os.open(shelf / "joy" / "pipe.png", os.O_RDWR), "wb", buffering=0) as kept_open:
        manifest = read_dataset(shelf, allow_outside=True, progress=False)
        kept_open.write(b"x")
    assert len(manifest) == 4
    assert found(manifest, "unreadable picture") == {
        "anger/album.jpg": "it is a folder, not a file: it is not opened",
        "joy/pipe.png": "it is a named pipe, not a file: it is not opened",
        "joy/zero.jpg": "it is a device, not a file: it is not opened",
    }
    for opened in (open_picture, content_id):
        with pytest.raises(UnreadablePicture, match="it is a device, not a file"):
            opened(Path("/dev/zero"))
    assert inspect_picture(shelf / "joy" / "pipe.png").reason.startswith("it is a named pipe")


def test_endings_that_are_not_opened_are_counted_and_named(shelf: Path) -> None:
    assert not set(PICTURE_SUFFIXES) & set(UNOPENED_SUFFIXES)
    for name in ("joy/a.jpe", "joy/b.AVIF", "anger/c.heic", "anger/d.heic", "anger/.e.heic", "joy/note.txt"):
        (shelf / name).write_bytes(b"x")
    manifest = read_dataset(shelf, progress=False)
    assert list(found(manifest, "ending not opened")) == ["anger/c.heic", "anger/d.heic", "joy/a.jpe", "joy/b.AVIF"]
    assert "4 pictures have an ending that is not opened, .avif (1), .heic (2), .jpe (1): left out" in manifest.notes[0]
    assert "ending not opened: 4" in summary(manifest)
    for name in ("joy/1", "joy/2", "anger/3", "anger/4"):
        (shelf / f"{name}.png").rename(shelf / f"{name}.heic")
    with pytest.raises(ValueError, match=r"like no dataset .* \(8 pictures have an ending that is not opened"):
        read_dataset(shelf)


def test_nothing_outside_of_the_folder_is_read_unless_that_is_allowed(shelf: Path, tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere" / "5.png", 5)
    (shelf / "joy" / "link.png").symlink_to(tmp_path / "elsewhere" / "5.png")
    (shelf / "joy" / "near.png").symlink_to(shelf / "joy" / "1.png")
    (shelf / "fear").symlink_to(tmp_path / "elsewhere")
    manifest = read_dataset(shelf, progress=False)
    outside = found(manifest, "outside the data set")
    assert list(outside) == ["fear", "joy/link.png"]
    assert "--allow-outside reads it" in outside["joy/link.png"]
    assert f"a link to {tmp_path / 'elsewhere'}" in outside["fear"]
    assert len(manifest) == 5
    everything = read_dataset(shelf, progress=False, allow_outside=True)
    assert len(everything) == 7
    assert found(everything, "outside the data set") == {}


def test_a_table_may_climb_out_by_an_absolute_path_only(shelf: Path, tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere" / "5.png", 5)
    (shelf / "joy" / "link.png").symlink_to(tmp_path / "elsewhere" / "5.png")
    absolute = [str(tmp_path / "elsewhere" / "5.png"), str(shelf / "joy" / "2.png"), str(shelf / "joy" / "link.png")]
    relative = ["joy/1.png", "../elsewhere/5.png", "anger/../../elsewhere/5.png", "anger/../joy/2.png"]
    (shelf / "t.csv").write_text("\n".join(["path", *absolute, *relative]))
    manifest = read_manifest(shelf / "t.csv", progress=False)
    assert set(manifest.rows["path"]) == {absolute[0], "joy/2.png", absolute[2], "joy/1.png", "anger/../joy/2.png"}
    assert list(found(manifest, "outside the data set")) == ["../elsewhere/5.png", "anger/../../elsewhere/5.png"]
    lines: list[str] = []
    made = data(DataSettings(root=str(shelf / "t.csv"), allow_outside=True), say=lines.append)
    assert len(made) == 7
    assert Inside(shelf).holds(shelf)
    assert not Inside(shelf).holds(shelf.parent / "set2" / "x.png")


def test_a_path_listed_four_times_is_counted_so(shelf: Path) -> None:
    (shelf / "t.csv").write_text("path,label\njoy/1.png,joy\njoy/2.png,joy\n" + "./joy/1.png,joy\n" * 3)
    manifest = read_manifest(shelf / "t.csv", progress=False)
    assert list(manifest.problems["detail"]) == ["listed 4 times: the first counts"] * 3
    assert "listed twice: 3" in summary(manifest)
    for every in (True, False):
        assert summary(manifest, every=every).count("joy/1.png: listed 4 times: the first counts") == 1
