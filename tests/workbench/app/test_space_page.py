"""The page Space: a region opens into its card, is confirmed and saved, and stands beside the declared slices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from affect_workbench.workbench.runs.saved_slices import load_saved_slices
from affect_workbench.workbench.runs.store import save_audit
from workbench_runs import CELLS, audited, predictions_table

APP = Path(__file__).resolve().parents[3] / "workbench" / "app.py"
LASSO = {"x": [-9, 0, 0, -9], "y": [-9, -9, 9, 9], "xref": "x", "yref": "y"}


def mapped_result(trust=0.9):
    """Dark pictures lie to the left."""
    result = audited(predictions_table(600, bias=0.9), **CELLS)
    x = np.where(result.samples["tone"] == "dark", -1.0, 1.0) + 0.1 * np.random.default_rng(0).normal(size=600)
    record = {"method": "umap", "space": "scores", "trustworthiness": trust, "pictures": 600, "anchors": []}
    samples = result.samples.assign(audit_x=x, audit_y=np.arange(600) % 7)
    return replace(result, samples=samples, run=replace(result.run, map=record))


@pytest.fixture
def opened(monkeypatch, tmp_path):
    def open_page(result):
        save_audit(result, tmp_path / "run")
        monkeypatch.setenv("WORKBENCH_RUN", "")
        monkeypatch.setenv("WORKBENCH_RUNS", "nowhere")
        app = AppTest.from_file(str(APP), default_timeout=60).run().switch_page("views/pages/audit/space.py")
        monkeypatch.setenv("WORKBENCH_RUN", str(tmp_path / "run"))
        return healthy(app.run())

    return open_page


def healthy(app):
    assert not app.exception, [error.message for error in app.exception]
    assert not app.error
    return app


def words(app):
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info, app.warning, app.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def lassoed(app):
    app.session_state["map"] = selection(LASSO)
    return healthy(app.run())


def selection(*lassos):
    return {"selection": {"points": [], "point_indices": [], "box": [], "lasso": list(lassos)}}


def test_a_lasso_opens_a_card_that_is_confirmed_and_saved(opened, tmp_path):
    result = mapped_result()
    app = lassoed(opened(result))
    assert "in the half that is looked at" in words(app)
    assert "Exploratory: these pictures were chosen by looking" in words(app)
    (shown,) = [frame.value for frame in app.dataframe if "picture" in frame.value]
    ids = result.samples.set_index("image_id")["tone"]
    assert set(ids[shown["picture"]]) == {"dark"}
    (confirm,) = [button for button in app.button if button.label == "Confirm on the other half"]
    app = healthy(confirm.click().run())
    assert "of the half kept back lie in the region" in words(app)
    (name,) = [box for box in app.text_input if box.label == "Name"]
    name.input("dark corner")
    (save,) = [button for button in app.button if button.label == "Save to the run"]
    app = healthy(save.click().run())
    (saved,) = load_saved_slices(tmp_path / "run")
    assert saved.half
    assert saved.asked
    assert "anger" in saved.holds
    assert set(saved.pictures) == set(ids.index[ids == "dark"])  # of both halves
    (write,) = [button for button in app.button if button.label == "Write the table that an audit takes"]
    app = healthy(write.click().run())
    assert any("saved_slices.csv" in code.value for code in app.code)
    assert (tmp_path / "run" / "saved_slices.csv").read_text().startswith("image_id,dark corner\n")
    (box,) = [box for box in app.selectbox if box.label == "In slice"]
    assert box.options[-1] == "dark corner (saved, confirmed on the other half)"
    app.session_state["map"] = selection()
    app = healthy(box.set_value(box.options[-1]).run())
    (shown,) = [frame.value for frame in app.dataframe if "picture" in frame.value]
    assert set(shown["picture"]) == set(saved.pictures)


def test_of_all_pictures_nothing_can_be_confirmed(opened):
    app = opened(mapped_result())
    (half,) = app.toggle
    app = lassoed(healthy(half.set_value(False).run()))
    assert "600 on the map" in words(app)
    assert "nothing is left to confirm this on" in words(app)
    assert "Confirm on the other half" not in [button.label for button in app.button]


def test_a_map_that_means_nothing_is_a_sentence(opened):
    app = opened(mapped_result(trust=0.58))
    assert "The map is not shown, because it would mean nothing: its trustworthiness is 0.58" in words(app)
    assert not app.toggle
    assert "map" not in app.session_state
