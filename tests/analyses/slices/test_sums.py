"""Is the fast count of every slice the same as a boolean mask for each, complements and exclusions included?"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attribute
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.sums import CodedColumns, group_sums, slice_sums


def attributes_of(rows: pd.DataFrame) -> list[CodedAttribute]:
    return [coded_attribute(rows[name]) for name in rows if rows[name].nunique() > 1]


def table(n: int, seed: int, *, missing: bool) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            name: np.array([*values], dtype=object)[rng.integers(len(values), size=n)]
            for name, values in zip("abc", ("xyz", "uv", "rstw"), strict=True)
        }
    )
    rows["d"] = rng.normal(size=n)
    if missing:
        rows = rows.mask(rng.random(rows.shape) < 0.2)
    return rows, np.hstack([np.ones((n, 1)), rng.normal(size=(n, 4))])


@pytest.mark.parametrize(("n", "order", "missing"), [(2, 2, False), (17, 3, True), (101, 2, True), (1_000, 3, True)])
def test_sums_are_those_of_boolean_masks(n: int, order: int, missing: bool) -> None:
    rows, columns = table(n, seed=n, missing=missing)
    sums = slice_sums(attributes_of(rows), columns, order=order, min_count=3)
    assert len({spec.name for spec in sums.specs}) == len(sums.specs)
    for spec, inside, outside in zip(sums.specs, sums.inside, sums.outside, strict=True):
        mask, universe = spec.mask(rows), spec.universe(rows)
        np.testing.assert_allclose(inside, columns[mask].sum(axis=0), atol=1e-9)
        np.testing.assert_allclose(outside, columns[universe & ~mask].sum(axis=0), atol=1e-9)
        assert inside[0] == mask.sum()


def every_slice(attributes: list[CodedAttribute], order: int) -> list[SliceSpec]:
    return [
        SliceSpec(conditions)
        for size in range(1, order + 1)
        for family in itertools.combinations(attributes, size)
        for conditions in itertools.product(*(attribute.conditions for attribute in family))
    ]


def expected_exclusions(rows: pd.DataFrame, attributes: list[CodedAttribute], order: int, min_count: int) -> dict[str, int]:
    """Intersections that hold a picture but too few, or the same ones as a slice with one condition fewer."""
    excluded = {}
    for spec in every_slice(attributes, order):
        mask = spec.mask(rows)
        parents = [SliceSpec(spec.conditions[:at] + spec.conditions[at + 1 :]) for at in range(spec.order)]
        same = any((parent.mask(rows) == mask).all() for parent in parents)
        if spec.order > 1 and mask.any() and (mask.sum() < min_count or same):
            excluded[spec.name] = int(mask.sum())
    return excluded


@pytest.mark.parametrize("missing", [False, True])
def test_every_slice_is_counted_or_listed_with_its_size(missing: bool) -> None:
    rows, columns = table(150, seed=3, missing=missing)
    rows["e"] = np.where(rows["a"] == "x", "only x", rows["b"])  # "only x" is a: x under another name
    rows.loc[rows["a"].isna(), "e"] = "unknown"
    attributes = attributes_of(rows)
    sums = slice_sums(attributes, columns, order=3, min_count=8)
    expected = expected_exclusions(rows, attributes, 3, 8)
    assert dict(zip(sums.excluded["slice"], sums.excluded["n"], strict=True)) == expected
    counted = {spec.name for spec in every_slice(attributes, 3) if spec.order == 1 or spec.mask(rows).any()}
    assert {spec.name for spec in sums.specs} == counted - set(expected)
    assert sums.excluded["reason"].str.contains("fewer than 8 pictures|the same pictures as ").all()
    assert any(reason.startswith("the same pictures as") for reason in sums.excluded["reason"])


def test_an_intersection_is_not_its_parent_when_the_parent_holds_more_pictures() -> None:
    """Of 60 pictures with a = x only 10 have a known b, all u: `a: x and b: u` is a tenth of the pictures, not `a: x`."""
    a = ["x"] * 60 + ["y"] * 40
    b = ["u"] * 10 + [None] * 50 + ["u", "v"] * 20
    rows = pd.DataFrame({"a": a, "b": pd.Series(b, dtype=object)})
    sums = slice_sums(attributes_of(rows), np.ones((100, 1)), min_count=5)
    names = {spec.name: int(inside[0]) for spec, inside in zip(sums.specs, sums.inside, strict=True)}
    assert names["a: x"] == 60
    assert names["a: x and b: u"] == 10


def test_slices_of_one_condition_are_always_counted() -> None:
    rows = pd.DataFrame({"a": ["x", *["y"] * 9]})
    sums = slice_sums(attributes_of(rows), np.ones((10, 1)), min_count=5)
    assert [spec.name for spec in sums.specs] == ["a: x", "a: y"]
    assert np.hstack([sums.inside, sums.outside]).tolist() == [[1, 9], [9, 1]]
    assert sums.excluded.empty


@given(st.lists(st.integers(-1, 5), max_size=60), st.integers(0, 60))
def test_group_sums_add_up_over_parts_and_leave_out_the_unknown(codes: list[int], cut: int) -> None:
    known, columns = np.array(codes, dtype=np.int64), np.random.default_rng(len(codes)).normal(size=(len(codes), 3))
    whole = group_sums(known, 6, columns)
    np.testing.assert_allclose(
        whole, group_sums(known[:cut], 6, columns[:cut]) + group_sums(known[cut:], 6, columns[cut:]), atol=1e-12
    )
    for group in range(6):
        np.testing.assert_allclose(whole[group], columns[known == group].sum(axis=0), atol=1e-12)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("codes", [3, 4_000])
def test_columns_that_follow_from_a_code_sum_as_if_they_were_written_out(missing: bool, codes: int, monkeypatch) -> None:
    """In parts of a few pictures, with few codes (counted) and with more than a family can count (added up)."""
    monkeypatch.setattr("affect_workbench.analyses.slices.sums._PART", 64)
    monkeypatch.setattr("affect_workbench.analyses.slices.sums._MOST_SUMS", 500)
    rows, columns = table(1_000, seed=5, missing=missing)
    rng = np.random.default_rng(0)
    code, of_code = rng.integers(codes, size=1_000), np.hstack([np.ones((codes, 1)), rng.normal(size=(codes, 3))])
    coded = CodedColumns(code, of_code, columns[:, 1:])
    written_out = np.hstack([of_code[code], columns[:, 1:]])
    fast, plain = (slice_sums(attributes_of(rows), one, order=3, beside=4) for one in (coded, written_out))
    assert fast.specs == plain.specs
    for one, other in (
        (fast.inside, plain.inside),
        (fast.outside, plain.outside),
        (fast.splits.beside, plain.splits.beside),
    ):
        np.testing.assert_allclose(one, other, atol=1e-9)
    np.testing.assert_array_equal(coded.column(slice(1, 3)), written_out[:, 1:3])
    np.testing.assert_array_equal(coded.column(slice(5, 6)), written_out[:, 5:6])
    with pytest.raises(ValueError, match="columns 3 to 5 lie on both sides of 4"):
        coded.column(slice(3, 5))


def test_without_attributes_there_are_no_slices_and_their_sums_are_empty() -> None:
    sums = slice_sums([], np.ones((5, 3)))
    assert (sums.specs, sums.inside.shape, sums.outside.shape) == ((), (0, 3), (0, 3))
