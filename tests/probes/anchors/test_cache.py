"""Is what was read once taken again, and never where anything that it depends on has changed?"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from affect_workbench.probes.anchors.anchors import anchors_from, synonym_anchors
from affect_workbench.probes.anchors.cache import cache_folder, cached
from affect_workbench.probes.anchors.sources import TextVectors
from text_models import EKMAN, llama, saved

READ = TextVectors(np.eye(2, 3, dtype=np.float32), "a note")


def never() -> TextVectors:
    raise AssertionError("read again")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFFECT_WORKBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "anchors"


def test_what_was_stored_comes_back_bit_for_bit() -> None:
    key = {"source": "x", "model": ["a", 1]}
    made = TextVectors(np.random.default_rng(0).normal(size=(4, 7)).astype(np.float32), "a note")
    assert cached(key, lambda: made) is made
    again = cached(key, never)
    np.testing.assert_array_equal(again.vectors, made.vectors)
    assert again.note == "a note"
    assert cached(key | {"model": ["a", 2]}, lambda: READ) is READ


def test_what_has_no_identity_is_never_stored(folder: Path) -> None:
    cached({"source": "x", "model": None}, lambda: READ)
    assert not folder.exists()


@pytest.mark.parametrize("damage", ["cut", "rubbish", "changed", "of another key"])
def test_a_damaged_file_is_made_again(damage: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = {"source": "x", "model": []}
    cached(key, lambda: READ)
    (file,) = folder.iterdir()
    content = file.read_bytes()
    if damage == "of another key":
        cached({"source": "y", "model": []}, lambda: TextVectors(2 * READ.vectors))
        content = next(path for path in folder.iterdir() if path != file).read_bytes()
    file.write_bytes(
        {"cut": content[:-5], "rubbish": b"nothing", "changed": content[:-1] + b"\x01", "of another key": content}[damage]
    )
    capsys.readouterr()
    assert cached(key, lambda: READ) is READ
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"note: the cached anchors in {file} are damaged" in said
    np.testing.assert_array_equal(cached(key, never).vectors, READ.vectors)
    assert capsys.readouterr().err == ""


def test_a_folder_that_cannot_be_written_to_does_no_harm(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.parent.write_text("a file where the folder should be")
    assert cached({"source": "x", "model": []}, lambda: READ) is READ
    assert "note: cannot keep anchors in" in capsys.readouterr().err


def test_anchors_are_read_again_only_when_the_checkpoint_changes(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = tmp_path / "model"
    source = f"token:{saved(llama(), model)}"
    first = anchors_from(source, EKMAN)
    (file,) = folder.iterdir()
    stamp = file.stat().st_mtime_ns
    np.testing.assert_array_equal(anchors_from(source, EKMAN).vectors, first.vectors)
    assert [path.stat().st_mtime_ns for path in folder.iterdir()] == [stamp]
    before = (model / "model.safetensors").stat()
    llama().save_pretrained(model)
    os.utime(model / "model.safetensors", ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))
    assert (model / "model.safetensors").stat().st_size == before.st_size
    assert np.abs(anchors_from(source, EKMAN).vectors - first.vectors).max() > 0.1
    assert len(list(folder.iterdir())) == 2
    anchors_from(source, EKMAN, template="{} emotion")
    synonyms = synonym_anchors("sentence:minilm", EKMAN)
    assert len(list(folder.iterdir())) == 4
    np.testing.assert_array_equal(synonym_anchors("sentence:minilm", EKMAN)[2], synonyms[2])
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/affect-workbench"),
        ("linux", {}, "/h/.cache/affect-workbench"),
        ("darwin", {}, "/h/Library/Caches/affect-workbench"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/affect-workbench"),
        ("linux", {"AFFECT_WORKBENCH_CACHE": "/mine"}, "/mine"),
    ],
)
def test_where_the_cache_is(platform, variables, expected, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AFFECT_WORKBENCH_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (variables | {"HOME": "/h"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert cache_folder().as_posix() == expected
