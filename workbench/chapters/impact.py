"""Who gets the favourable answer less often? Selection rates and impact ratios as New York's Local Law 144 lists them."""

from __future__ import annotations

import pandas as pd

from analyses.audit import AuditResult
from workbench.chapters.chapter import Chapter
from workbench.chapters.words import counts, percents, plural

FOUR_FIFTHS = 0.8


def impact_ratios(result: AuditResult) -> Chapter | None:
    """One row a category: its selection rate over that of the category with the highest; None without a favourable label.

    Source: Rules of the City of New York, title 6, § 5-301. Categories with too few pictures stay in the table without a
    ratio.
    """
    favourable = result.run["config"].get("favourable")
    if not favourable:
        return None
    favourable = result.taxonomy.resolve(favourable)
    findings = result.findings
    cells = findings[(findings["emotion"] == favourable) & (findings["where"].map(len) == 1)].copy()
    cells["attribute"] = [next(iter(where)) for where in cells["where"]]
    cells["ratio"] = cells["rate"] / cells.groupby("attribute")["rate"].transform("max")
    order = {name: at for at, name in enumerate(result.run["attributes"])}
    cells = cells.sort_values("slice", kind="stable").sort_values("attribute", key=lambda one: one.map(order), kind="stable")
    below = cells[cells["ratio"] < FOUR_FIFTHS]
    sure = below[below["verdict"] == "skewed"]
    unknown = int(cells["ratio"].isna().sum())
    return Chapter(
        "impact", f"Impact ratios: who is read as {favourable} less often?",
        (
            f"The ratio of {plural(len(below), 'category', 'categories')} of {len(cells):,} is below four fifths; "
            f"{len(sure):,} of these {'is' if len(sure) == 1 else 'are'} skewed beyond chance and tolerance."
            + (f" {plural(unknown, 'category has', 'categories have')} too few pictures for one." if unknown else ""),
        ),
        f"Selection rate: the share read as {favourable}. Impact ratio: the rate over the highest of its attribute. The "
        "highest rate of several is too high by chance, and so most ratios are below one in any data: see the verdict, and "
        "the ratios beside chance under “rules and other tools”. This is not legal advice.",
        None,
        pd.DataFrame(
            {
                "category": cells["slice"], "pictures": counts(cells["n"]), "selection rate": percents(cells["rate"]),
                "impact ratio": ["–" if ratio != ratio else f"{ratio:.2f}" for ratio in cells["ratio"].tolist()],
                "verdict": cells["verdict"],
            }
        ),
        len(cells), list(cells["where"]), "comparability",
    )  # fmt: skip
