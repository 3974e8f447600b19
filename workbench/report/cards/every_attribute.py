"""Which cards does an audit have? One for every attribute, those without a difference included; and one for each finding."""

from __future__ import annotations

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.report.cards.assessed import Assessed, assessed_attributes, assessed_finding
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


def finding_card(
    result: AuditResult, position: int, *, gallery: Gallery | None = None, claims: Claims | None = None
) -> AttributeCard:
    """The card of row `position` of the findings: the same questions, asked of one slice and emotion alone.

    Args:
        result: the audit.
        position: row of its findings.
        gallery: as of `cards_of`.
        claims: as of `cards_of`.
    """
    claims = claims or Claims(result.samples, result.taxonomy)
    return _card(result, assessed_finding(result, position), claims, gallery, differing_strata(result))


def _card(
    result: AuditResult, assessed: Assessed, claims: Claims, gallery: Gallery | None, strata: StrataByPair
) -> AttributeCard:
    drawn = chart(result, assessed, claims)
    words, pairs = ("", ()) if gallery is None else matched_pairs(result, assessed, claims, gallery)
    folded, follow = consequences(result, assessed)
    columns = [assessed.attribute] if assessed.finding is None or not assessed.alone else assessed.finding["where"]
    about = ("", "") if assessed.finding is None else (str(assessed.finding["slice"]), str(assessed.finding["emotion"]))
    return AttributeCard(
        attribute=assessed.attribute,
        title=" → ".join(about) if assessed.alone else column_words(assessed.attribute),
        kind=assessed.kind,
        protected=any(is_protected(one, result.run.config.protected) for one in columns),
        verdict=VERDICTS[assessed.kind].format(truth=result.run.truth),
        mark=mark(assessed.kind),
        sentence=card_sentence(result, assessed),
        causes=tuple(assessed.causes["cause"]),
        slice=about[0],
        emotion=about[1],
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
        alone=assessed.alone,
    )
