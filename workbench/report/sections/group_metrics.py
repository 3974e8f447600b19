"""Over all emotions at once, by the measures of other tools, in the nearest pictures, and against training: what differs?"""

from __future__ import annotations

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.intervals import Series, interval_figure
from affect_workbench.workbench.interface.numbers import (
    counts,
    interval,
    intervals,
    percent,
    percents,
    plural,
    probabilities,
    small_q,
)
from affect_workbench.workbench.report.sections.section import FOUR_FIFTHS, MOST_ROWS, Section, rows_of, sampled

EXCESS, AMPLIFIED = ("excess", "low", "high"), ("amplification", "low", "high")
_MOST_SENTENCES = 3
_MOST_DRAWN = 16


def distributions(result: AuditResult) -> Section | None:
    """Jensen-Shannon divergence beyond chance, and Cramer's V."""
    table = result.table("distribution")
    if table is None or table["divergence"].notna().sum() == 0:
        return None
    known = table[table["divergence"].notna()]
    attributes = known[known["slice"].isna()].sort_values(["q", "excess"], ascending=[True, False], kind="stable")
    slices = known[known["slice"].notna()].sort_values(["excess"], ascending=False, kind="stable")
    sure = attributes[attributes["q"] <= 0.05]
    found = [
        f"Predictions depend on {len(sure):,} of {plural(len(attributes), 'attribute')} beyond chance"
        + (f", most on {column_words(sure['attribute'].iloc[0])}." if len(sure) else "."),
        *(
            (
                f"{row.slice}: {row.divergence:.4f} bits from the other pictures, {row.by_chance:.4f} expected by "
                f"chance, {small_q(row.q)}."
            )
            for row in rows_of(slices[slices["q"] <= 0.05].head(_MOST_SENTENCES))
        ),
    ]
    leading, drawn = pd.concat([attributes, slices]).head(MOST_ROWS), slices.head(_MOST_DRAWN)
    names = [
        row.slice if isinstance(row.slice, str) else f"all values of {column_words(row.attribute)}"
        for row in rows_of(leading)
    ]
    return Section(
        "distribution",
        "All emotions at once",
        (*found, *sampled(result, "distribution")),
        (
            "Jensen-Shannon divergence in hundredths of a bit (0: identical, 100: nothing in common), minus its mean "
            "when the values are permuted: the raw divergence is above zero in any data. Cramér’s V is "
            "bias-corrected."
        ),
        interval_figure(
            drawn["slice"].tolist(),
            [Series.of("beyond chance", drawn, EXCESS, filled=drawn["q"] <= 0.05)],
            axis="divergence beyond chance, hundredths of a bit",
        ),
        pd.DataFrame(
            {
                "what": names,
                "n": counts(leading["n"]),
                "divergence": [f"{100 * value:.2f}" for value in leading["divergence"]],
                "expected by chance": [f"{100 * value:.2f}" for value in leading["by_chance"]],
                "excess": intervals(leading, EXCESS, digits=2),
                "q": probabilities(leading["q"]),
                "Cramér’s V": [f"{v:.3f}" for v in leading["cramers_v"]],
            }
        ),
        len(known),
        (),
        "distribution",
    )


def comparability(result: AuditResult) -> Section | None:
    """Demographic parity, equalised odds, four-fifths ratios: what rules and other tools ask for."""
    table = result.table("comparability")
    if table is None or table.empty:
        return None
    ratios = table[table["measure"] == "demographic parity ratio"]
    low, sure = ratios["value"] < FOUR_FIFTHS, ratios["q"] <= 0.05
    found = [
        (
            f"Two different questions: by the four-fifths rule, a rule of thumb on the ratio alone, {int(low.sum()):,} of "
            f"{plural(len(ratios), '(attribute, emotion) pair')} would be called unfair; a test, which asks whether a ratio "
            f"is lower than expected by chance, says so of {int((low & sure).sum()):,} of these and of "
            f"{int((~low & sure).sum()):,} of the others."
        )
    ]
    impact = table[table["measure"] == "impact ratio"]
    found += [
        (
            f"Impact ratio of {row.emotion} by {column_words(row.attribute)}: {row.value:.2f} ({row.lowest} against "
            f"{row.highest}), {'below' if row.value < FOUR_FIFTHS else 'not below'} the four fifths of the rule of thumb, "
            f"{'and' if (row.value < FOUR_FIFTHS) == (row.q <= 0.05) else 'but'} by the test "
            f"{'' if row.q <= 0.05 else 'not '}lower than expected by chance ({row.by_chance:.2f}, {small_q(row.q)})."
        )
        for row in rows_of(impact)
    ]
    if impact.empty:
        found.append("No favourable emotion was declared (--favourable), so there are no impact ratios.")
    ranked = table.sort_values(["q", "p"], kind="stable")
    leading = pd.concat([impact, ranked[ranked["measure"] != "impact ratio"]]).head(MOST_ROWS)
    return Section(
        "comparability",
        "For comparison with other rules and tools",
        (*found, *sampled(result, "comparability")),
        (
            "Largest gaps and smallest ratios between the values of an attribute. They are never exactly equal and "
            "grow with the number of values in any data, so each is shown with its mean under chance. None of them "
            "is a verdict here."
        ),
        None,
        pd.DataFrame(
            {
                "attribute": leading["attribute"].map(column_words),
                "emotion": leading["emotion"],
                "measure": leading["measure"],
                "values": leading["values"].map(str),
                "value": [f"{value:.2f}" for value in leading["value"]],
                "expected by chance": [f"{value:.2f}" for value in leading["by_chance"]],
                "excess": intervals(leading, EXCESS, scale=1.0, digits=2),
                "q": probabilities(leading["q"]),
            }
        ),
        len(table),
        (),
        "comparability",
    )


def nearest_pictures(result: AuditResult) -> Section | None:
    """Who is shown when one asks for an emotion: Skew, MaxSkew, NDKL."""
    slices, figures = result.table("retrieval"), result.table("retrieval_figures")
    if slices is None or figures is None or slices.empty:
        return None
    sure = figures[(figures["measure"] == "ndkl") & (figures["q"] <= 0.05)].sort_values("excess", ascending=False)
    pairs = int((figures["measure"] == "ndkl").sum())
    known = slices[(slices["low"] > 0) | (slices["high"] < 0)].copy()
    known["size"] = (known["share"] - known["expected"]).abs()
    leading = known.sort_values("size", ascending=False, kind="stable").head(MOST_ROWS)
    top = int(slices["top"].iloc[0])
    found = [
        (
            f"For {len(sure):,} of {plural(pairs, '(attribute, emotion) pair')}, the {top:,} nearest pictures "
            "differ from all pictures beyond chance (NDKL)."
        ),
        *(
            (
                f"Of the {row.top:,} pictures nearest to {row.emotion}, {percent(row.share)} have {row.slice}; of all "
                f"pictures {percent(row.expected)}."
            )
            for row in rows_of(leading.head(_MOST_SENTENCES))
        ),
    ]
    return Section(
        "retrieval",
        "Which pictures are retrieved for an emotion?",
        (*found, *sampled(result, "retrieval")),
        (
            "Skew is the logarithm of share over expected share, with the interval of the share (pictures taken as "
            "independent); rows whose interval contains zero are left out. It reflects what the pictures show as "
            "much as any bias."
        ),
        None,
        pd.DataFrame(
            {
                "nearest to": leading["emotion"],
                "slice": leading["slice"],
                "share": [f"{percent(row.share)} of {row.top:,}" for row in rows_of(leading)],
                "expected": percents(leading["expected"]),
                "skew": intervals(leading, ("skew", "low", "high"), scale=1.0, digits=2),
            }
        ),
        len(slices),
        (),
        "retrieval",
    )


def amplification(result: AuditResult) -> Section | None:
    """Bias amplification against the training pictures; None where none were given."""
    cells, means = result.table("amplification"), result.table("amplification_means")
    if cells is None or means is None or means.empty:
        return None
    whole = means.iloc[-1]
    verb = (
        "amplifies"
        if whole["low"] > 0
        else "weakens"
        if whole["high"] < 0
        else "neither amplifies nor weakens, beyond chance,"
    )
    found = [
        (
            f"Over all attributes the model {verb} the associations of its training data: "
            f"{interval(whole['amplification'], whole['low'], whole['high'])} points per pair on average."
        )
    ]
    known_direction = cells[(cells["direction_p"] <= 0.05) & cells["amplification"].notna()].copy()
    known_direction["sure"] = known_direction["low"].clip(lower=0)
    leading = known_direction.sort_values(["sure", "amplification"], ascending=False, kind="stable").head(MOST_ROWS)
    found += [
        (
            f"In the training data {row.slice} is associated with {'more' if row.direction > 0 else 'less'} "
            f"{row.emotion} ({percent(row.training_rate)}); it is predicted for {percent(row.predicted_rate)}: "
            f"amplified by {interval(row.amplification, row.low, row.high)} points."
        )
        for row in rows_of(leading[leading["sure"] > 0].head(_MOST_SENTENCES))
    ]
    drawn = means.iloc[:-1]
    return Section(
        "amplification",
        "Bias amplification: stronger than in the training data?",
        tuple(found),
        (
            "Directional amplification from attribute to emotion: above zero, what occurs together in training is "
            "predicted together even more often. Pairs whose direction in training may be chance (p > 0.05) are not "
            "listed."
        ),
        interval_figure(
            [column_words(name) for name in drawn["attribute"]],
            [Series.of("amplification", drawn, AMPLIFIED)],
            axis="mean amplification, points",
        ),
        pd.DataFrame(
            {
                "slice": leading["slice"],
                "emotion": leading["emotion"],
                "in training": percents(leading["training_rate"]),
                "predicted": percents(leading["predicted_rate"]),
                "direction": ["more" if value > 0 else "less" for value in leading["direction"]],
                "amplification": intervals(leading, AMPLIFIED),
            }
        ),
        len(cells),
        list(leading["where"]),
        "amplification",
    )
