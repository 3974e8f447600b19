"""Do the calibration figures show the numbers of their tables, all of them that can be told, and nothing else?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from affect_workbench.probes.evaluation.calibration import coverage_curve, reliability
from affect_workbench.workbench.interface.style import PALETTE
from affect_workbench.workbench.report.figures.calibration import (
    FEWEST,
    MOST_POINTS,
    coverage_figure,
    reliability_figure,
    thinned,
)
from answered_pictures import world
from workbench_runs import HOSTILE


@pytest.fixture(scope="module")
def said() -> tuple[np.ndarray, np.ndarray]:
    cosines, codes = world(3_000)
    return softmax(cosines / 0.07, axis=1), codes


def tables(said: tuple[np.ndarray, np.ndarray]) -> tuple[pd.DataFrame, pd.DataFrame]:
    return reliability(*said), coverage_curve(*said)


def test_the_reliability_figure_shows_every_bin_with_its_interval(said) -> None:
    table, _ = tables(said)
    line, curve = reliability_figure({"probe": table}).data
    np.testing.assert_array_equal(line.x, line.y)
    np.testing.assert_allclose(curve.x, 100 * table["confidence"])
    np.testing.assert_allclose(curve.y, 100 * table["accuracy"])
    np.testing.assert_allclose(np.add(curve.y, curve.error_y.array), 100 * table["high"])
    np.testing.assert_allclose(np.subtract(curve.y, curve.error_y.arrayminus), 100 * table["low"], atol=1e-9)
    assert f"{table['n'][0]:,} pictures" in curve.hovertext[0]
    assert (line.name, curve.name) == ("confidence = accuracy", "probe")


def test_all_that_is_drawn_lies_inside_the_axes(said) -> None:
    for part in (said, (np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([1, 0]))):
        table = reliability(*part)
        figure = reliability_figure({"probe": table})
        low, high = figure.layout.yaxis.range
        assert low <= 100 * table["low"].min() <= 100 * table["high"].max() <= high
        low, high = figure.layout.xaxis.range
        assert low <= 100 * table["confidence"].min() <= 100 * table["confidence"].max() <= high


def test_the_coverage_figure_is_the_curve_thinned_with_its_band(said) -> None:
    _, curve = tables(said)
    band, line = coverage_figure({"probe": curve}).data
    assert len(curve) > MOST_POINTS
    assert MOST_POINTS / 2 < len(line.x) <= MOST_POINTS
    assert (line.x[-1], line.y[-1]) == (100, pytest.approx(100 * curve["accuracy"].iloc[-1]))
    shown = curve[curve["n"].isin(np.rint(np.asarray(line.x) * 30).astype(int))]
    np.testing.assert_allclose(line.x, 100 * shown["coverage"])
    np.testing.assert_allclose(line.y, 100 * shown["accuracy"])
    n = len(line.x)
    np.testing.assert_allclose(band.y[:n], 100 * shown["high"])
    np.testing.assert_allclose(band.y[n:][::-1], 100 * shown["low"])
    assert shown["n"].min() == FEWEST
    assert "coverage 100.0 % (3,000 answered)" in line.hovertext[-1]


@pytest.mark.parametrize("n", [1, 3, 12, 399])
def test_few_pictures_are_drawn_too(said, n: int) -> None:
    curve = coverage_curve(said[0][:n], said[1][:n])
    _, line = coverage_figure({"probe": curve}).data
    assert len(line.x) == max(1, n - FEWEST + 1)
    assert len(reliability_figure({"probe": reliability(said[0][:n], said[1][:n])}).data[1].x) == min(n, 15)


def test_a_ring_stands_where_the_probe_would_abstain(said) -> None:
    _, curve = tables(said)
    row = curve.iloc[1_200]
    ring = coverage_figure({"probe": curve, "other": curve}, threshold=row["threshold"]).data[-1]
    assert (list(ring.x), list(ring.y)) == ([100 * row["coverage"]], [100 * row["accuracy"]])
    assert ring.name == f"answered: confidence ≥ {100 * row['threshold']:.1f} %"
    assert not len(coverage_figure({"probe": curve}, threshold=1.01).data[-1].x)


def test_a_thinned_curve_draws_alike_and_keeps_the_threshold(said) -> None:
    _, curve = tables(said)
    for place in (0, 1_201, len(curve) - 1):
        threshold = curve["threshold"].iloc[place]
        part = thinned(curve, threshold=threshold)
        assert len(part) <= MOST_POINTS
        (kept,) = part[part["threshold"] == threshold].to_dict("records")
        assert kept == curve.iloc[place].to_dict()
        assert part["threshold"].is_monotonic_decreasing
        assert part["coverage"].iloc[-1] == 1
        ring = coverage_figure({"probe": part}, threshold=threshold).data[-1]
        assert list(ring.x) == [100 * curve["coverage"].iloc[place]]
    pd.testing.assert_frame_equal(thinned(thinned(curve)), thinned(curve))


def test_several_are_told_apart_without_colour(said) -> None:
    table, curve = tables(said)
    names = [f"model {number}" for number in range(len(PALETTE))]
    marks = {trace.marker.symbol for trace in reliability_figure(dict.fromkeys(names, table)).data[1:]}
    assert len(marks) == len(names)
    lines = coverage_figure(dict.fromkeys(names[:6], curve)).data[1::2]
    assert len({trace.line.dash for trace in lines}) == 6
    for draw, given in ((reliability_figure, table), (coverage_figure, curve)):
        for wrong in ({}, dict.fromkeys(map(str, range(9)), given)):
            with pytest.raises(ValueError, match=rf"{len(wrong)} curves were given: between 1 and 8"):
                draw(wrong)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_cannot_format_anything(said, name: str) -> None:
    table, curve = tables(said)
    for trace in (reliability_figure({name: table}).data[1], coverage_figure({name: curve}).data[1]):
        assert "<" not in trace.name
        assert trace.hovertext[0].replace("<b>", "").replace("</b>", "").replace("<br>", "").count("<") == 0
