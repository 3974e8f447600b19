"""May the probe stand in for the model whose answers it was fitted on? The certificate at the head of a report, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.fidelity.certificate import FIDELITY, FIDELITY_CELLS, SPEAKS_FROM, TOO_FEW, Certificate
from affect_workbench.workbench.interface.numbers import counts, intervals, percent, percents, plural, points, small_q
from affect_workbench.workbench.report.figures.fidelity import skew_figure_of
from affect_workbench.workbench.report.sections.section import MOST_ROWS, Section, ranked, rows_of, skewed

MOST_SILENT = 6
"""Slices that the certificate names; the section has them all."""
_MOST_SENTENCES = 3
_NEEDED = f"{100 * SPEAKS_FROM:g} %"


@dataclass(frozen=True)
class CertificateBox:
    """What stands at the head of a report.

    Attributes:
        title: whether the probe speaks for the model, or where.
        kind: the same in a word: `everywhere` (where there are enough pictures to tell), `partly` or `nowhere`.
        sentence: agreement and correlation.
        silent: where it may not stand in, and why, a sentence each.
    """

    title: str
    kind: str
    sentence: str
    silent: tuple[str, ...]


def certificate_sentence(certificate: Certificate) -> str:
    """How often probe and model agree, whether their skews go along, and in how many slices it may stand in."""
    low, high = (100 * end for end in (certificate.low, certificate.high))
    beyond = "" if certificate.kappa != certificate.kappa else f"; kappa {certificate.kappa:.2f}"
    text = (
        f"{'The probe' if certificate.speaks else 'The probe does not speak for the model: it'} says what the model "
        f"itself answered for {percent(certificate.agreement)} of {plural(certificate.n, 'picture')} "
        f"[{low:.1f}, {high:.1f}]{beyond}"
    )
    if certificate.correlation == certificate.correlation:
        text += (
            f". Over {plural(certificate.cells, '(slice, emotion) pair')} its skew correlates with that of the answers: r = "
            f"{_plain(certificate.correlation)}"
        )
        if certificate.correlation_low == certificate.correlation_low:
            text += f" [{_plain(certificate.correlation_low)}, {_plain(certificate.correlation_high)}]"
    if not certificate.speaks:
        return f"{text}. Below {_NEEDED} it may stand in nowhere; ask the model itself."
    if not certificate.slices:
        return f"{text}."
    may = certificate.slices - len(certificate.silent)
    return f"{text}. It may stand in for the model in {may:,} of {plural(certificate.slices, 'slice')}."


def certificate_box(result: AuditResult) -> CertificateBox | None:
    """The certificate of an audit whose predictions stand in for a model; None for any other."""
    certificate = result.certificate
    if certificate is None:
        return None
    silent: list[str] = []
    if certificate.speaks:
        told = {name: reason for name, reason in certificate.silent.items() if reason != TOO_FEW}
        silent = [f"Not for {name}: {reason}." for name, reason in list(told.items())[:MOST_SILENT]]
        left, few = len(told) - len(silent), len(certificate.silent) - len(told)
        silent += [f"Nor for {plural(left, 'further slice')}."] if left else []
        silent += [f"{plural(few, 'slice has', 'slices have')} too few pictures to tell."] if few else []
    if left := result.run.pictures - certificate.n:
        silent.append(f"{plural(left, 'picture')} without an answer of the model {'is' if left == 1 else 'are'} left out.")
    kind, words = "everywhere", "may speak for the model"
    if not certificate.speaks:
        kind, words = "nowhere", "does not speak for the model"
    elif certificate.silent:
        may = certificate.slices - len(certificate.silent)
        kind = "everywhere" if set(certificate.silent.values()) == {TOO_FEW} else "partly"
        words = f"may speak for the model in {may:,} of {plural(certificate.slices, 'slice')}"
    return CertificateBox(f"Fidelity certificate: the probe {words}", kind, certificate_sentence(certificate), tuple(silent))


def fidelity(result: AuditResult) -> Section | None:
    """Agreement by slice, the skew of the probe against that of the answers, and where it may stand in."""
    certificate, table, cells = result.certificate, result.table(FIDELITY), result.table(FIDELITY_CELLS)
    if certificate is None or table is None or cells is None:
        return None
    tested = cells[cells["effect"].notna()]
    apart = skewed(ranked(cells))
    slices = table.iloc[1:]
    less = slices[(slices["verdict"] == "skewed") & (slices["effect"] < 0)]
    found = (
        certificate_sentence(certificate),
        (
            f"In {len(apart):,} of {plural(len(tested), 'tested pair')} the probe’s skew differs from that of the answers "
            f"beyond chance and by more than {100 * result.run.config.tolerance:g} points; in "
            f"{int((cells['verdict'] == 'equivalent').sum()):,} it surely does not."
        ),
        *(_apart(row) for row in rows_of(apart.head(_MOST_SENTENCES))),
        *(_less(row) for row in rows_of(less.sort_values("effect", kind="stable").head(_MOST_SENTENCES))),
    )
    shown = pd.concat([table.iloc[:1], _told_first(slices)]).head(MOST_ROWS)
    return Section(
        "fidelity",
        "Does the probe speak for the model?",
        found,
        (
            "The model’s own answers speak for the model; a probe fitted on them for other pictures may stand in where it "
            f"answers alike. It speaks for the model at all from {_NEEDED} agreement. In a slice it may "
            "stand in where, besides, at least 30 pictures on either side were compared, agreement in the slice is as high, "
            "and no emotion’s skew differs beyond chance and tolerance. Kappa is agreement beyond what chance would give."
        ),
        skew_figure_of(tested) if len(tested) else None,
        pd.DataFrame(
            {
                "slice": shown["slice"],
                "n": counts(shown["n"]),
                "agreement": [
                    f"{percent(row.agreement)} [{100 * row.agreement_low:.1f}, {100 * row.agreement_high:.1f}]"
                    if row.agreement == row.agreement
                    else "–"
                    for row in rows_of(shown)
                ],
                "kappa": [f"{kappa:.2f}" if kappa == kappa else "–" for kappa in shown["kappa"]],
                "complement": percents(shown["complement_agreement"]),
                "difference": intervals(shown),
                "q": [small_q(q).removeprefix("q ").removeprefix("= ") if q == q else "–" for q in shown["q"]],
                "verdict": shown["verdict"],
                "may it stand in?": [f"no: {reason}" if reason else "yes" for reason in shown["reason"]],
            }
        ),
        len(table),
        [where or None for where in shown["where"]],
        FIDELITY,
    )


def _plain(correlation: float) -> str:
    return f"{correlation:.2f}".replace("-", "−")


def _told_first(slices: pd.DataFrame) -> pd.DataFrame:
    """Slices that agree less or differ, the worst first; then those that may stand in, the largest first; too small last."""
    few = (slices["verdict"] == "too small") | slices["low_evidence"].astype(bool)
    apart = ~slices["stands_in"].astype(bool) | (slices["high"] < 0)
    order = pd.DataFrame(
        {"few": few, "alike": ~apart, "agreement": slices["agreement"].where(apart & ~few), "n": -slices["n"]}
    )
    order.loc[few, "alike"] = True
    return slices.loc[order.sort_values(list(order.columns), kind="stable").index]


def _apart(row: Any) -> str:
    return (
        f"The skew of {row.slice} toward {row.emotion} is {points(row.probe_skew)} points by the probe and "
        f"{points(row.answers_skew)} in the answers ({small_q(row.q)}, n = {row.n:,})."
    )


def _less(row: Any) -> str:
    return (
        f"In pictures with {row.slice} they agree less than in the others: {percent(row.agreement)} against "
        f"{percent(row.complement_agreement)}, {small_q(row.q)}."
    )
