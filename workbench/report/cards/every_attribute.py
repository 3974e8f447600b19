"""Which cards does an audit have? One for every attribute, those without a difference included."""

from __future__ import annotations

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.report.cards.assessed import Assessed, assessed_attributes
from affect_workbench.workbench.report.cards.card import VERDICTS, AttributeCard
from affect_workbench.workbench.report.cards.chart import chart, chart_key, mark
from affect_workbench.workbench.report.cards.matched import matched_pairs
from affect_workbench.workbench.report.cards.measured import measured_lines
from affect_workbench.workbench.report.cards.protected import is_protected
from affect_workbench.workbench.report.cards.sentences import card_sentence, consequences, reached, settling
from affect_workbench.workbench.report.evidence.choice import Claims
from affect_workbench.workbench.report.evidence.gallery import Gallery
from affect_workbench.workbench.report.first_page.headline import StrataByPair, differing_strata


def cards_of(
    result: AuditResult, *, gallery: Gallery | None = None, claims: Claims | None = None
) -> tuple[AttributeCard, ...]:
    """A card for every attribute of an audit: protected ones first, then in the order of `VERDICTS`.

    None where numbers alone were compared.

    Args:
        result: the audit.
        gallery: of the page that the cards stand on, which opens each picture once; None for cards without pictures.
        claims: of the audit's samples, where the page has them already.
    """
    if not result.has_predictions:
        return ()
    claims, strata = claims or Claims(result.samples, result.taxonomy), differing_strata(result)
    cards = [_card(result, one, claims, gallery, strata) for one in assessed_attributes(result)]
    return tuple(sorted(cards, key=lambda card: not card.protected))


def _card(
    result: AuditResult, assessed: Assessed, claims: Claims, gallery: Gallery | None, strata: StrataByPair
) -> AttributeCard:
    drawn = chart(result, assessed, claims)
    words, pairs = ("", ()) if gallery is None else matched_pairs(result, assessed, claims, gallery)
    folded, follow = consequences(result, assessed)
    return AttributeCard(
        attribute=assessed.attribute,
        title=column_words(assessed.attribute),
        kind=assessed.kind,
        protected=is_protected(assessed.attribute, result.run.config.protected),
        verdict=VERDICTS[assessed.kind].format(truth=result.run.truth),
        mark=mark(assessed.kind),
        sentence=card_sentence(result, assessed),
        causes=tuple(assessed.causes["cause"]),
        emotion="" if assessed.finding is None else str(assessed.finding["emotion"]),
        chart=None if drawn is None else drawn.svg,
        chart_words="" if drawn is None else drawn.words,
        pairs=pairs,
        pairs_words=words,
        folded=folded,
        consequences=follow,
        reached=(*reached(result, assessed), *(() if drawn is None else (chart_key(result),))),
        measured=measured_lines(result, assessed, strata=strata),
        settle=settling(result, assessed),
        command=str(result.run.provenance.get("command", "")),
    )
