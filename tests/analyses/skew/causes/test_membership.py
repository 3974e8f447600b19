"""Who is in which slice is what a mask says, with missing values too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.skew.causes.membership import Membership
from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.sums import CodedColumns, slice_sums


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({name: rng.choice([*values], 400) for name, values in zip("abc", ("xyz", "uv", "rst"), strict=True)})
    rows = rows.astype(object).mask(rng.random(rows.shape) < 0.15)
    rows["d"] = rng.normal(size=400)
    coded = [coded_attribute(rows[name]) for name in rows]
    columns = CodedColumns(rng.integers(3, size=400), rng.normal(size=(3, 2)), rng.normal(size=(400, 1)))
    specs = slice_sums(coded, columns, order=2, min_count=10).specs
    return rows, Membership.of(coded, specs), columns


def plain(columns):
    return np.hstack([columns.of_code[columns.codes], columns.rest])


def test_sums_and_masks_are_those_of_the_slices_themselves(table):
    rows, membership, columns = table
    inside, outside = membership.both(columns)
    for at, spec in enumerate(membership.specs):
        mask = np.asarray(spec.mask(rows), dtype=bool)
        np.testing.assert_array_equal(membership.mask(at), mask)
        known = np.array([rows[one.column].notna() for one in spec.conditions])
        fits = np.array([np.asarray(SliceSpec((one,)).mask(rows), dtype=bool) for one in spec.conditions])
        np.testing.assert_array_equal(membership.unknown(at), (fits | ~known).all(axis=0) & ~known.all(axis=0))
        np.testing.assert_allclose(inside[at], plain(columns)[mask].sum(axis=0), atol=1e-9)
        np.testing.assert_allclose(outside[at], plain(columns)[spec.universe(rows) & ~mask].sum(axis=0), atol=1e-9)
    np.testing.assert_array_equal(membership.sums(columns), inside)


def test_some_slices_and_some_pictures_are_those_of_all(table):
    _, membership, columns = table
    chosen = np.array([7, 0, len(membership.specs) - 1])
    fewer = membership.only(chosen)
    assert fewer.specs == tuple(membership.specs[at] for at in chosen)
    np.testing.assert_allclose(fewer.sums(columns), membership.sums(columns)[chosen])
    np.testing.assert_array_equal(fewer.mask(1), membership.mask(0))
    pictures = np.arange(0, 400, 3)
    some = membership.among(pictures)
    for at in chosen:
        np.testing.assert_array_equal(some.mask(at), membership.mask(at)[pictures])


def test_a_slice_that_is_none_of_them_is_refused(table):
    _, membership, _ = table
    with pytest.raises(ValueError, match=r"slice 1000 is none of these"):
        membership.mask(1000)
