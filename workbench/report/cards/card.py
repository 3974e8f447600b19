"""What does a card say of an attribute, or of one finding: is there a difference, where from, how sure, what shows it?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from affect_workbench.workbench.report.evidence.gallery import Picture

VERDICTS: Mapping[str, str] = MappingProxyType(
    {
        "new": "Added by the model",
        "difference": "A difference",
        "amplified": "Exaggerated by the model",
        "muted": "Understated by the model",
        "unexplained": "No cause explains it",
        "carried": "Follows from another cause",
        "labels": "In the {truth} as well",
        "none": "No difference shown",
        "too few": "Too few pictures to tell",
        "unproven": "Nothing can be said",
    }
)
"""Kind of a card -> its verdict in words, in the order in which cards are told. The first four are kinds of causes."""


@dataclass(frozen=True)
class ShownPicture:
    """A picture of a pair.

    Attributes:
        picture: its id, what is known of it, and itself where its file is there.
        number: its place in the page's gallery.
        first: whether it stands on the page here for the first time.
        predicted: as which emotion.
    """

    picture: Picture
    number: int
    first: bool
    predicted: str


@dataclass(frozen=True)
class MatchedPair:
    """A picture of the slice beside one of the other pictures that is alike, predicted otherwise.

    Attributes:
        inside: of the slice.
        beside: of its complement.
        shared: what they have in common, in words.
    """

    inside: ShownPicture
    beside: ShownPicture
    shared: str


@dataclass(frozen=True)
class AttributeCard:
    """The answer to one question: is there a difference by this attribute, or in this slice for this emotion?

    Attributes:
        attribute: the column; of a finding at an intersection its columns.
        title: its name in words, or the slice and the emotion.
        kind: one of `VERDICTS`.
        protected: whether people are protected from differences by it.
        verdict: of this kind, in words.
        mark: a shape that stands beside the verdict, as SVG; it tells kinds apart without colour.
        sentence: the answer, for a reader without statistics.
        causes: names of the causes that it tells, the one of its sentence first.
        slice: which its sentence is about; "" for none.
        emotion: which the chart and the pairs are about; "" for none.
        chart: rates of all values on one scale as SVG; None where nothing could be counted.
        chart_words: what is drawn, in words.
        pairs: that show the claim in its direction.
        pairs_words: what they show, or why there are none; "" where nothing is claimed.
        folded: what the consequences are, in a few words ("explains 42 other skews"); "" where there are none.
        consequences: what follows from its causes, a line each.
        reached: how the verdict was reached, a line each.
        measured: what else was measured of it, a line each.
        settle: what would settle it, in a sentence; "" where it is settled.
        command: that reproduces it; "" where it was not made by a command.
        alone: whether it is of this slice and emotion alone, not of the attribute.
    """

    attribute: str
    title: str
    kind: str
    protected: bool
    verdict: str
    mark: str
    sentence: str
    causes: tuple[str, ...] = ()
    slice: str = ""
    emotion: str = ""
    chart: str | None = None
    chart_words: str = ""
    pairs: tuple[MatchedPair, ...] = ()
    pairs_words: str = ""
    folded: str = ""
    consequences: tuple[str, ...] = ()
    reached: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    settle: str = ""
    command: str = ""
    alone: bool = False

    @property
    def anchor(self) -> str:
        """Its id on a page."""
        return "card-" + re.sub(r"\W+", "-", f"{self.slice} {self.emotion}" if self.alone else self.attribute)

    @property
    def differs(self) -> bool:
        """Whether a difference is shown, whatever explains it."""
        return self.kind not in ("none", "too few", "unproven")
