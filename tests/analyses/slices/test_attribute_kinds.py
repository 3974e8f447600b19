"""Are codes taken value by value and quantities cut, as the user says, or else as the numbers suggest, and is that said?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.slices.attribute_kinds import FEW_CODES, kind_notes, kinds_of
from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attribute, coded_attributes
from workbench_runs import audited, predictions_table


def names(attribute: CodedAttribute) -> list[str]:
    return [condition.name.partition(": ")[2] for condition in attribute.conditions]


def rows(n: int = 600) -> pd.DataFrame:
    at = np.arange(n)
    return pd.DataFrame(
        {
            "country": at % 12,
            "gap": np.where(at % 7, at % 15, np.nan),
            "age": 18 + at % 61,
            "size": at / 10,
            "step": (at % 11) / 10,
            "tone": np.where(at % 2, "dark", "NA"),
            "old": at % 3 == 0,
        }
    )


def cut(found: list[CodedAttribute]) -> dict[str, bool]:
    return {one.column: one.conditions[0].value is None for one in found}


def test_whole_numbers_with_few_values_are_codes_and_others_are_cut() -> None:
    table = rows()
    found, _ = coded_attributes(table, None, available=list(table))
    assert cut(found) == {
        "country": False,
        "gap": False,
        "age": True,
        "size": True,
        "step": True,
        "tone": False,
        "old": False,
    }
    assert names(found[0]) == [str(code) for code in range(12)]
    assert kind_notes(table, found, numeric=[], categorical=[]) == [
        "whole numbers: country (12 values), gap (15 values): taken value by value, as codes; age (61 values): cut at "
        "quantiles (--numeric and --categorical say otherwise)"
    ]
    assert kind_notes(table, found, numeric=["age"], categorical=["country", "gap"]) == []


def test_values_that_differ_in_capitals_or_blanks_are_named_and_stay_apart() -> None:
    table = pd.DataFrame({"gender": ["Female", "female", "Male", "old  man", "Old man", None] * 20, "tone": ["a", "b"] * 60})
    found, _ = coded_attributes(table, None, available=list(table))
    assert "Female" in names(found[0])
    assert "female" in names(found[0])
    assert kind_notes(table, found, numeric=[], categorical=[]) == [
        "values of 'gender' differ in capitals or blanks only: 'Female' and 'female'; 'Old man' and 'old  man': each is a "
        "slice of its own; spell them alike in the table to have one"
    ]


@pytest.mark.parametrize(
    ("distinct", "each", "expected"), [(FEW_CODES, 5, False), (FEW_CODES, 4, True), (FEW_CODES + 1, 50, True), (9, 5, False)]
)
def test_codes_are_few_and_often(distinct: int, each: int, expected: bool) -> None:
    attribute = coded_attribute(pd.Series(list(range(distinct)) * each, name="v"))
    assert (attribute.conditions[0].value is None) is expected


def test_what_the_user_says_counts() -> None:
    table = rows()
    found, _ = coded_attributes(table, None, available=list(table), numeric=["country", "gap"], categorical=["age", "step"])
    assert cut(found) | {"size": True} == {
        "country": True,
        "gap": True,
        "age": False,
        "size": True,
        "step": False,
        "tone": False,
        "old": False,
    }
    _, unusable = coded_attributes(table, None, available=list(table), categorical=["size"])
    assert unusable == [("size", "600 different values, more than 100: name it to slice by it anyway")]
    for numeric, categorical, message in (
        (["contry"], [], "--numeric names 'contry', which is no column of the data: did you mean country"),
        ([], ["ag"], "--categorical names 'ag', which is no column of the data"),
        (["age"], ["age"], "'age' is named by --numeric and by --categorical"),
        (["tone"], [], "--numeric names 'tone', which holds 'NA' in 600 picture"),
        (["old"], [], "--numeric names 'old', which holds yes and no"),
    ):
        with pytest.raises(ValueError, match=message):
            coded_attributes(table, None, available=list(table), numeric=numeric, categorical=categorical)


def test_values_are_listed_by_the_size_of_their_numbers() -> None:
    spelt = ["c10", "c2", "c1", "NA", "10-19", "3-9", "b"]
    attribute = coded_attribute(pd.Series([*spelt, None], name="v"))
    assert names(attribute) == ["3-9", "10-19", "NA", "b", "c1", "c2", "c10"]
    assert [names(attribute)[code] for code in attribute.codes[:-1]] == spelt
    assert attribute.codes[-1] == -1
    assert names(coded_attribute(pd.Series([10, 2, 1, None], name="v"))) == ["1", "2", "10"]


def test_an_audit_says_what_it_took_for_codes_and_a_later_step_takes_them_so(tmp_path) -> None:
    from affect_workbench.workbench.audit.comparison.command import compared
    from affect_workbench.workbench.audit.permutation_check import audit_config

    table = predictions_table(600, scores=False).assign(country=np.arange(600) % 12).drop(columns="place")
    table.loc[(table["country"] == 5) & (np.arange(600) % 2 == 1), "predicted"] = "anger"
    codes, ranges = (
        audited(table, order=1, further=False, space_pictures=0, **said) for said in ({}, {"numeric": ("country",)})
    )
    assert codes.run.notes[-1].startswith("whole numbers: country (12 values): taken value by value, as codes")
    assert "country: 5" in set(codes.findings["slice"][codes.findings["verdict"] == "skewed"])
    assert not any("whole numbers" in note for note in ranges.run.notes)
    assert kinds_of(codes.slices["where"]) == ((), ("tone", "country"))
    assert audit_config(ranges).numeric == ("country",)
    assert audit_config(codes).categorical == ("tone", "country")
    assert set(compared(ranges, ranges).changes["slice"]) == set(ranges.findings["slice"])
    with pytest.raises(ValueError, match="country is cut at quantiles in the second and taken value by value in the first"):
        compared(codes, ranges)
