"""How does a result show itself in a notebook or at a prompt: a headline, a few sentences, where the rest is?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

from affect_workbench.keywords import path_of, python_errors

Pieces = Sequence[tuple[str, str]]
"""A sentence as (text, style), styles as in `workbench.report.sentences.finding_sentence`."""
MOST_SENTENCES = 5


@dataclass(frozen=True)
class Card:
    """What is shown of a result.

    Attributes:
        kind: what it is of, in a few words.
        headline: the outcome in one sentence.
        lead: what the headline means.
        sentences: the first findings.
        more: where the rest is.
        notes: what must be known first.
        mirrored: how many findings are not shown because they are the mirror image of one that is (`unmirrored`).
        aside: which columns say nothing here, in a sentence; empty where none was left aside.
    """

    kind: str
    headline: str
    lead: str
    sentences: tuple[Pieces, ...]
    more: str
    notes: tuple[str, ...] = ()
    mirrored: int = 0
    aside: str = ""

    @property
    def closing(self) -> str:
        """Where the rest is, and once that what says the same is not repeated."""
        if not self.mirrored:
            return self.more
        said = "1 mirrored finding is" if self.mirrored == 1 else f"{self.mirrored:,} mirrored findings are"
        return f"{said} not repeated: of two values, the other differs as far in the other direction. {self.more}"

    def html(self) -> str:
        """A fragment without scripts in which everything from the data is escaped."""
        from affect_workbench.workbench.interface.page import template

        return template("card.html").render(card=self)

    def text(self) -> str:
        """Plain lines without control characters."""
        lines = [self.kind, self.headline, *([self.lead] if self.lead else [])]
        lines += [f"- {''.join(text for text, _ in sentence)}" for sentence in self.sentences]
        lines += [f"note: {note}" for note in self.notes]
        lines += [self.aside] if self.aside else []
        return "\n".join(map(_printable, [*lines, self.closing]))


def unmirrored(table: pd.DataFrame, about: str) -> pd.DataFrame:
    """The rows without those that are the mirror image of an earlier one.

    Of an attribute with two values, one is the complement of the other: each difference stands there twice, with both signs.

    Args:
        table: a row a (slice, `about`), with `where`, `n` and `n_complement`.
        about: the column of what differs, `emotion` or `outcome`.
    """
    seen: set[tuple[str, str, int, int]] = set()
    kept = []
    for where, what, n, others in zip(table["where"], table[about], table["n"], table["n_complement"], strict=True):
        column = next(iter(where)) if len(where) == 1 else ""
        kept.append(not column or (column, what, others, n) not in seen)
        if column:
            seen.add((column, what, n, others))
    return table[kept]


class Shown(ABC):
    """Shows itself as a card: in a notebook as HTML, at a prompt as text."""

    @abstractmethod
    def _card(self) -> Card: ...

    @abstractmethod
    def _page(self) -> str: ...

    def __repr__(self) -> str:
        return self._card().text()

    def _repr_html_(self) -> str:
        return self._card().html()

    @python_errors()
    def to_html(self, path: Path | str) -> Path:
        """Writes the whole result as one self-contained page, replacing a file that is there; returns its path.

        Nothing on the page is fetched from anywhere, and everything from the data is escaped.

        Raises:
            TypeError: no path.
        """
        from affect_workbench.data.storage.atomic import write_text

        target = path_of(path, keyword="path")
        write_text(target, self._page())
        return target


def _printable(line: str) -> str:
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
