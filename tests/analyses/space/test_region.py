"""Which places lie in a region: as Plotly and a written-out ray say, whatever the shape."""

from __future__ import annotations

import numpy as np
import pytest

from affect_workbench.analyses.space.geometry.region import Region


def inside(polygon, x, y):
    """One place, one polygon, edge by edge."""
    odd = False
    for at in range(len(polygon)):
        (x0, y0), (x1, y1) = polygon[at], polygon[(at + 1) % len(polygon)]
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            odd = not odd
    return odd


@pytest.mark.parametrize("corners", [3, 4, 9, 60])
def test_any_polygon_holds_what_a_ray_says(corners):
    """Corners at random cross each other, too; places on a grid share their heights with corners and with each other."""
    rng = np.random.default_rng(corners)
    polygon = rng.integers(-6, 7, size=(corners, 2)).astype(float)
    places = np.vstack([rng.integers(-8, 9, size=(300, 2)), rng.normal(size=(300, 2)) * 4])
    found = Region.of([(polygon[:, 0], polygon[:, 1])]).holds(places)
    assert found.tolist() == [inside(polygon.tolist(), x, y) for x, y in places]
    assert 0 < found.sum() < len(places)


def test_several_polygons_are_one_region_and_what_is_not_on_the_map_is_in_none():
    square = ([0, 1, 1, 0], [0, 0, 1, 1])
    region = Region.of([square, ([2, 3, 3, 2], [0, 0, 1, 1]), square])
    places = np.array([[0.5, 0.5], [2.5, 0.5], [1.5, 0.5], [np.nan, np.nan]])
    assert region.holds(places).tolist() == [True, True, False, False]


@pytest.mark.parametrize("outline", [([0, 1], [0, 1]), ([0, 1, np.nan], [0, 1, 0])])
def test_what_is_no_region_is_refused(outline):
    with pytest.raises(ValueError, match=r"three corners|not finite"):
        Region.of([outline])
