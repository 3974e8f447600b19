"""At which level of the label tree are the skews real: one emotion, its family, or pleasant against unpleasant?"""

from __future__ import annotations

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.inference.intervals import distance_from_zero
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.workbench.interface.numbers import interval, percent, plural, rates, small_q
from affect_workbench.workbench.report.sections.section import MOST_ROWS, Section, rows_of, skew_figure, skewed

_MOST_SENTENCES = 3
_MOST_DRAWN = 12


def label_tree(result: AuditResult) -> Section | None:
    """Skews of groups of labels; None where the labels have no coarser level."""
    table = result.table("levels")
    if table is None or table.empty:
        return None
    tested = table[table["effect"].notna()]
    sure = distance_from_zero(tested["adjusted_low"], tested["adjusted_high"])
    order = tested.assign(skewed=tested["verdict"] == "skewed", sure=sure).sort_values(
        ["skewed", "sure"], ascending=False, kind="stable"
    )
    leading = order.head(MOST_ROWS)
    return Section(
        "levels",
        "Which label-tree level: one emotion, a family, or polarity?",
        (
            _summary(result.findings),
            *(
                (
                    f"Pictures with {row.slice} are predicted as {row.group} {percent(row.rate)} of the time, other "
                    f"pictures {percent(row.complement_rate)}: {interval(row.effect, row.low, row.high)} points, "
                    f"{small_q(row.q)}."
                )
                for row in rows_of(skewed(order).head(_MOST_SENTENCES))
            ),
        ),
        (
            "Each level has the same tests as the single emotions. A skew that is absent one level up lies "
            "between neighbouring emotions; one that remains at polarity changes whether a picture counts as "
            "pleasant or unpleasant."
        ),
        skew_figure(
            result,
            order.head(_MOST_DRAWN),
            lambda row: f"{row.slice} → {row.group}",
            axis="difference from the other pictures, points",
        ),
        pd.DataFrame(
            {
                "slice": leading["slice"],
                "level": leading["level"],
                "predicted as": leading["group"],
                **rates(leading),
                "verdict": leading["verdict"],
            }
        ),
        len(table),
        list(leading["where"]),
        "levels",
    )


def _summary(findings: pd.DataFrame) -> str:
    own = findings[(findings["verdict"] == "skewed") & on_its_own(findings)]
    if own.empty:
        return "No single emotion is skewed; the groups of emotions are below."
    level = own["label_tree_level"].str.extract(r"\((\w+)\)$")[0]
    parts = [f"{int(count):,} still at the level {name}" for name, count in level.value_counts().items()]
    alone = int(level.isna().sum())
    if alone:
        parts.append(f"{alone:,} only at the level of single emotions")
    return f"Of {plural(len(own), 'skew')} that stand{'s' if len(own) == 1 else ''} on their own: {', '.join(parts)}."
