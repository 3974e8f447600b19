"""Do copies of a picture share their hash, and different pictures not?"""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from affect_workbench.data.images.perceptual_hash import Hashes, hashes, perceptual_hash


def scene(seed: int, size: tuple[int, int] = (240, 180)) -> Image.Image:
    """A smooth coloured pattern, different for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def apart(first: Image.Image, second: Image.Image) -> int:
    a, b = perceptual_hash(first), perceptual_hash(second)
    assert a is not None
    assert b is not None
    return (a ^ b).bit_count()


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def test_copies_are_close_and_others_far():
    copies, others = [], []
    for seed in range(20):
        picture = scene(seed)
        for copy in (jpeg(picture, 30), picture.resize((90, 70)), ImageEnhance.Brightness(picture).enhance(0.85)):
            copies.append(apart(picture, copy))
        others.append(apart(picture, scene(seed + 100)))
    assert max(copies) <= 7
    assert min(others) >= 12


def test_a_picture_without_structure_has_no_hash():
    assert perceptual_hash(Image.new("RGB", (50, 40), "white")) is None
    assert perceptual_hash(Image.new("RGB", (1, 1), "red")) is None


def test_files_in_order_with_the_unreadable_missing(tmp_path):
    scene(1).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    jpeg(scene(1), 60).save(tmp_path / "c.jpg")
    found = hashes([tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.jpg", tmp_path / "absent.png"])
    assert found.missing.tolist() == [False, True, False, True]
    assert int(found.values[0]) == perceptual_hash(scene(1))
    assert np.bitwise_count(found.values[0] ^ found.values[2]) <= 6
    assert len(found.reasons) == 2
    assert "b.png" in found.reasons[0]
    assert "absent.png" in found.reasons[1]


def test_worker_processes_change_nothing(tmp_path):
    for seed in range(4):
        scene(seed, (40, 30)).save(tmp_path / f"{seed}.png")
    paths = [tmp_path / f"{at % 4}.png" for at in range(260)]
    np.testing.assert_array_equal(hashes(paths, workers=2).values, hashes(paths).values)


def test_refusals():
    with pytest.raises(ValueError, match="workers is 0: expected at least 1"):
        hashes([], workers=0)
    with pytest.raises(ValueError, match=r"shape \(2,\), missing \(3,\): expected \(pictures,\)"):
        Hashes(np.zeros(2, dtype=np.uint64), np.zeros(3, dtype=bool))
    with pytest.raises(TypeError, match="int64, missing bool: expected uint64"):
        Hashes(np.zeros(2, dtype=np.int64), np.zeros(2, dtype=bool))  # type: ignore[arg-type]
    assert len(hashes([])) == 0
