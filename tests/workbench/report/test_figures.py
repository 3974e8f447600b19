"""The figures: true to the saved numbers, readable at any size, and unable to show a cell that could not be told as zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from affect_workbench.workbench.interface.style import CONFIG, DIVERGING, VERDICT_COLOURS, blank, safe, short
from affect_workbench.workbench.report.evidence.choice import caption
from affect_workbench.workbench.report.figures import map as map_figure
from affect_workbench.workbench.report.figures.findings import MOST_ROWS, MOST_SLICES, forest, heat_map, pull, split
from affect_workbench.workbench.report.figures.map import ERROR, MARGIN, colourings, picture_map
from affect_workbench.workbench.report.sentences import map_badge
from workbench_runs import CELLS, HOSTILE, audited, predictions_table

pytest_plugins = ["workbench_fixtures"]

TWENTY_FIVE = tuple(f"feeling number {number}" for number in range(25))


def with_map(result):
    """The audit with every picture somewhere on a map, without waiting for one to be computed."""
    rng = np.random.default_rng(0)
    places = rng.normal(size=(len(result.samples), 2))
    samples = result.samples.assign(audit_x=places[:, 0], audit_y=places[:, 1])
    record = {"method": "umap", "space": "scores", "trustworthiness": 0.9, "pictures": len(samples), "anchors": []}
    return replace(result, samples=samples, run=replace(result.run, map=record))


def one_slice(result):
    name = result.slices["slice"].iloc[0]
    return replace(
        result,
        slices=result.slices[result.slices["slice"] == name],
        findings=result.findings[result.findings["slice"] == name].reset_index(drop=True),
        structure=result.structure[result.structure["slice"] == name],
    )


@pytest.fixture(scope="module")
def results():
    """Audits of every awkward kind, by name."""
    many = {"place": tuple(f"place {number}" for number in range(60)), "tone": ("dark", "light")}
    plain = audited(predictions_table(900, bias=0.9), **CELLS)
    return {
        "plain": with_map(plain),
        "no skew": with_map(audited(predictions_table(300, bias=0.0, seed=3), **CELLS)),
        "labels only": audited(predictions_table(900, scores=False), **CELLS),
        "no truth": with_map(audited(predictions_table(900, bias=0.9).drop(columns="label"), **CELLS)),
        "many slices": with_map(audited(predictions_table(3_000, attributes=many), **CELLS)),
        "25 labels": with_map(audited(predictions_table(900, labels=TWENTY_FIVE), **CELLS)),
        "one slice": with_map(one_slice(plain)),
        "all too small": with_map(audited(predictions_table(15, attributes={"tone": ("dark", "light")}), **CELLS)),
        "more tiny slices than are drawn": with_map(
            audited(predictions_table(240, attributes={"place": tuple(f"place {n}" for n in range(60))}), **CELLS)
        ),
        "hostile": with_map(audited(predictions_table(400, attributes={"tone": HOSTILE, "a<b>": ("x", "y")}), **CELLS)),
    }


KINDS = (
    "plain",
    "no skew",
    "labels only",
    "no truth",
    "many slices",
    "25 labels",
    "one slice",
    "all too small",
    "more tiny slices than are drawn",
    "hostile",
)


def drawn(result):
    """Every figure of an audit that is drawn."""
    made = [forest(result), split(result), heat_map(result), heat_map(result, order=2), pull(result)]
    made += [picture_map(result, colour=colour) for colour in colourings(result)]
    return [figure for figure in made if figure is not None]


def texts(figure):
    """Every text of a figure that plotly would format."""
    found = []

    def walk(node, key=""):
        if isinstance(node, dict):
            for name, value in node.items():
                walk(value, name)
        elif isinstance(node, (list, tuple, np.ndarray)) and not (isinstance(node, np.ndarray) and node.dtype.kind in "fi"):
            for value in node:
                walk(value, key)
        elif isinstance(node, str) and key not in ("customdata",):
            found.append(node)

    walk(figure.to_plotly_json())
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_figures_of_every_audit_can_be_drawn_and_repeated(results, kind):
    figures_of = drawn(results[kind])
    assert figures_of
    for figure in figures_of:
        assert isinstance(figure, go.Figure)
        assert figure.layout.height > 100
    assert [figure.to_json() for figure in figures_of] == [figure.to_json() for figure in drawn(results[kind])]


def test_nothing_in_a_figure_asks_the_network(results):
    assert CONFIG["displaylogo"] is False
    assert not CONFIG.get("plotlyServerURL")
    assert "sendDataToCloud" in CONFIG["modeBarButtonsToRemove"]
    for figure in drawn(results["plain"]):
        assert "http" not in figure.to_json()


# Forest


def test_the_forest_draws_each_effect_with_its_interval_in_points(results):
    result = results["plain"]
    figure = forest(result)
    skewed = next(trace for trace in figure.data if trace.name == "skewed")
    row = result.findings.iloc[0]
    assert skewed.x[0] == pytest.approx(100 * row["effect"])
    assert skewed.x[0] + skewed.error_x.array[0] == pytest.approx(100 * row["high"])
    assert skewed.x[0] - skewed.error_x.arrayminus[0] == pytest.approx(100 * row["low"])
    assert figure.layout.yaxis.ticktext[0] == f"{row['slice']} → <b>{row['emotion']}</b>"
    assert f"n = {row['n']:,}" in skewed.hovertext[0]


def test_the_forest_draws_the_tolerance_as_a_band(results):
    result = results["plain"]
    band = next(shape for shape in forest(result).layout.shapes if shape.type == "rect")
    tolerance = 100 * result.run.config.tolerance
    assert (band.x0, band.x1) == (-tolerance, tolerance)


def test_only_skewed_markers_are_filled(results):
    for kind in KINDS:
        for trace in forest(results[kind]).data:
            assert (trace.marker.symbol == "circle") is (trace.name == "skewed")


def test_the_forest_leaves_out_repeats_and_what_has_no_estimate(results):
    result = results["plain"]
    repeats = result.findings[result.findings["explained_by"].notna()]
    assert len(repeats), "the strong bias repeats inside intersections"
    figure = forest(result, most=10_000)
    names = figure.layout.yaxis.ticktext
    own = result.findings[result.findings["explained_by"].isna() & result.findings["effect"].notna()]
    assert len(names) == len(own)
    assert len(forest(result).layout.yaxis.ticktext) == min(MOST_ROWS, len(own))


def test_a_forest_without_any_estimate_is_empty_and_not_an_error(results):
    assert not forest(results["all too small"]).layout.yaxis.ticktext


# Split into labels and model


def test_the_split_stands_beside_each_skew(results):
    result = results["plain"]
    figure = split(result)
    labels, model = figure.data
    row = result.findings.query("verdict == 'skewed'").iloc[0]
    assert (labels.name, model.name) == ("label gap: the labels differ", "model gap: the model adds")
    assert labels.x[0] == pytest.approx(100 * row["label_gap"])
    assert model.x[0] == pytest.approx(100 * row["model_gap"])
    for trace in figure.data:
        assert (np.asarray(trace.error_x.array) >= 0).all()
        assert (np.asarray(trace.error_x.arrayminus) >= 0).all()


@pytest.mark.parametrize("kind", ["no skew", "no truth"])
def test_there_is_no_split_without_skew_or_without_truth(results, kind):
    assert split(results[kind]) is None


# Heat map


def layers(figure):
    """Colour, undetermined and too-small layers, and the marks over them."""
    grey = [
        trace for trace in figure.data if trace.type == "heatmap" and not trace.showscale and trace.showscale is not None
    ]
    (colour,) = [trace for trace in figure.data if trace.type == "heatmap" and trace.zmin is not None]
    (marks,) = [trace for trace in figure.data if trace.type == "scatter"]
    return colour, grey, marks


@pytest.mark.parametrize("kind", KINDS)
def test_every_cell_is_in_exactly_one_layer_and_its_mark_says_which(results, kind):
    result = results[kind]
    figure = heat_map(result)
    colour, (undetermined, too_small), marks = layers(figure)
    filled = [np.isfinite(np.asarray(layer.z, dtype=float)) for layer in (colour, undetermined, too_small)]
    assert (sum(layer.astype(int) for layer in filled) == 1).all()
    marks = np.asarray(marks.text).reshape(filled[0].shape)
    assert set(marks[filled[1]]) <= {"?"}
    assert set(marks[filled[2]]) <= {"·"}
    assert not {"?", "·"} & set(marks[filled[0]])
    cells = result.findings[result.findings["slice"].isin(result.slices.query("order == 1")["slice"])]
    if len(cells) == filled[0].size:
        counts = [filled[0].sum(), filled[1].sum(), filled[2].sum()]
        verdicts = cells["verdict"]
        assert counts == [
            verdicts.isin(["skewed", "equivalent"]).sum(),
            verdicts.eq("undetermined").sum(),
            verdicts.eq("too small").sum(),
        ]


@pytest.mark.parametrize("kind", ["plain", "many slices", "25 labels", "one slice"])
def test_the_colours_are_centred_on_zero(results, kind):
    for figure in (heat_map(results[kind]), pull(results[kind])):
        (colour,) = [trace for trace in figure.data if trace.type == "heatmap" and trace.zmin is not None]
        assert colour.zmin == -colour.zmax < 0
        assert tuple(colour.colorscale[2]) == (0.5, "#FFFFFF")
        values = np.asarray(colour.z, dtype=float)
        assert np.nanmax(np.abs(values), initial=0) <= colour.zmax
    assert DIVERGING[2] == (0.5, "#FFFFFF")


def test_grey_layers_differ_from_each_other_and_from_zero(results):
    _, grey, _ = layers(heat_map(results["plain"]))
    shades = [layer.colorscale[0][1] for layer in grey]
    assert len({*shades, DIVERGING[2][1]}) == 3


def test_the_heat_map_holds_the_effects_in_points_where_the_axes_say(results):
    result = results["plain"]
    figure = heat_map(result)
    colour, _, marks = layers(figure)
    row = result.findings[result.findings["where"].map(len) == 1].iloc[0]
    at = list(figure.layout.yaxis.ticktext).index(row["slice"]), list(colour.x).index(row["emotion"])
    assert np.asarray(colour.z)[at] == pytest.approx(100 * row["effect"])
    assert np.asarray(marks.text).reshape(np.shape(colour.z))[at] == f"{100 * row['effect']:+.0f}".replace("-", "−")


def test_too_many_slices_are_cut_to_the_most_different_ones(results):
    result = results["many slices"]
    names = heat_map(result).layout.yaxis.ticktext
    assert len(names) == MOST_SLICES < len(result.slices.query("order == 1"))
    cells = result.findings[result.findings["where"].map(len) == 1]
    strongest = cells.loc[cells["effect"].abs().idxmax(), "slice"]
    assert strongest in names
    assert len(heat_map(result, most=5).layout.yaxis.ticktext) == 5


def test_slices_without_any_estimate_are_drawn_grey(results):
    colour, _, _ = layers(heat_map(results["more tiny slices than are drawn"]))
    assert np.shape(colour.z) == (MOST_SLICES, 6)
    assert np.isnan(np.asarray(colour.z, dtype=float)).all()


def test_an_order_without_slices_has_no_heat_map(results):
    assert heat_map(results["all too small"], order=2) is None


def test_labels_of_all_emotions_are_on_the_axis_in_the_order_of_the_taxonomy(results):
    assert tuple(layers(heat_map(results["25 labels"]))[0].x) == TWENTY_FIVE


def test_two_attributes_that_read_the_same_are_refused():
    table = (
        predictions_table(400).rename(columns={"place": "light_tone"}).assign(**{"light tone": lambda t: t["light_tone"]})
    )
    with pytest.raises(ValueError, match="'light_tone' and 'light tone' have the same name in words"):
        audited(table, **CELLS)


# Distances


def test_pull_is_written_only_where_its_interval_excludes_zero(results):
    result = results["plain"]
    figure = pull(result)
    (heat,) = figure.data
    cells = result.structure.set_index(["slice", "emotion"])
    sure = (cells["difference_low"] > 0) | (cells["difference_high"] < 0)
    for y, name in enumerate(figure.layout.yaxis.ticktext):
        for x, emotion in enumerate(heat.x):
            assert bool(heat.text[y][x]) is bool(sure[name, emotion])
            assert heat.z[y][x] == pytest.approx(100 * cells.loc[(name, emotion), "pull"])
    assert sure.any()
    assert not sure.all()


def test_label_only_predictions_have_no_distances_and_no_map(results):
    result = results["labels only"]
    assert pull(result) is None
    assert picture_map(result) is None
    assert heat_map(result) is not None


def test_pull_leaves_out_slices_that_are_too_small(results):
    assert pull(results["all too small"]) is None


# Map


def pictures(figure):
    return [trace for trace in figure.data if trace.name != "label anchors"]


def test_the_map_shows_every_picture_once_and_carries_its_id(demo_result):
    for colour in colourings(demo_result):
        figure = picture_map(demo_result, colour=colour)
        ids = [identity for trace in pictures(figure) for (identity,) in trace.customdata]
        assert sorted(ids) == sorted(demo_result.samples["image_id"]), colour


def test_an_id_on_the_map_is_at_its_own_place(demo_result):
    samples = demo_result.samples.set_index("image_id")
    for trace in pictures(picture_map(demo_result, colour="setting")):
        places = samples.loc[[identity for (identity,) in trace.customdata]]
        np.testing.assert_allclose(np.asarray(trace.x, dtype=float), places["audit_x"], atol=6e-4)
        np.testing.assert_allclose(np.asarray(trace.y, dtype=float), places["audit_y"], atol=6e-4)
        assert (places["setting"] == trace.name).all()


def test_anchors_are_named_on_the_map_and_no_selection_can_take_one_for_a_picture(demo_result):
    figure = picture_map(demo_result)
    (anchors,) = [trace for trace in figure.data if trace.name == "label anchors"]
    names = [note.text.removeprefix("<b>").removesuffix("</b>") for note in figure.layout.annotations]
    assert names == list(demo_result.taxonomy.labels)
    assert [(note.x, note.y) for note in figure.layout.annotations] == list(zip(anchors.x, anchors.y, strict=True))
    assert anchors.customdata is None


def test_anchors_stand_among_the_pictures_that_are_read_as_their_label(demo_result):
    """Mapped like pictures they all fell on one spot; now each has a place of its own."""
    centres = demo_result.samples.groupby("predicted")[["audit_x", "audit_y"]].median()
    (anchors,) = [trace for trace in picture_map(demo_result).data if trace.name == "label anchors"]
    for label, *place in zip(demo_result.taxonomy.labels, anchors.x, anchors.y, strict=True):
        distance = np.hypot(*(centres - place).to_numpy().T)
        assert centres.index[distance.argmin()] == label


def test_predictions_keep_their_colour_when_a_label_is_missing(demo_result):
    """A legend in the taxonomy's order, whatever is most frequent."""
    names = [trace.name for trace in pictures(picture_map(demo_result))]
    assert names == [label for label in demo_result.taxonomy.labels if label in names]


def test_error_is_right_or_wrong_or_not_known(results):
    table = predictions_table(200, bias=0.9)
    table["label"] = table["label"].where(np.arange(200) >= 20)
    result = with_map(audited(table, **CELLS))
    groups = {trace.name: len(trace.x) for trace in picture_map(result, colour=ERROR).data}
    right = (table["label"] == table["predicted"]).sum()
    assert groups == {"agrees with the truth": right, "disagrees with the truth": 180 - right, "no label": 20}
    assert ERROR not in colourings(results["no truth"])


def test_numbers_are_coloured_by_a_scale_and_few_values_by_groups():
    table = predictions_table(200).assign(valence=np.linspace(1, 9, 200), stars=np.arange(200) % 3)
    result = with_map(audited(table, **CELLS))
    assert len(picture_map(result, colour="valence").data) == 1
    assert picture_map(result, colour=MARGIN).data[0].marker.colorscale is not None
    assert len(picture_map(result, colour="stars").data) == 3


def test_many_values_are_told_apart_by_colour_and_symbol_and_the_rest_is_one_group():
    table = predictions_table(900, attributes={"place": tuple(f"place {number:02d}" for number in range(40))})
    figure = picture_map(with_map(audited(table, **CELLS)), colour="place")
    assert [trace.name for trace in figure.data][-1] == "16 other values"
    looks = [(trace.marker.color, trace.marker.symbol) for trace in figure.data[:-1]]
    assert len(set(looks)) == len(looks) == 24


def test_missing_values_are_a_group_of_their_own():
    table = predictions_table(200, attributes={"tone": ("dark", "light", None)})
    names = {trace.name for trace in picture_map(with_map(audited(table, **CELLS)), colour="tone").data}
    assert names == {"dark", "light", "not known"}


def test_a_large_map_is_drawn_with_webgl_and_a_small_one_prints(monkeypatch, results):
    assert {trace.type for trace in picture_map(results["plain"]).data} == {"scatter"}
    monkeypatch.setattr(map_figure, "MOST_AS_SVG", 100)
    assert "scattergl" in {trace.type for trace in picture_map(results["plain"]).data}


def test_a_sample_of_the_map_is_always_the_same_one(demo_result):
    def ids():
        return [identity for trace in pictures(picture_map(demo_result, most=50)) for (identity,) in trace.customdata]

    assert len(ids()) == 50
    assert ids() == ids()
    assert set(ids()) <= set(demo_result.samples["image_id"])


def test_pictures_that_are_not_on_the_map_are_not_drawn(demo_result):
    partly = demo_result.samples.assign(audit_x=demo_result.samples["audit_x"].where(np.arange(2_500) < 700))
    figure = picture_map(replace(demo_result, samples=partly))
    assert sum(len(trace.x) for trace in pictures(figure)) == 700


def test_emotions_differ_in_shape_and_each_is_named_at_its_place(results):
    """Also where there are no anchors: a map of scores."""
    result = with_map(results["plain"])
    figure = picture_map(result)
    shapes = [trace.marker.symbol for trace in figure.data]
    assert len(set(shapes)) == len(shapes) == result.samples["predicted"].nunique()
    middle = result.samples.groupby("predicted")[["audit_x", "audit_y"]].median()
    named = {note.text: (note.x, note.y) for note in figure.layout.annotations}
    assert named == {f"<b>{label}</b>": pytest.approx(tuple(place)) for label, place in middle.T.items()}


def test_more_pictures_than_points_are_a_density_with_the_slice_on_top(monkeypatch, results):
    result = with_map(results["plain"])
    n, tone = len(result.samples), (result.samples["tone"] == "dark").to_numpy()
    monkeypatch.setattr(map_figure, "MOST_POINTS", n)
    assert {trace.type for trace in picture_map(result).data} == {"scatter"}
    monkeypatch.setattr(map_figure, "MOST_POINTS", n - 1)
    (density,) = picture_map(result).data
    assert density.type == "heatmap"
    counts = np.nan_to_num(10 ** np.asarray(density.z, dtype=float))
    assert counts.sum() == pytest.approx(n, rel=0.02)  # its logarithm is rounded
    x, y = result.samples[["audit_x", "audit_y"]].to_numpy()[int(np.argmax(result.samples["audit_x"]))]
    row, column = np.abs(np.asarray(density.y) - y).argmin(), np.abs(np.asarray(density.x) - x).argmin()
    assert counts[row, column] >= 1
    _, *points_of = picture_map(result, on_top=tone).data
    ids = [identity for trace in points_of for (identity,) in trace.customdata]
    assert sorted(ids) == sorted(result.samples["image_id"][tone])
    monkeypatch.setattr(map_figure, "MOST_POINTS", int(tone.sum()) - 1)
    (alone,) = picture_map(result, on_top=tone).data  # the slice's own density
    assert np.nan_to_num(10 ** np.asarray(alone.z, dtype=float)).sum() == pytest.approx(tone.sum(), rel=0.02)


def test_a_chosen_slice_stands_before_the_others_in_grey(results):
    result = with_map(results["plain"])
    tone = (result.samples["tone"] == "dark").to_numpy()
    behind, *coloured = picture_map(result, on_top=tone).data
    assert behind.name == "other pictures"
    assert len(behind.x) == (~tone).sum()
    assert sum(len(trace.x) for trace in coloured) == tone.sum()
    assert sum(len(trace.x) for trace in picture_map(result, among=tone).data) == tone.sum()


def test_what_is_said_of_a_picture_is_what_its_caption_says(demo_result, results):
    for result in (demo_result, with_map(results["plain"]), with_map(results["no truth"])):
        rows = result.samples.set_index("image_id")
        for trace in pictures(picture_map(result)):
            for (identity,), text in zip(trace.customdata, trace.text, strict=True):
                assert text == f"{identity}<br>{caption(rows.loc[identity])}"


@pytest.mark.parametrize(("trust", "shown"), [(0.749, False), (0.75, True), (None, True)])
def test_a_map_that_calls_itself_meaningless_is_a_sentence(results, trust, shown):
    result = with_map(results["plain"])
    result = replace(result, run=replace(result.run, map={**result.run.map, "trustworthiness": trust}))
    assert (picture_map(result) is not None) == shown
    assert ("would mean nothing" in map_badge(result.run.map, len(result.samples))) != shown


# Text in figures


def test_data_cannot_format_a_figure(results):
    """Plotly renders tags in its texts: the only ones there are ours."""
    for figure in drawn(results["hostile"]):
        for text in texts(figure):
            bare = text.replace("<b>", "").replace("</b>", "").replace("<br>", "").replace("<extra></extra>", "")
            assert "<" not in bare, text


def test_names_are_cut_and_safe():
    assert short("a" * 100, 10) == "a" * 9 + "…"
    assert short("<i>") == "&lt;i&gt;"
    assert len(short("&" * 46)) == 46 * len("&amp;")
    assert safe("</script>") == "&lt;/script&gt;"


def test_long_names_are_cut_so_that_there_is_room_for_the_figure():
    long = {"an attribute with a very long name indeed": tuple(letter * 200 for letter in "ab")}
    for figure in drawn(with_map(audited(predictions_table(300, attributes=long), **CELLS))):
        for name in figure.layout.yaxis.ticktext or ():
            assert len(name.split(" → ")[0]) <= 46


def test_labels_are_safe_too():
    labels = ("<i>joy</i>", '<a href="http://example.org">fear</a>', "anger")
    for figure in drawn(with_map(audited(predictions_table(300, labels=labels), **CELLS))):
        for text in texts(figure):
            assert "<i>" not in text
            assert "<a " not in text


def test_the_module_names_what_it_draws():
    assert isinstance(blank(height=200), go.Figure)
    assert pd.Series(VERDICT_COLOURS).is_unique
