"""Which label does a number stand for, where a data set or a model writes numbers instead of words?

The known orders are data: `class_orders.toml`, each with its source. No two of them may be guessed between: a number means
what the format that it was found in says, or what the user says.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from affect_workbench.data.storage.saved import read_toml
from affect_workbench.data.taxonomies.taxonomy import closest

FILE = Path(__file__).with_name("class_orders.toml")
OWN = "the given order"
"""The title of an order that a user wrote down."""
_NUMBER = re.compile(r"[+-]?[0-9]+(\.0+)?")


@dataclass(frozen=True)
class ClassOrder:
    """The labels that whole numbers stand for.

    Attributes:
        name: short name, as `--classes` takes it; empty for one that stands in no list.
        labels: in order.
        first: the number of the first label.
        title: whose order it is, in print.
        unlabelled: numbers that say that a picture has no label -> what they say; negative numbers always do.
        source: where it is written down.
    """

    name: str
    labels: tuple[str, ...]
    first: int = 0
    title: str = OWN
    unlabelled: Mapping[int, str] = field(default_factory=dict)
    source: str = ""

    def label_of(self, number: int) -> str | None:
        """The label of a number; None for one that stands for no label."""
        return self.labels[number - self.first] if 0 <= number - self.first < len(self.labels) else None

    def is_unlabelled(self, number: int) -> bool:
        """Whether the number says that there is no label."""
        return number < 0 or number in self.unlabelled

    def in_words(self) -> str:
        """`0 angry, 1 disgust ...`."""
        return ", ".join(f"{number} {label}" for number, label in enumerate(self.labels, start=self.first))


@functools.cache
def class_orders() -> Mapping[str, ClassOrder]:
    """The known orders by name."""
    return {
        name: ClassOrder(
            name,
            tuple(entry["labels"]),
            entry.get("first", 0),
            entry["title"],
            {int(number): meaning for number, meaning in entry.get("unlabelled", {}).items()},
            entry["source"],
        )
        for name, entry in read_toml(FILE).items()
    }


def class_order(name: str) -> ClassOrder:
    """A known order by name, or one's own: labels with commas between them, the first of them number 0.

    Raises:
        ValueError: an unknown name, or a label that is missing or there twice.
    """
    if "," not in name:
        if name not in class_orders():
            raise ValueError(
                f"unknown order of classes {name!r}: {closest(name, class_orders())}; or give your own labels, "
                "with commas, the first for number 0"
            )
        return class_orders()[name]
    labels = tuple(label.strip() for label in name.split(","))
    if not all(labels) or len(set(labels)) < len(labels):
        raise ValueError(f"the classes {name!r} have an empty label, or one twice: give each number a label of its own")
    return ClassOrder("", labels)


def class_number(value: object) -> int | None:
    """The whole number that a cell holds (`3`, `3.0`), else None."""
    text = str(value).strip()
    return int(float(text)) if _NUMBER.fullmatch(text) else None


def are_numbers(values: Iterable[object]) -> bool:
    """Whether there are values, all of them whole numbers."""
    numbers = [class_number(value) for value in values]
    return bool(numbers) and None not in numbers


def orders_for(numbers: Iterable[int]) -> list[str]:
    """Names of the known orders in which every one of these numbers is a label or stands for none."""
    numbers = set(numbers)
    return [
        name
        for name, order in class_orders().items()
        if all(order.label_of(number) is not None or order.is_unlabelled(number) for number in numbers)
    ]
