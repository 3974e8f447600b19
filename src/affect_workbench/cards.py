"""How does a result show itself in a notebook or at a prompt: a headline, a few sentences, where the rest is?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
    """

    kind: str
    headline: str
    lead: str
    sentences: tuple[Pieces, ...]
    more: str
    notes: tuple[str, ...] = ()

    def html(self) -> str:
        """A fragment without scripts in which everything from the data is escaped."""
        from affect_workbench.workbench.interface.page import template

        return template("card.html").render(card=self)

    def text(self) -> str:
        """Plain lines without control characters."""
        lines = [self.kind, self.headline, *([self.lead] if self.lead else [])]
        lines += [f"- {''.join(text for text, _ in sentence)}" for sentence in self.sentences]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(map(_printable, [*lines, self.more]))


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

    def to_html(self, path: Path | str) -> Path:
        """Writes the whole result as one self-contained page, replacing a file that is there; returns its path.

        Nothing on the page is fetched from anywhere, and everything from the data is escaped.
        """
        from affect_workbench.data.storage.atomic import write_text

        target = Path(path)
        write_text(target, self._page())
        return target


def _printable(line: str) -> str:
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
