"""Does the overlap page say the number, show the pairs, survive hostile names and missing files, and fetch nothing?"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analyses.overlap import overlap
from workbench.overlap_page import overlap_html

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def some_overlap(tmp_path, *, copies=3, test=10):
    for at in range(copies):
        Image.fromarray(np.random.default_rng(at).integers(0, 256, (60, 80, 3), dtype=np.uint8)).save(tmp_path / f"{at}.png")
    content = [f"c{at}" for at in range(test)]
    train = pd.DataFrame({"image_id": [f"t{at}" for at in range(copies)], "content": content[:copies], "label": "joy"})
    train["path"] = [f"{at}.png" for at in range(copies)]
    other = pd.DataFrame(
        {"image_id": [f"x{at}" for at in range(test)], "content": content, "label": "fear", "split": "test"}
    )
    other["path"] = [f"{at}.png" for at in range(test)]
    return train, other


def test_one_sentence_tables_and_thumbnails(tmp_path):
    train, test = some_overlap(tmp_path)
    page = overlap_html(overlap(train, test), root_a=tmp_path, root_b=tmp_path / "elsewhere")
    assert "3 of the 10 pictures of the test set (30.0%) are also in the training set (3 pictures): 3 byte for byte" in page
    assert page.count('src="data:image/jpeg;base64,') == 3
    assert page.count("the file is missing</div>") == 3
    assert page.count("labels differ") == 3
    assert "//" not in re.sub('base64,[^"]*', "", page)
    assert "<script" not in page
    assert len(re.findall(r"<img [^>]*alt=\"[^\"]+\"", page)) == page.count("<img ")
    assert page == overlap_html(overlap(train, test), root_a=tmp_path, root_b=tmp_path / "elsewhere")


def test_the_rest_is_counted(tmp_path):
    train, test = some_overlap(tmp_path, copies=8)
    page = overlap_html(overlap(train, test), root_a=tmp_path, root_b=tmp_path, most=2)
    assert "2 of 8 pairs are shown; 6 more are not." in page
    assert page.count("<img ") == 4
    with pytest.raises(ValueError, match="cannot show -1 pairs: expected 0 or more"):
        overlap_html(overlap(train, test), most=-1)


def test_hostile_names_are_text(tmp_path):
    train = pd.DataFrame(
        {"image_id": [HOSTILE], "content": ["c"], "label": [HOSTILE], "path": [HOSTILE], "split": [HOSTILE]}
    )
    (tmp_path / "bad.png").write_text("<script>")
    test = pd.DataFrame({"image_id": ["x"], "content": ["c"], "path": ["bad.png"]})
    page = overlap_html(
        overlap(train, test), title=HOSTILE, name_a=HOSTILE, name_b=HOSTILE, root_a=tmp_path, root_b=tmp_path
    )
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "no picture format" in page


def test_nothing_found():
    train, test = (pd.DataFrame({"image_id": [name], "content": [name]}) for name in "ab")
    page = overlap_html(overlap(train, test))
    assert "None of the 1 pictures of the test set was found in the training set (1 pictures)." in page
    assert "The pairs" not in page


def test_within_one_set():
    rows = pd.DataFrame(
        {"image_id": list("abcd"), "content": ["1", "1", "1", "2"], "split": ["train", "test", "train", "test"]}
    )
    page = overlap_html(overlap(rows), name_a="emotions")
    assert "1 picture is also in another split of emotions (4 pictures): 1 byte for byte, 0 as near copies only." in page
    assert "no path is known" in page
    assert "before the 1 inside one split" in page
    inside = overlap_html(overlap(rows.assign(split="train")), name_a="emotions")
    assert "No picture of emotions was found in two splits; 3 pairs inside one split." in inside
