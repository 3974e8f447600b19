"""What does the headline of an audit mean, and what does it not show: strata that disagree, slices that are read worse?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.outcome_tables import ADJUSTED_PREFIX
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.disparities.accuracy import ACCURACY
from affect_workbench.analyses.inference.homogeneity import DIFFERS
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.concepts.sentences import calibration_status
from affect_workbench.workbench.interface.numbers import percent, plural, points
from affect_workbench.workbench.report.first_page.outcome import cause_outcome
from affect_workbench.workbench.report.outcomes.sentences import number, outcome_summary
from affect_workbench.workbench.report.sections.accuracy import accuracy_name
from affect_workbench.workbench.report.sections.fidelity import certificate_sentence
from affect_workbench.workbench.report.sections.section import named_tables, skewed

_ORIGIN_PARTS = (
    ("model", "added by the model"),
    ("both", "present in the {truth}, and the model adds to it"),
    ("labels", "attributed to the {truth}, not to the model"),
    ("unclear", "of unclear attribution"),
)


StrataByPair = dict[tuple[str, str], str]


def headline(result: AuditResult) -> str:
    """What stands at the top of the report: the causes where they were looked for, else how many pairs are skewed."""
    told = cause_outcome(result)
    if told is None:
        return result.headline
    before = "" if result.certificate is None else result.certificate.headline
    numbers = result.outcomes
    skewed = int((numbers["verdict"] == "skewed").sum())
    also = f"; {skewed:,} of {plural(len(numbers), 'numeric (slice, outcome) pair')} differ" if skewed else ""
    return f"{before}{told.headline}{also}"


def headline_sentences(result: AuditResult) -> str:
    """What stands under the headline: whether a probe speaks for its model, what it means, what it does not count."""
    certificate = result.certificate
    return " ".join((*([] if certificate is None else [certificate_sentence(certificate)]), verdict_sentences(result)))


def verdict_sentences(result: AuditResult) -> str:
    """The same without the certificate."""
    verdicts = outcome(result) if result.has_predictions else outcome_summary(result)
    return " ".join((verdicts, *beside_headline(result)))


def outcome(result: AuditResult) -> str:
    """What the headline means, in a sentence or two: by its causes, where these were looked for."""
    told = cause_outcome(result)
    if told is not None:
        return str(told)
    findings = result.findings
    skewed = findings[findings["verdict"] == "skewed"]
    if not len(skewed):
        undecided = result.count("undetermined") + result.count("too small")
        not_decided = (
            f" This does not prove the absence of bias: {plural(undecided, 'pair')} could not be decided."
            if undecided
            else ""
        )
        return f"No skew was found that is both beyond chance and beyond the tolerance.{not_decided}"
    own = skewed[on_its_own(skewed)]
    repeated = len(skewed) - len(own)
    sentences = []
    if repeated:
        others = "others" if len(result.causes) else "the parent slice"
        sentences.append(
            f"{repeated:,} of the {len(skewed):,} skewed pairs {'is' if repeated == 1 else 'are'} explained by "
            f"{others}; {len(own):,} stand{'s' if len(own) == 1 else ''} on "
            f"{'its' if len(own) == 1 else 'their'} own."
        )
    origins = own["attribution"].value_counts()
    parts = [
        f"{int(origins[name]):,} {words.format(truth=result.run.truth)}" for name, words in _ORIGIN_PARTS if name in origins
    ]
    if parts:
        sentences.append(f"Of {'those' if repeated else 'the skews'}: {'; '.join(parts)}.")
    return " ".join(sentences) or "Each is shown below with its evidence."


def beside_headline(result: AuditResult) -> tuple[str, ...]:
    """Strata that disagree and accuracies that differ, a sentence each; nothing where there are none."""
    return (*_strata_sentences(result), *_accuracy_sentence(result))


def differing_strata(result: AuditResult) -> StrataByPair:
    """What differs between strata: (slice, emotion or outcome) -> what was adjusted for."""
    found: dict[tuple[str, str], str] = {}
    for table in (_rates_apart(result), _numbers_apart(result)):
        strata = table["adjusted_for"] if len(table) else ()
        found |= dict(zip(zip(table["slice"], table["about"], strict=True), map(str, strata), strict=True))
    return found


def strata_verdicts(result: AuditResult, pairs: pd.MultiIndex) -> list[bool | None]:
    """Whether each (slice, emotion or outcome) differs between strata; None where that was not tested."""
    verdicts: dict[tuple[str, str], bool] = {}
    for name, table in (("", result.table("adjusted")), *named_tables(result, ADJUSTED_PREFIX)):
        if table is None or "homogeneity_p" not in table:
            continue
        tested = table[table["homogeneity_p"].notna()]
        about = [name] * len(tested) if name else tested["emotion"]
        verdicts |= dict(zip(zip(tested["slice"], about, strict=True), tested["verdict"] == DIFFERS, strict=True))
    return [None if (known := verdicts.get(pair)) is None else bool(known) for pair in pairs]


def strata_mark(column: str | None) -> str:
    """What stands beside the verdict of a pair that differs between strata; "" where none is known."""
    return f"overall; {DIFFERS} of {column_words(column)}" if column else ""


def caveats(result: AuditResult, finding: Any, *, strata: StrataByPair) -> str:
    """What stands behind the sentence of a finding: what inferred attributes are worth, and whether strata disagree.

    Args:
        result: the audit.
        finding: a row of its findings.
        strata: of `differing_strata`.
    """
    # Of a row of a table, `where` is a method.
    where = finding["where"] if isinstance(finding, pd.Series) else finding.where
    column = strata.get((finding.slice, finding.emotion))
    verdict = f"{finding.verdict} overall, {DIFFERS} of {column_words(column)}" if column else ""
    return "; ".join(filter(None, (calibration_status(result, where, finding.emotion), verdict)))


def _strata_sentences(result: AuditResult) -> tuple[str, ...]:
    sentences = []
    for table, main, kind in (
        (_rates_apart(result), result.findings, "emotion"),
        (_numbers_apart(result), result.outcomes, "outcome"),
    ):
        if table.empty:
            continue
        top = table.loc[(-table["gap"]).sort_values(kind="stable").index[0]]
        pairs = set(zip(table["slice"], table["about"], strict=True))
        same = main[main["verdict"] == "equivalent"]
        even = len(pairs & set(zip(same["slice"], same[kind], strict=True)))
        of_these = f" ({even:,} of them equivalent overall)" if even else ""
        low, high = (
            f"{points(top[end])} points" if kind == "emotion" else number(top[end], signed=True)
            for end in ("smallest", "largest")
        )
        about = column_words(top["about"]) if kind == "outcome" else top["about"]
        sentences.append(
            f"{plural(len(table), 'pair' if kind == 'emotion' else '(slice, outcome) pair')} "
            f"{'differs' if len(table) == 1 else 'differ'} between strata of {column_words(top['adjusted_for'])}"
            f"{of_these}, most of all {top['slice']}, {about}: {low} in {top['smallest_in']}, "
            f"{high.removesuffix(' points')} in {top['largest_in']}."
        )
    return tuple(sentences)


def _rates_apart(result: AuditResult) -> pd.DataFrame:
    table = result.table("adjusted")
    return _apart([] if table is None or "emotion" not in table else [table.assign(about=table["emotion"], unit=1.0)])


def _numbers_apart(result: AuditResult) -> pd.DataFrame:
    tables = named_tables(result, ADJUSTED_PREFIX)
    return _apart([table.assign(about=name, unit=table["tolerance"]) for name, table in tables])


def _apart(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows that differ between strata, with the `gap` between the strata that lie farthest apart."""
    rows = [table[table["verdict"] == DIFFERS] for table in tables if "largest" in table]
    if not any(map(len, rows)):
        return pd.DataFrame(columns=["slice", "about", "adjusted_for"])
    table = pd.concat([one for one in rows if len(one)], ignore_index=True)
    return table.assign(gap=(table["largest"] - table["smallest"]) / table["unit"])


def _accuracy_sentence(result: AuditResult) -> tuple[str, ...]:
    table = result.table(ACCURACY)
    if table is None or (sure := skewed(table)).empty:
        return ()
    one = sure[sure["order"] == 1]
    first = one if len(one) else sure
    # Of two values of an attribute each differs as far as the other: the one that is read worse is named.
    size = -first["effect"].abs().round(9)
    top = first.loc[pd.DataFrame({"size": size, "rate": first["accuracy"]}).sort_values(["size", "rate"]).index[0]]
    return (
        (
            f"The {accuracy_name(result).lower()} of {plural(len(sure), 'slice')} differs from that of the other "
            f"pictures beyond chance and tolerance, most of all {top['slice']} ({percent(top['accuracy'])} against "
            f"{percent(top['complement_accuracy'])})."
        ),
    )
