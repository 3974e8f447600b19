"""The few pictures behind a report's numbers: the right ones, each kept once, and no more than the gallery holds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from affect_workbench.workbench.report.evidence.gallery import Gallery, slice_pictures
from affect_workbench.workbench.report.html import report_html
from workbench_runs import CELLS, HOSTILE, audited, predictions_table


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """An audit of pictures whose files are there, all but a few."""
    folder = tmp_path_factory.mktemp("pictures")
    rows = predictions_table(240, bias=0.9, seed=4)
    rows["path"] = [str(folder / f"{name}.png") for name in rows["image_id"]]
    noise = np.random.default_rng(0)
    for path in rows["path"].iloc[::2]:
        Image.fromarray(noise.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(path)
    return audited(rows)


def kept(page):
    return json.loads(re.search(r'id="gallery">(.*?)</script>', page, re.DOTALL)[1])


def test_every_number_has_pictures_of_its_own_slice_and_emotion(shown):
    gallery = Gallery(shown.samples)
    by_id = shown.samples.set_index("image_id")
    names = list(shown.slices.loc[shown.slices["order"] == 1, "slice"])
    for one in slice_pictures(shown, gallery, names):
        attribute, value = one.name.split(": ")
        assert one.n == (by_id[attribute] == value).sum()
        for label, cell in one.cells.items():
            inside = by_id[(by_id[attribute] == value) & (by_id["predicted"] == label)]
            assert cell.n == len(inside)
            assert {gallery.pictures[number].id for number in cell.shown} <= set(inside.index)
            assert cell.shown or not any(Path(path).is_file() for path in inside["path"])
        inside = by_id[by_id[attribute] == value].reset_index()
        order = sorted(inside.itertuples(), key=lambda row: (row.audit_agreement, -row.audit_margin, row.image_id))
        there = [row.image_id for row in order[:12] if Path(row.path).is_file()]
        assert [gallery.pictures[number].id for number in one.worst] == there[:3]
        typical = by_id.loc[[gallery.pictures[number].id for number in one.typical]]
        assert typical["predicted"].nunique() == 1
    assert all(picture.thumbnail for picture in gallery.pictures)  # files that are gone are passed over


def test_a_full_gallery_gives_what_it_has(shown):
    gallery = Gallery(shown.samples, most=5)
    slice_pictures(shown, gallery, list(shown.slices["slice"]))
    assert len(gallery.pictures) == 5
    assert Gallery(shown.samples, most=0).of(shown.samples.index, most=3) == ()


def test_each_picture_is_in_the_report_once(shown):
    page = report_html(shown)
    gallery = kept(page)
    inline = set(map(int, re.findall(r'<img id="picture-(\d+)" src="data:', page)))
    assert {number for number, one in enumerate(gallery["pictures"]) if one["src"] is None and one["shown"]} == inline
    sources = re.findall(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+", page)
    assert len(sources) == len(set(sources)) == sum(one["shown"] for one in gallery["pictures"])
    assert set(map(int, re.findall(r'data-picture="(\d+)"', page))) <= inline
    assert report_html(shown) == page


def test_pictures_without_files_are_named(shown):
    gallery = kept(report_html(audited(predictions_table(200, bias=0.9), **CELLS)))
    assert not any(one["shown"] for one in gallery["pictures"])
    assert all(one["cells"] and all(n == 0 or some for n, some in one["cells"].values()) for one in gallery["slices"])


def test_nothing_in_the_data_ends_the_script_that_holds_the_gallery():
    table = predictions_table(400, bias=0.9, attributes={"tone": HOSTILE, "place": ("x", "y")})
    table["image_id"] = [f"{HOSTILE[number % 4]}{number}" for number in range(400)]
    page = report_html(audited(table))
    gallery = kept(page)
    assert {one["name"].removeprefix("tone: ") for one in gallery["slices"]} >= set(HOSTILE)
    assert gallery["pictures"][0]["id"].startswith(HOSTILE)
