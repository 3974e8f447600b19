"""Pictures that are no longer what the manifest says: found, taken as they are, and said."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from PIL import Image

from affect_workbench.data.datasets import changes
from affect_workbench.data.datasets.changes import with_changes
from affect_workbench.data.datasets.layouts.known import read_dataset
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.images.decode import content_id

COLOURS = ("red", "green", "blue", "white")


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest of four pictures, written long after them."""
    monkeypatch.setattr(changes, "_SLACK", 0)
    for number, colour in enumerate(COLOURS):
        (tmp_path / "pictures" / ("joy" if number % 2 else "fear")).mkdir(parents=True, exist_ok=True)
        where = tmp_path / "pictures" / ("joy" if number % 2 else "fear") / f"{number}.png"
        Image.new("RGB", (8, 8), colour).save(where)
    time.sleep(0.02)  # a clock of the file system that counts in hundredths
    read_dataset(tmp_path / "pictures", progress=False).save(tmp_path / "manifest")
    time.sleep(0.02)
    return tmp_path / "manifest"


def test_nothing_is_said_where_nothing_has_changed(saved: Path) -> None:
    manifest = Manifest.load(saved)
    again, said = with_changes(manifest, saved)
    assert again is manifest
    assert said == []


def test_a_changed_picture_is_taken_as_it_is_even_with_its_old_date(saved: Path) -> None:
    manifest = Manifest.load(saved)
    path = manifest.picture_path(1)
    before = path.stat()
    Image.new("RGB", (8, 8), "yellow").save(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    again, said = with_changes(manifest, saved)
    assert [at for at in range(4) if again.rows["content"][at] != manifest.rows["content"][at]] == [1]
    assert again.rows["content"][1] == content_id(path)
    assert again.rows.drop(columns="content").equals(manifest.rows.drop(columns="content"))
    assert said == list(again.notes[-1:])
    assert said[0].startswith("1 picture has changed since the manifest was written, first ")
    assert manifest.rows["path"][1] in said[0]


def test_pictures_that_were_only_copied_or_are_gone_are_as_before(saved: Path) -> None:
    manifest = Manifest.load(saved)
    for path in manifest.paths()[:2]:
        path.write_bytes(path.read_bytes())
    manifest.picture_path(3).unlink()
    assert with_changes(manifest, saved) == (manifest, [])
