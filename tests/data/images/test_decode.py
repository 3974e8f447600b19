"""Does every kind of picture file become the same RGB picture, and is every broken one refused with a reason?"""

from __future__ import annotations

import copy
import hashlib
import io
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from affect_workbench.data.images.decode import (
    MAX_PIXELS,
    UnreadablePicture,
    content_id,
    inspect_picture,
    is_picture_name,
    open_picture,
    thumbnail,
)

LEFT, RIGHT = (200, 30, 40), (20, 60, 220)


def halves(width: int = 32, height: int = 16) -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", (width, height), LEFT)
    picture.paste(RIGHT, (width // 2, 0, width, height))
    return picture


def bomb_png(width: int, height: int) -> bytes:
    """A PNG whose header claims a size and whose body is next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def near(picture: Image.Image, at: tuple[int, int], colour: tuple[int, int, int], *, within: int = 12) -> bool:
    return bool(np.abs(np.subtract(picture.getpixel(at), colour)).max() <= within)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".gif", ".tif", ".ppm", ".JPG"])
def test_formats_and_odd_names(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"grüße an 愛 {suffix}"
    halves().save(path)
    picture = open_picture(path)
    assert type(picture) is Image.Image
    assert picture.mode == "RGB"
    assert picture.size == (32, 16)
    assert near(picture, (4, 8), LEFT, within=30)
    assert near(picture, (27, 8), RIGHT, within=30)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone_and_forgotten(tmp_path: Path, orientation: int) -> None:
    upright = halves()
    turned = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if turned is None else upright.transpose(turned)
    exif = Image.Exif()
    exif[274] = orientation
    for name in ("x.jpg", "x.png", "x.tif"):
        stored.save(tmp_path / name, exif=exif)
        picture = open_picture(tmp_path / name)
        assert picture.size == (32, 16), name
        assert near(picture, (4, 8), LEFT), name
        assert near(picture, (27, 8), RIGHT), name
        assert not picture.getexif()
        assert "exif" not in picture.info
        small = Image.open(io.BytesIO(thumbnail(tmp_path / name, 16)))
        assert small.size == (16, 8)
        assert near(small, (2, 4), LEFT, within=40)


def test_alpha_is_laid_on_white(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (4, 1), (255, 0, 0, 0))
    picture.putpixel((1, 0), (255, 0, 0, 255))
    picture.putpixel((2, 0), (0, 0, 0, 128))
    for name in ("x.png", "x.webp", "x.tif"):
        picture.save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
        shown = open_picture(tmp_path / name)
        assert shown.getpixel((0, 0)) == (255, 255, 255), name
        assert shown.getpixel((1, 0)) == (255, 0, 0), name
        assert near(shown, (2, 0), (127, 127, 127), within=2), name
    picture.convert("LA").save(tmp_path / "la.png")
    assert open_picture(tmp_path / "la.png").getpixel((0, 0)) == (255, 255, 255)


def test_palettes_with_and_without_transparency(tmp_path: Path) -> None:
    halves().quantize(4).save(tmp_path / "p.png")
    assert near(open_picture(tmp_path / "p.png"), (4, 8), LEFT)
    palette = Image.new("P", (3, 1))
    palette.putpalette([10, 20, 30, 255, 0, 0, 0, 0, 255])
    for x in range(3):
        palette.putpixel((x, 0), x)
    palette.save(tmp_path / "one.png", transparency=0)
    palette.save(tmp_path / "bytes.png", transparency=bytes([0, 255, 128]))
    palette.save(tmp_path / "one.gif", transparency=0)
    for name in ("one.png", "bytes.png", "one.gif"):
        assert open_picture(tmp_path / name).getpixel((0, 0)) == (255, 255, 255), name
        assert open_picture(tmp_path / name).getpixel((1, 0)) == (255, 0, 0), name
    assert near(open_picture(tmp_path / "bytes.png"), (2, 0), (127, 127, 255), within=2)
    Image.new("RGB", (2, 2), (9, 9, 9)).save(tmp_path / "key.png", transparency=(9, 9, 9))
    assert open_picture(tmp_path / "key.png").getpixel((0, 0)) == (255, 255, 255)


def test_grey_bilevel_and_cmyk(tmp_path: Path) -> None:
    Image.new("L", (2, 2), 77).save(tmp_path / "grey.jpg")
    Image.new("1", (2, 2), 1).save(tmp_path / "one.png")
    halves().convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    assert near(open_picture(tmp_path / "grey.jpg"), (0, 0), (77, 77, 77), within=2)
    assert open_picture(tmp_path / "one.png").getpixel((0, 0)) == (255, 255, 255)
    assert near(open_picture(tmp_path / "cmyk.jpg"), (4, 8), LEFT, within=25)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65_535, 256).astype(np.uint16)[None]
    Image.fromarray(ramp).save(tmp_path / "x.png")
    Image.fromarray(ramp).save(tmp_path / "x.tif")
    Image.fromarray(ramp.astype(np.int32)).save(tmp_path / "i.tif")
    Image.fromarray((ramp / 65_535).astype(np.float32)).save(tmp_path / "f.tif")
    for name in ("x.png", "x.tif", "i.tif", "f.tif"):
        values = np.asarray(open_picture(tmp_path / name))[0, :, 0].astype(int)
        assert np.abs(values - np.arange(256)).max() <= 1, name
    for name, high in (("wide.tif", 1_000_000), ("below.tif", 4)):
        Image.fromarray(np.array([[-4, high]], dtype=np.int32)).save(tmp_path / name)
        assert np.asarray(open_picture(tmp_path / name))[0, :, 0].tolist() == [0, 255]
    Image.fromarray(np.array([[0.0, np.nan]], dtype=np.float32)).save(tmp_path / "nan.tif")
    with pytest.raises(UnreadablePicture, match="NaN or infinite"):
        open_picture(tmp_path / "nan.tif")


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_the_first_frame_of_an_animation(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"moving{suffix}"
    Image.new("RGB", (8, 8), LEFT).save(path, save_all=True, append_images=[Image.new("RGB", (8, 8), RIGHT)], duration=50)
    assert near(open_picture(path), (4, 4), LEFT)


def test_broken_files_are_refused_with_one_line(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    for name in ("cut.jpg", "cut.png", "cut.gif", "cut.webp", "cut.bmp"):
        noise.save(tmp_path / name)
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[: (tmp_path / name).stat().st_size // 2])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("I am no picture\n")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "bomb.png").write_bytes(bomb_png(100_000, 100_000))
    (tmp_path / "just.png").write_bytes(bomb_png(MAX_PIXELS // 10_000 + 1, 10_000))
    (tmp_path / "flat.png").write_bytes(bomb_png(0, 5))
    (tmp_path / "header.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    reasons = {"empty.jpg": "empty", "text.jpg": "no picture format", "bomb.png": "pixels", "just.png": "178,956,970"}
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(UnreadablePicture, match=reasons.get(path.name, "cannot be read")) as caught:
            open_picture(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)
        found = inspect_picture(path)
        assert found.reason == caught.value.reason
        assert not found.missing
        assert str(copy.copy(caught.value)) == str(caught.value)  # as worker processes hand it over
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_a_large_picture_below_the_limit_gives_no_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)  # Pillow warns from here and refuses from twice here
    halves().save(tmp_path / "x.png")
    assert open_picture(tmp_path / "x.png").size == (32, 16)
    halves(64, 32).save(tmp_path / "y.png")
    with pytest.raises(UnreadablePicture, match="pixels"):
        open_picture(tmp_path / "y.png")


def test_damaged_exif_does_not_cost_the_picture(tmp_path: Path) -> None:
    halves().save(tmp_path / "x.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\x7fnonsense")
    assert open_picture(tmp_path / "x.jpg").size == (32, 16)


def test_warning_filters_are_as_before_also_after_threads(tmp_path: Path) -> None:
    halves(600, 600).save(tmp_path / "x.png")
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [open_picture(tmp_path / "x.png") for _ in range(5)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before


def test_missing_file(tmp_path: Path) -> None:
    for read in (open_picture, thumbnail):
        with pytest.raises(FileNotFoundError, match=r"no picture at .*gone\.jpg"):
            read(tmp_path / "gone.jpg")
    assert inspect_picture(tmp_path / "gone.jpg").missing


def test_content_id_is_of_the_bytes(tmp_path: Path) -> None:
    halves().save(tmp_path / "x.png")
    digest = hashlib.sha256((tmp_path / "x.png").read_bytes()).hexdigest()
    assert content_id(tmp_path / "x.png") == digest[:16] == inspect_picture(tmp_path / "x.png").content


def test_thumbnails_are_small_and_bare(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[315] = "somebody"
    halves(1600, 800).save(tmp_path / "x.jpg", exif=exif, comment=b"a comment", icc_profile=b"profile")
    small = thumbnail(tmp_path / "x.jpg")
    picture = Image.open(io.BytesIO(small))
    assert picture.format == "JPEG"
    assert picture.size == (96, 48)
    assert not picture.getexif()
    assert "comment" not in picture.info
    assert b"somebody" not in small
    assert len(small) < 3000
    assert near(picture, (10, 20), LEFT)
    halves(2, 900).save(tmp_path / "tall.png")
    assert Image.open(io.BytesIO(thumbnail(tmp_path / "tall.png", 8))).size == (1, 8)
    with pytest.raises(ValueError, match="expected at least 1 pixel"):
        thumbnail(tmp_path / "x.jpg", 0)


def test_which_names_are_pictures() -> None:
    assert is_picture_name(Path("a/B.JPEG"))
    assert not is_picture_name(Path("a/._b.jpg"))
    assert not is_picture_name(Path("a/Thumbs.db"))
