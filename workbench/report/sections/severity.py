"""How far do predictions differ in valence (joy predicted as contentment is mild, as anger is not), and other numbers?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.outcome_tables import OUTCOME_PREFIX
from affect_workbench.analyses.audit.questions import NO_VALENCE
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.texts.audit import WORDS_TABLE
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.intervals import Series, interval_figure
from affect_workbench.workbench.interface.numbers import (
    counts,
    interval,
    intervals,
    plural,
    points,
    probabilities,
    signed,
    small_q,
)
from affect_workbench.workbench.report.outcomes.texts import share_phrase, share_sentence
from affect_workbench.workbench.report.sections.section import (
    MOST_ROWS,
    Section,
    named_tables,
    ranked,
    rows_of,
    sampled,
    skewed,
)

_MOST_SENTENCES = 4
_MOST_DRAWN = 16


def severity(result: AuditResult) -> Section | None:
    """Valence of what is said, and what of it goes beyond the labels."""
    table, beyond = result.table("severity"), result.table("severity_beyond_labels")
    if table is None or table.empty:
        return None
    order = ranked(table)
    drawn, leading = order.head(_MOST_DRAWN), order.head(MOST_ROWS)
    tolerance = float(table["tolerance"].iloc[0])
    series = [Series.of("predictions", drawn, scale=1.0)]
    if beyond is not None:
        own = beyond.set_index("slice").reindex(drawn["slice"])
        series.append(Series.of("beyond the labels", own, scale=1.0))
    sure = skewed(order)
    found = [
        (
            f"Predictions for {len(sure):,} of {plural(len(table), 'slice')} are more or less pleasant than those for "
            f"the other pictures, beyond chance and by more than {tolerance:.2g} units of valence."
        )
    ]
    for row in rows_of(sure.head(_MOST_SENTENCES)):
        sentence = _sentence(row, "Predictions for pictures with {} are {} pleasant")
        if beyond is not None:
            mine: Any = beyond.set_index("slice").loc[row.slice]
            sentence += f"; beyond the {result.run.truth}, {_interval(mine)}"
        found.append(sentence + ".")
    valence = result.run.provenance.get("valence", "polarity of the labels: −1 unpleasant, 0 neutral, +1 pleasant")
    return Section(
        "severity",
        "Severity: how pleasant or unpleasant",
        (*found, *_left_out(result), *sampled(result, "severity")),
        (
            f"Difference of mean valence from the other pictures ({valence}). A skew among emotions of one polarity "
            f"leaves it at zero. The tolerance is a fifth of a standard deviation. {how_found(table)}"
        ),
        interval_figure(drawn["slice"].tolist(), series, axis="difference of mean valence", band=tolerance),
        _table(leading),
        len(table),
        list(leading["where"]),
        "severity",
    )


def _left_out(result: AuditResult) -> list[str]:
    """A sentence that names the labels without valence, with their counts of pictures."""
    names = [str(name) for name in result.excluded["name"] if str(name).startswith(NO_VALENCE)]
    return [
        f"Pictures predicted as a label without a known polarity are left out: {name.removeprefix(NO_VALENCE)}."
        for name in names
    ]


def outcomes(result: AuditResult) -> list[Section]:
    """A section for each numeric outcome that was asked for."""
    report_sections: list[Section] = []
    for name, table in named_tables(result, OUTCOME_PREFIX):
        source, spoken = OUTCOME_PREFIX + name, column_words(name)
        order = ranked(table)
        drawn, leading = order.head(_MOST_DRAWN), order.head(MOST_ROWS)
        sure = skewed(order)
        tolerance = float(table["tolerance"].iloc[0])
        found = [
            (
                f"{spoken} differs in {len(sure):,} of {plural(len(table), 'slice')}, beyond chance and by more than "
                f"{_tolerance(name, tolerance)}."
            ),
            *(_outcome_sentence(row, spoken) for row in rows_of(sure.head(_MOST_SENTENCES).assign(outcome=name))),
        ]
        report_sections.append(
            Section(
                f"outcome-{len(report_sections) + 1}",
                f"Outcome: {spoken}",
                (*found, *sampled(result, source)),
                f"Difference of means from the other pictures. {how_found(table)}",
                interval_figure(
                    drawn["slice"].tolist(),
                    [Series.of(spoken, drawn, scale=1.0)],
                    axis=f"difference of mean {spoken}",
                    band=tolerance,
                ),
                _table(leading),
                len(table),
                list(leading["where"]),
                source,
            )
        )
    return report_sections


def attribute_words(result: AuditResult) -> Section | None:
    """What words of an attribute's own name and values change in texts."""
    table = result.table(WORDS_TABLE)
    if table is None:
        return None
    kept = bool(result.run.provenance.get("kept_attribute_words"))
    found = [
        (
            f"Words of an attribute’s own name and values change {plural(len(table), '(slice, outcome) pair')}; "
            f"{'they are counted, as asked for' if kept else 'they are left out'}, and both figures are shown."
        ),
        *(
            f"{row.outcome}, {row.slice}: {_interval(row)} without {row.words}, "
            f"{interval(row.effect_with, row.low_with, row.high_with, scale=1.0, digits=2)} with."
            for row in rows_of(table.head(_MOST_SENTENCES))
        ),
    ]
    leading = table.head(MOST_ROWS)
    with_words = [f"{name}_with" for name in ("effect", "low", "high")]
    shown = pd.DataFrame(
        {
            "slice": leading["slice"],
            "outcome": leading["outcome"],
            "words": leading["words"],
            "without": intervals(leading, scale=1.0, digits=2),
            "verdict without": leading["verdict"],
            "with": intervals(leading, with_words, scale=1.0, digits=2),
            "verdict with": leading["verdict_with"],
        }
    )
    return Section(
        "attribute-words",
        "Words of the attribute itself",
        tuple(found),
        "A text that names what the picture shows is no evidence of bias. Shares are written as numbers from 0 to 1.",
        None,
        shown,
        len(table),
        list(leading["where"]),
        WORDS_TABLE,
    )


def _tolerance(outcome: str, tolerance: float) -> str:
    if share_phrase(outcome):
        return f"{points(tolerance, signed=False)} points"
    return f"{tolerance:.2g} (a fifth of its standard deviation)"


def _outcome_sentence(row: Any, spoken: str) -> str:
    if share_phrase(row.outcome):
        return "".join(text for text, _ in share_sentence(row))
    return _sentence(row, spoken + " of pictures with {} is {}", ("higher", "lower")) + "."


_HOW = {
    "pairs": (
        "where pairs of pictures differ in the attribute, p values and intervals are from Student’s t test of the "
        "differences within pairs"
    ),
    "cluster-robust": (
        "pictures come in groups: p values and intervals are from a cluster-robust variance (CR2) with Satterthwaite’s "
        "degrees of freedom"
    ),
    "welch": "p values and intervals are from Welch’s t test",
    "exact": (
        "with few pictures, Welch’s t is compared with every possible choice of the slice’s pictures, for p "
        "values and intervals alike"
    ),
    "permutation": (
        "with few pictures and a skewed outcome, Welch’s t is compared with random choices of the slice’s pictures, "
        "for p values and intervals alike"
    ),
}


def how_found(table: pd.DataFrame) -> str:
    """By which model p and interval were found, in words; of runs of version 0.1.0 what was true of them."""
    if "spread" not in table:
        return "Welch interval, permutation test."
    methods = [words for method, words in _HOW.items() if (table["method"] == method).any()]
    text = "; ".join(methods) or "nothing could be tested"
    return f"{text[0].upper()}{text[1:]}."


def _sentence(row: Any, words: str, ways: tuple[str, str] = ("more", "less")) -> str:
    """`words` has a place for the slice and one for the first or second of the ways: up or down."""
    sentence = words.format(row.slice, ways[0] if row.effect > 0 else ways[1])
    return f"{sentence}: {_interval(row)}, {small_q(row.q)}, n = {row.n:,}"


def _interval(row: Any) -> str:
    return interval(row.effect, row.low, row.high, scale=1.0, digits=2)


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "slice": rows["slice"],
            "n": counts(rows["n"]),
            "mean": [signed(value, 2) for value in rows["mean"]],
            "complement": [signed(value, 2) for value in rows["complement_mean"]],
            "difference": intervals(rows, scale=1.0, digits=2),
            "q": probabilities(rows["q"]),
            "verdict": rows["verdict"],
        }
    )
