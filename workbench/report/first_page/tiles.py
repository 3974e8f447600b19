"""How many causes are there, how many attributes without a difference, and how many that have too few pictures to tell?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.workbench.interface.numbers import plural
from affect_workbench.workbench.report.cards.card import AttributeCard

_MOST_NAMED = 4


@dataclass(frozen=True)
class Tile:
    """A count on the first page.

    Attributes:
        count: the number.
        what: is counted.
        more: of which kinds, or which they are; "" where there are none.
        kind: its style.
    """

    count: int
    what: str
    more: str
    kind: str


def first_tiles(result: AuditResult, cards: Sequence[AttributeCard]) -> tuple[Tile, Tile, Tile]:
    """Differences, attributes without one, attributes with too few pictures."""
    return (
        _differences(result, cards),
        _attributes(cards, "none", "with no difference shown", "equivalent"),
        _attributes(cards, "too few", "with too few pictures to tell", "too-small"),
    )


def _differences(result: AuditResult, cards: Sequence[AttributeCard]) -> Tile:
    differ = [card for card in cards if card.differs]
    if "causes" not in result.tables:
        return _tile(len(differ), "attribute", "with a difference", _names(differ), "skewed")
    causes = result.causes
    words = {"new": "new", "difference": "", "amplified": "exaggerating", "muted": "understating"}
    kinds = causes["kind"].value_counts()
    parts = [f"{int(kinds[kind]):,} {word}" for kind, word in words.items() if kind in kinds and word]
    told = sum(bool(card.causes) for card in cards)
    among = f"in {told:,} of {plural(len(cards), 'attribute')}" if told else ""
    more = f"{', '.join(parts)}; {among}" if parts else among
    return _tile(len(causes), "cause", "of differences", more, "skewed")


def _attributes(cards: Sequence[AttributeCard], kind: str, what: str, style: str) -> Tile:
    of_kind = [card for card in cards if card.kind == kind]
    return _tile(len(of_kind), "attribute", what, _names(of_kind), style)


def _tile(count: int, noun: str, what: str, more: str, style: str) -> Tile:
    return Tile(count, f"{noun}{'' if count == 1 else 's'} {what}", more, style)


def _names(cards: Iterable[AttributeCard]) -> str:
    names = [card.title for card in cards]
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
