"""Who gets the favourable answer less often? Selection rates and impact ratios as New York's Local Law 144 lists them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.tables.columns import column_words
from affect_workbench.data.tables.read import named
from affect_workbench.workbench.interface.numbers import counts, percents, plural
from affect_workbench.workbench.report.sections.section import FOUR_FIFTHS, MOST_ROWS, Section, rows_of
from affect_workbench.workbench.report.sentences import samples_in

SMALL_SHARE = 0.02
"""Of the data: categories below it may be left out of the ratios, with a reason and their rates (§ 5-301(d))."""


def impact_ratios(result: AuditResult) -> Section | None:
    """One row a category: its selection rate over that of the category with the highest; None without a favourable label.

    Source: Rules of the City of New York, title 6, § 5-301. Single categories first, then intersections of two attributes,
    compared with those of the same two, the lowest ratios first. No category is left out: what the rule lets an auditor
    leave out is named. Categories with too few pictures stay in the table without rate and ratio.
    """
    favourable = result.run.config.favourable
    if not favourable:
        return None
    favourable = result.taxonomy.resolve(favourable)
    cells = result.findings[result.findings["emotion"] == favourable].copy()
    cells = cells[cells["where"].map(len) <= 2]
    cells["of"] = [" and ".join(where) for where in cells["where"]]
    cells["ratio"] = cells["rate"] / cells.groupby("of")["rate"].transform("max")
    order = {name: at for at, name in enumerate(result.run.attributes)}
    alone = cells["where"].map(len) == 1
    single = cells[alone].sort_values("slice", kind="stable")
    single = single.sort_values("of", key=lambda one: one.map(order), kind="stable")
    pairs = cells[~alone].sort_values(["ratio", "slice"], kind="stable")
    shown = pd.concat([single, pairs.head(MOST_ROWS)])
    return Section(
        "impact",
        f"Impact ratios: who is predicted as {favourable} less often?",
        (
            _below(single, "category", "categories"),
            *([_below(pairs, "intersection")] if len(pairs) else []),
            *_small(single, result.run.pictures),
            *_unknown(result, list(order)),
        ),
        (
            f"Selection rate: the share predicted as {favourable}. Impact ratio: the rate over the highest of its "
            "attribute, or of its two attributes. The highest of several rates is too high by chance, so most ratios "
            "are below one in any data. A category can fail the rule of thumb and not be skewed (few pictures, or rare "
            "in every category), or be skewed and pass it; the ratios expected by chance are under “other rules and "
            "tools”. This is not legal advice."
        ),
        None,
        pd.DataFrame(
            {
                "category": shown["slice"],
                "pictures": counts(shown["n"]),
                f"predicted as {favourable}": [f"{_selected(result, row):,}" for row in rows_of(shown)],
                "selection rate": percents(shown["rate"]),
                "impact ratio": ["–" if ratio != ratio else f"{ratio:.2f}" for ratio in shown["ratio"].tolist()],
                "verdict": shown["verdict"],
            }
        ),
        len(cells),
        list(shown["where"]),
        "comparability",
    )


def _below(cells: pd.DataFrame, one: str, many: str = "") -> str:
    """How many ratios are below four fifths, of how many, and of how many the verdict is skewed: two questions."""
    below, skewed = cells["ratio"] < FOUR_FIFTHS, cells["verdict"] == "skewed"
    unknown = int(cells["ratio"].isna().sum())
    return (
        f"The ratio is below four fifths, a rule of thumb that ignores chance, for {int(below.sum()):,} of "
        f"{plural(len(cells), one, many)}; the verdict, a test of the difference of rates in either direction "
        f"against chance and tolerance, is skewed for {int((below & skewed).sum()):,} of these and "
        f"{int((~below & skewed).sum()):,} of the others."
        + (f" {plural(unknown, one, many)} {'has' if unknown == 1 else 'have'} too few pictures for one." if unknown else "")
    )


def _small(single: pd.DataFrame, pictures: int) -> list[str]:
    """The categories that hold too little of the data for a ratio that the rule insists on."""
    small = single[single["n"] < SMALL_SHARE * pictures]
    if small.empty:
        return []
    highest = small.loc[small["ratio"] == 1.0, "slice"]
    led = f" The reference, the highest rate of its attribute, is {named(highest)}." if len(highest) else ""
    hold = plural(len(small), "category holds", "categories hold")
    return [
        (
            f"{hold} less than {100 * SMALL_SHARE:g} % of the pictures and may be left out under the rule; here they "
            f"are kept: {named(small['slice'], most=8)}.{led}"
        )
    ]


def _unknown(result: AuditResult, attributes: list[str]) -> list[str]:
    """How many pictures are in no category, which the rule wants to be told."""
    lacking = {name: int(result.samples[name].isna().sum()) for name in attributes if name in result.samples}
    parts = [f"{count:,} of {column_words(name)}" for name, count in lacking.items() if count]
    return [f"Pictures whose category is unknown are not counted: {', '.join(parts)}."] if parts else []


def _selected(result: AuditResult, row: Any) -> int:
    """How many pictures of the category are predicted as the favourable emotion; counted where no rate is given."""
    if row.rate == row.rate:
        return round(row.rate * row.n)
    return int((samples_in(result, row.where)["predicted"] == row.emotion).sum())
