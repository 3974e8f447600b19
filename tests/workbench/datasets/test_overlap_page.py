"""Do the overlap page and the app say the number, show the pairs, survive hostile names, and fetch nothing?"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from affect_workbench.analyses.duplicates.find import PictureSet, overlap
from affect_workbench.data.images.perceptual_hash import Hashes
from affect_workbench.data.storage.atomic import atomic_folder
from affect_workbench.workbench.datasets.overlap_page import overlap_html
from affect_workbench.workbench.datasets.overlap_store import SavedOverlap, load_overlap, save_overlap
from affect_workbench.workbench.views.folders import found_under
from affect_workbench.workbench.views.settings import OVERLAP

APP = Path(__file__).resolve().parents[3] / "workbench" / "app.py"

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
    page = overlap_html(overlap(PictureSet(train), PictureSet(test)), root_a=tmp_path, root_b=tmp_path / "elsewhere")
    told = "3 of the 10 pictures of the test set (30.0 %) are also in the training set (3 pictures): 3 exact duplicates"
    assert told in page
    assert page.count('src="data:image/jpeg;base64,') == 3
    assert page.count("the file is missing</div>") == 3
    assert page.count("labels differ") == 3
    assert "//" not in re.sub('base64,[^"]*', "", page)
    assert "<script" not in page
    assert len(re.findall(r"<img [^>]*alt=\"[^\"]+\"", page)) == page.count("<img ")
    assert page == overlap_html(overlap(PictureSet(train), PictureSet(test)), root_a=tmp_path, root_b=tmp_path / "elsewhere")


def test_the_rest_is_counted(tmp_path):
    train, test = some_overlap(tmp_path, copies=8)
    page = overlap_html(overlap(PictureSet(train), PictureSet(test)), root_a=tmp_path, root_b=tmp_path, most=2)
    assert "2 of 8 pairs are shown; 6 more are not." in page
    assert page.count("<img ") == 4
    with pytest.raises(ValueError, match="cannot show -1 pairs: expected 0 or more"):
        overlap_html(overlap(PictureSet(train), PictureSet(test)), most=-1)


def test_hostile_names_are_text(tmp_path):
    train = pd.DataFrame(
        {"image_id": [HOSTILE], "content": ["c"], "label": [HOSTILE], "path": [HOSTILE], "split": [HOSTILE]}
    )
    (tmp_path / "bad.png").write_text("<script>")
    test = pd.DataFrame({"image_id": ["x"], "content": ["c"], "path": ["bad.png"]})
    page = overlap_html(
        overlap(PictureSet(train), PictureSet(test)),
        title=HOSTILE,
        name_a=HOSTILE,
        name_b=HOSTILE,
        root_a=tmp_path,
        root_b=tmp_path,
    )
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "no picture format" in page


def test_nothing_found():
    train, test = (pd.DataFrame({"image_id": [name], "content": [name]}) for name in "ab")
    page = overlap_html(overlap(PictureSet(train), PictureSet(test)))
    assert "None of the 1 pictures of the test set was found in the training set (1 pictures)." in page
    assert "The pairs" not in page


def test_within_one_set():
    rows = pd.DataFrame(
        {"image_id": list("abcd"), "content": ["1", "1", "1", "2"], "split": ["train", "test", "train", "test"]}
    )
    page = overlap_html(overlap(PictureSet(rows)), name_a="emotions")
    assert "1 picture is also in another split of emotions (4 pictures): 1 exact duplicates, 0 near-duplicates only." in page
    assert "no path is known" in page
    assert "before the 1 inside one split" in page
    inside = overlap_html(overlap(PictureSet(rows.assign(split="train"))), name_a="emotions")
    assert "No picture of emotions was found in two splits; 3 pairs inside one split." in inside


def kept(folder, result, *, name_a="training set", name_b="test set"):
    with atomic_folder(folder) as partial:
        save_overlap(SavedOverlap(result, name_a, name_b), partial)
    return folder


def awkward():
    """Every kind of comparison: ids that look like numbers or like nothing, hashes and features that know and do not."""
    rows = pd.DataFrame(
        {
            "image_id": ["007", "NA", '1"2', "a\nb"],
            "content": ["x", "x", None, "y"],
            "label": ["joy", None, "nan", "joy"],
            "split": ["train", "test", "test", None],
            "path": [None, "b.png", "c,d.png", HOSTILE],
        }
    )
    features = np.eye(4, dtype=np.float32)[[0, 1, 1, 2]]
    hashes = Hashes(np.array([1, 2, 3, 0], dtype=np.uint64), np.array([False, False, False, True]))
    yield overlap(PictureSet(rows, features=features), threshold=0.9)
    yield overlap(
        PictureSet(rows.drop(columns="split"), hashes=hashes),
        PictureSet(rows.head(2).drop(columns=["label", "path"]), hashes=Hashes(hashes.values[:2], hashes.missing[:2])),
        radius=2,
    )
    yield overlap(PictureSet(rows.head(1)), PictureSet(rows.tail(1)))


def test_a_kept_comparison_is_the_same_when_it_is_opened(tmp_path):
    for number, result in enumerate(awkward()):
        saved = load_overlap(kept(tmp_path / str(number), result, name_b="NaN"))
        assert (saved.name_a, saved.name_b) == ("training set", "NaN")
        for item in fields(result):
            before, after = getattr(result, item.name), getattr(saved.overlap, item.name)
            if isinstance(before, pd.DataFrame):
                pd.testing.assert_frame_equal(after, before, check_dtype=False)
            else:
                assert after == before or (after != after and before != before), item.name
    assert found_under(tmp_path, OVERLAP)[0] == tmp_path / "2"
    assert len(found_under(tmp_path, OVERLAP)) == 3


def test_what_is_no_comparison_is_refused(tmp_path):
    with atomic_folder(tmp_path / "other") as partial:
        (partial / "spec.json").write_text("{}")
    with pytest.raises(ValueError, match="is not a comparison of two sets"):
        load_overlap(tmp_path / "other")
    assert found_under(tmp_path, OVERLAP) == []


@pytest.fixture
def copies(monkeypatch):
    """Opens the app's page of copies on a folder of comparisons, without any audit."""

    def opened(root, *, asked=""):
        monkeypatch.setenv("WORKBENCH_RUNS", str(root))
        monkeypatch.setenv("WORKBENCH_RUN", str(asked))
        app = AppTest.from_file(str(APP), default_timeout=60).run()
        app = app if asked else app.switch_page("views/pages/data/duplicates.py").run()
        assert not app.exception, [error.message for error in app.exception]
        return app

    return opened


def said(app):
    return "\n".join(
        str(element.value).replace("\\", "") for kind in (app.markdown, app.caption, app.info) for element in kind
    )


def shown(app):
    return sum(len(element.proto.imgs) for kind in ("image", "imgs") for element in app.get(kind))


def test_the_app_shows_the_pairs_and_narrows_them(copies, tmp_path):
    train, test = some_overlap(tmp_path)
    train["path"] = [str(tmp_path / name) for name in train["path"]]
    test["path"] = [*train["path"], *[None] * 7]
    result = overlap(PictureSet(train), PictureSet(test))
    kept(tmp_path / "runs/first", overlap(PictureSet(train.head(1)), PictureSet(test.tail(1))))
    app = copies(tmp_path / "runs", asked=kept(tmp_path / "runs/second", result))
    assert app.title[0].value == "Duplicates"
    assert "3 of the 10 pictures of test set (30.0 %) are also in training set (3 pictures): 3 exact duplicates" in said(app)
    assert said(app).count("identical files, labels differ") == 3
    assert "3 of 3 pairs; all are in pairs.csv" in said(app)
    assert shown(app) == 6
    counts, classes = (frame.value for frame in app.dataframe)
    assert counts[["exact pairs", "near pairs"]].to_numpy().tolist() == [[3, 0]]
    assert classes["labelled differently"].tolist() == [3]
    nearer = app.multiselect[0].select("near").run()
    assert "No pair is in this selection." in said(nearer)
    app.sidebar.selectbox[0].select_index(1).run()
    assert "None of the 1 pictures of test set was found" in said(app)


def test_missing_files_and_hostile_names_are_told_in_the_app(copies, tmp_path):
    rows = pd.DataFrame(
        {
            "image_id": [HOSTILE, "b"],
            "content": ["1", "1"],
            "label": [HOSTILE, None],
            "path": [HOSTILE, None],
            "split": ["train", "test"],
        }
    )
    app = copies(kept(tmp_path / "run", overlap(PictureSet(rows)), name_a=HOSTILE))
    assert "no thumbnail: the file is missing or cannot be read" in said(app)
    assert "no thumbnail: no path is known" in said(app)
    assert HOSTILE in said(app)
    assert shown(app) == 0


def test_many_pairs_come_in_pages(copies, tmp_path):
    rows = pd.DataFrame(
        {
            "image_id": [str(n) for n in range(60)],
            "content": [str(n // 2) for n in range(60)],
            "split": ["train", "test"] * 30,
        }
    )
    app = copies(kept(tmp_path / "run", overlap(PictureSet(rows))))
    assert "24 of 30 pairs" in said(app)
    assert "6 of 30 pairs" in said(app.number_input[0].set_value(2).run())


def test_without_comparisons_the_app_says_how_to_make_one(copies, tmp_path):
    assert "Make one with `workbench overlap A B" in said(copies(tmp_path))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/overlap.json").write_text("{")
    (tmp_path / "bad/COMPLETE.json").write_text("{}")
    app = copies(tmp_path)
    assert len(app.error) == 1
