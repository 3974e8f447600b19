"""Are numbers named by the order that their format has, and is no order guessed?"""

from __future__ import annotations

import pytest

from affect_workbench.data.taxonomies.class_orders import are_numbers, class_number, class_order, class_orders, orders_for


def test_every_order_is_named_and_has_a_source() -> None:
    for name, order in class_orders().items():
        assert order.name == name
        assert len(set(order.labels)) == len(order.labels) >= 6
        assert order.source
        assert order.title
        assert not set(order.unlabelled) & set(range(order.first, order.first + len(order.labels)))


def test_the_same_number_means_different_things() -> None:
    said = {name: class_order(name).label_of(4) for name in ("fer2013", "fer2013-folders", "affectnet8", "rafdb", "ferplus")}
    assert said == {
        "fer2013": "sad",
        "fer2013-folders": "neutral",
        "affectnet8": "fear",
        "rafdb": "happiness",
        "ferplus": "anger",
    }


def test_numbers_beside_the_labels_are_none_or_no_label() -> None:
    rafdb, affectnet = class_order("rafdb"), class_order("affectnet8")
    assert (rafdb.label_of(0), rafdb.label_of(1), rafdb.label_of(8)) == (None, "surprise", None)
    assert affectnet.label_of(9) is None
    assert affectnet.is_unlabelled(9)
    assert rafdb.is_unlabelled(-1)
    assert not rafdb.is_unlabelled(8)
    assert rafdb.in_words().startswith("1 surprise, 2 fear")


def test_an_order_of_ones_own_and_one_that_is_not_there() -> None:
    assert class_order("calm, tense").label_of(1) == "tense"
    with pytest.raises(ValueError, match="unknown order of classes 'fer2012': did you mean fer2013"):
        class_order("fer2012")
    with pytest.raises(ValueError, match="have an empty label, or one twice"):
        class_order("joy,,fear")


def test_numbers_are_told_from_words() -> None:
    assert are_numbers(["0", "3.0", 7])
    assert not are_numbers(["0", "joy"])
    assert not are_numbers([])
    assert class_number("3.5") is None
    assert "rafdb" in orders_for([1, 7])
    assert "rafdb" not in orders_for([0, 6])
