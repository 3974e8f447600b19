"""Is a slice the same pictures as a mask, as codes, as JSON and as its name in words?"""

from __future__ import annotations

import datetime
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_workbench.analyses.disparities.numbers import numeric_table
from affect_workbench.analyses.slices.attribute_kinds import FEW_VALUES
from affect_workbench.analyses.slices.coding import MOST_VALUES, CodedAttribute, coded_attribute, coded_attributes
from affect_workbench.analyses.slices.conditions import Condition, SliceSpec, in_words
from sliced_pictures import sliced_rows

WORDS = st.one_of(st.none(), st.sampled_from(["dark", "light", "Über", "yes", ""]))
NUMBERS = st.one_of(st.none(), st.floats(-1e6, 1e6, width=32), st.integers(-3, 3).map(float))
FEW = st.one_of(st.none(), st.integers(-2, 2))
FLAGS = st.one_of(st.none(), st.booleans())


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(2, 40))
    columns = {"tone": WORDS, "valence": NUMBERS, "faces": FEW, "old": FLAGS}
    drawn = {name: draw(st.lists(values, min_size=n, max_size=n)) for name, values in columns.items()}
    types = {"tone": object, "valence": float, "faces": draw(st.sampled_from(["Int64", float])), "old": "boolean"}
    return pd.DataFrame({name: pd.Series(values, dtype=types[name]) for name, values in drawn.items()})


def coded(rows: pd.DataFrame, bins: int = 4) -> list[CodedAttribute]:
    return [coded_attribute(rows[name], bins=bins) for name in rows if rows[name].nunique() > 1]


@given(tables(), st.integers(2, 9))
def test_codes_are_the_masks_of_the_conditions_and_missing_is_in_none(rows: pd.DataFrame, bins: int) -> None:
    for attribute in coded(rows, bins):
        for code, condition in enumerate(attribute.conditions):
            np.testing.assert_array_equal(condition.mask(rows), attribute.codes == code)
            assert (attribute.codes == code).any()
        np.testing.assert_array_equal(attribute.codes < 0, rows[attribute.column].isna())
        assert attribute.missing == rows[attribute.column].isna().sum()


@given(tables(), st.data())
def test_slices_survive_json_and_keep_their_pictures_and_name(rows: pd.DataFrame, data: st.DataObject) -> None:
    attributes = data.draw(st.permutations(coded(rows)))[:3]
    spec = SliceSpec(tuple(data.draw(st.sampled_from(attribute.conditions)) for attribute in attributes))
    again = SliceSpec.from_json(json.loads(json.dumps(spec.as_json())))
    assert (again, again.name, again.order) == (spec, spec.name, len(attributes))
    np.testing.assert_array_equal(again.mask(rows), spec.mask(rows))


@given(tables())
def test_values_of_an_attribute_divide_the_pictures_that_have_one(rows: pd.DataFrame) -> None:
    for attribute in coded(rows):
        masks = [SliceSpec((condition,)).mask(rows) for condition in attribute.conditions]
        universe = SliceSpec((attribute.conditions[0],)).universe(rows)
        np.testing.assert_array_equal(np.sum(masks, axis=0), universe.astype(int))


@given(tables(), st.data())
def test_a_slice_lies_in_its_universe_and_a_conjunction_in_its_parts(rows: pd.DataFrame, data: st.DataObject) -> None:
    conditions = [data.draw(st.sampled_from(attribute.conditions)) for attribute in coded(rows)]
    whole = SliceSpec(tuple(conditions))
    assert not (whole.mask(rows) & ~whole.universe(rows)).any()
    parts = [SliceSpec((condition,)).mask(rows) for condition in conditions]
    np.testing.assert_array_equal(whole.mask(rows), np.all(parts, axis=0) if parts else np.ones(len(rows), dtype=bool))


def test_no_condition_is_all_pictures() -> None:
    everything, rows = SliceSpec(()), pd.DataFrame({"tone": ["dark", None]})
    assert everything.name == "all pictures"
    assert everything.mask(rows).all()
    assert everything.universe(rows).all()


def test_names_say_the_rule() -> None:
    spec = SliceSpec((Condition("figure_tone", "dark"), Condition("valence", above=2.9, up_to=4.37), Condition("old", True)))
    assert spec.name == "figure tone: dark and valence: above 2.9, up to 4.37 and old: yes"
    assert spec.as_json() == {"figure_tone": "dark", "valence": {"above": 2.9, "up_to": 4.37}, "old": True}
    assert [in_words(value) for value in (False, np.True_, 2.0, 0.25, 3, "x")] == ["no", "yes", "2", "0.25", "3", "x"]


def test_a_range_holds_its_upper_end_only() -> None:
    rows = pd.DataFrame({"v": [1.0, 2.0, 3.0, None]})
    assert Condition("v", above=1, up_to=2).mask(rows).tolist() == [False, True, False, False]
    assert Condition("v", above=2).mask(rows).tolist() == [False, False, True, False]
    assert Condition("v", up_to=2).mask(rows).tolist() == [True, True, False, False]


@pytest.mark.parametrize("bins", [2, 4, 10])
def test_quantile_bins_are_about_equally_full(bins: int) -> None:
    attribute = coded_attribute(pd.Series(np.random.default_rng(0).normal(size=1_000), name="v"), bins=bins)
    sizes = np.bincount(attribute.codes)
    assert len(sizes) == bins
    assert np.ptp(sizes) <= 20


def test_few_numbers_are_sliced_one_by_one() -> None:
    few = coded_attribute(pd.Series([*range(FEW_VALUES)], name="v"))
    many = coded_attribute(pd.Series([*range(FEW_VALUES + 1)], name="v"))
    assert [condition.value for condition in few.conditions] == [*range(FEW_VALUES)]
    assert len(many.conditions) == 4


@pytest.mark.parametrize("bottom", [True, False], ids=["most at the bottom", "most at the top"])
def test_numbers_that_are_mostly_one_value_still_make_two_slices(bottom: bool) -> None:
    numbers = np.array([*range(1, 30), *[0 if bottom else 100] * 1_000], dtype=float)
    rows = pd.DataFrame({"v": numbers})
    attribute = coded_attribute(rows["v"])
    assert [int(condition.mask(rows).sum()) for condition in attribute.conditions] == (
        [1_000, 29] if bottom else [29, 1_000]
    )


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param(1.6e9 + np.arange(30) * 3.7, id="time stamps"),
        pytest.param(np.array([1_234_567.0, 1_234_568.0] * 4), id="post codes beside a missing one"),
        pytest.param(1 + np.arange(30) * 1e-9, id="a narrow range"),
    ],
)
def test_different_slices_have_different_names(numbers: np.ndarray) -> None:
    names = [condition.name for condition in coded_attribute(pd.Series(numbers, name="v")).conditions]
    assert len(set(names)) == len(names)


def test_dates_are_in_the_slice_that_bears_their_name() -> None:
    rows = pd.DataFrame({"day": pd.Series([datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)] * 2, dtype=object)})
    attribute = coded_attribute(rows["day"])
    assert [condition.mask(rows).tolist() for condition in attribute.conditions] == [[True, False] * 2, [False, True] * 2]


def test_attributes_are_chosen_by_name_or_all_that_can_be_sliced() -> None:
    n = MOST_VALUES + 1
    rows = pd.DataFrame({"tone": ["dark", "light", *["dark"] * (n - 2)], "one": "x", "file": [f"f{i}" for i in range(n)]})
    rows["empty"] = None
    available = list(rows)
    usable, unusable = coded_attributes(rows, None, available=available)
    assert [attribute.column for attribute in usable] == ["tone"]
    reasons = dict(unusable)
    assert list(reasons) == ["one", "file", "empty"]
    assert reasons["one"].startswith(f"it has one value ('x') in {n} picture{'s' * (n > 1)}")
    assert reasons["file"] == "101 different values, more than 100: name it to slice by it anyway"
    assert reasons["empty"].startswith("it has no value at all")
    assert [attribute.column for attribute in coded_attributes(rows, ["file", "tone", "file"], available=available)[0]] == [
        "file",
        "tone",
    ]


def test_a_column_of_lists_is_unusable_not_fatal() -> None:
    rows = pd.DataFrame({"tone": ["dark", "light"], "objects": [["cat"], ["dog", "cat"]]})
    usable, unusable = coded_attributes(rows, None, available=list(rows))
    assert ([attribute.column for attribute in usable], [name for name, _ in unusable]) == (["tone"], ["objects"])


def test_malformed_slices_are_refused() -> None:
    for wrong in ({}, {"value": 1, "above": 2}):
        with pytest.raises(ValueError, match="a condition on 'x' needs either a value or a range"):
            Condition("x", **wrong)
    with pytest.raises(ValueError, match="a slice has at most one condition a column, got x, x"):
        SliceSpec((Condition("x", 1), Condition("x", 2)))
    with pytest.raises(KeyError, match="no attribute 'y'; attributes: x"):
        Condition("y", 1).mask(pd.DataFrame({"x": [1]}))


def test_attributes_that_cannot_be_sliced_are_refused() -> None:
    rows = pd.DataFrame({"tone": ["dark"] * 3, "v": [np.inf, *range(20)][:3]})
    with pytest.raises(ValueError, match=r"attribute 'tone' has one value \('dark'\) in 3 pictures: a slice needs"):
        coded_attribute(rows["tone"])
    with pytest.raises(ValueError, match=r"attribute 'v' holds 2 infinite values"):
        coded_attribute(pd.Series([np.inf, -np.inf, *range(20)], name="v"))
    with pytest.raises(ValueError, match=r"no attribute 'tones' in the data: did you mean tone\?"):
        coded_attributes(rows, ["tones"], available=["tone"])
    with pytest.raises(ValueError, match="no attribute 'zzz' in the data: attributes: none"):
        coded_attributes(rows, ["zzz"], available=[])
    with pytest.raises(ValueError, match=r"nothing to slice by: attribute 'tone' has one value.*Join attributes with"):
        coded_attributes(rows, None, available=["tone"])
    with pytest.raises(ValueError, match="nothing to slice by: the data have no attribute column"):
        coded_attributes(rows, None, available=[])


@pytest.mark.parametrize("values", [[1.0, np.inf], [1.0, 2.0, -np.inf], ["low", np.inf]])
def test_infinite_values_are_no_categories(values: list[object]) -> None:
    rows = pd.DataFrame({"size": values * 30, "tone": (["dark", "light", "dim"] * 30)[: len(values) * 30]})
    for categorical in ((), ("size",)):
        coded, unusable = coded_attributes(rows, None, available=list(rows), categorical=categorical)
        assert [one.column for one in coded] == ["tone"]
        assert unusable == [("size", "it holds 30 infinite values: it cannot be sliced; leave those cells empty")]


@pytest.mark.parametrize("values", [[1.7e308, -1.7e308], [1e200, 1.0], [9e60, 2.0]])
def test_numbers_whose_statistics_overflow_are_no_attribute_and_no_outcome(values):
    column = pd.Series(np.linspace(0, 1, 40), name="size")
    column[:2] = values
    with pytest.raises(ValueError, match=r"attribute 'size' holds \d numbers? beyond ±1e\+60, first .*overflow"):
        coded_attribute(column)
    rows = pd.DataFrame({"size": column, "tone": ["dark", "light"] * 20})
    coded, unusable = coded_attributes(rows, None, available=["size", "tone"])
    assert [one.column for one in coded] == ["tone"]
    ((name, reason),) = unusable
    assert (name, reason.partition(" holds")[0]) == ("size", "it")
    with pytest.raises(ValueError, match=r"size holds . number"):
        numeric_table(column.to_numpy(), sliced_rows(coded), name="size")
