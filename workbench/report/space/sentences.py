"""What must a reader of the space first understand? Lying near a word, being told apart, and being read so all differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.space.erasure.erasure_test import NO_SKEW, RUNS_THROUGH
from affect_workbench.workbench.interface.numbers import percent, points, probability

WARNING = (
    "An association is where vectors lie, not a bias. That the pictures of a slice lie nearer to a word, or that a line can "
    "tell them apart, changes no reading by itself. What a skew depends on is asked by erasing."
)
SURE = 0.05
_MOST_SAID = 5


def pull_sentence(result: AuditResult) -> str | None:
    """The strongest pull among pictures of the same label, and how many there are."""
    table = _table(result.tables, "space_pull")
    if table is None:
        return None
    known = table[table["q_within"] <= SURE]
    tested = int(table["q_within"].notna().sum())
    if not tested:
        return None
    if known.empty:
        return (
            f"Among pictures of the same label no slice is surely pulled to any emotion (q ≤ {SURE:g}, {tested:,} pairs): "
            "what is pulled in the figure above, the mix of labels explains or the data cannot tell."
        )
    top = _row(known, known["pull_within"].abs().idxmax())
    way = "toward" if top["pull_within"] > 0 else "away from"
    return (
        f"Among pictures of the same label {len(known):,} of {tested:,} (slice, emotion) pairs are pulled (q ≤ {SURE:g}). "
        f"The strongest: {top['slice']} {way} {top['emotion']}, {_hundredths(top['pull_within'])} hundredths "
        f"[{_hundredths(top['within_low'])}, {_hundredths(top['within_high'])}] of a {result.run.measure}; "
        f"raw it is {_hundredths(top['pull'])}."
    )


def leading_erasures(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The skews that were tested by erasing, the largest first.

    Of the two values of an attribute one says what the other says with the sign turned: the one that is more is kept.
    """
    table = _table(tables, "space_erasure")
    if table is None:
        return pd.DataFrame()
    cells = table[table["verdict"] != NO_SKEW]
    cells = cells.assign(size=cells["before"].abs().round(9))
    cells = cells.sort_values(["size", "before"], ascending=False, kind="stable")
    return cells[~cells.duplicated(["attribute", "emotion", "size"])].reset_index(drop=True)


def erasure_sentences(result: AuditResult) -> list[str]:
    """For each attribute that was erased: what became of its largest skew."""
    cells, prices = leading_erasures(result.tables), _table(result.tables, "space_collateral")
    if prices is None:
        return []
    told = []
    for column, price in prices.groupby("attribute", sort=False):
        name = str(column).replace("_", " ")
        mine = cells[cells["attribute"] == column]
        if mine.empty:
            told.append(f"{name}: on the pictures that it was tried on, no skew could be told from zero.")
            continue
        top, cost = _row(mine, mine.index[0]), _row(price, price.index[0])
        if top["verdict"] == RUNS_THROUGH:
            limit = points(max(top["control_limit"], 0.0), signed=False)
            ending = (
                f"{percent(min(top['reduction'] / abs(top['before']), 1.0))} of it {RUNS_THROUGH} (97.5 % of "
                f"{int(top['controls']):,} random directions: less than {limit} points)"
            )
        else:
            ending = f"that it {RUNS_THROUGH} is not shown: random directions do as much (p = {probability(top['p'])})"
        how = "" if cost["method"] == "plain" else " within labels"
        told.append(
            f"With {name} erased{how}, the skew of {top['slice']} → {top['emotion']} goes from {points(top['before'])} to "
            f"{points(top['after'])} points [{points(top['after_low'])}, {points(top['after_high'])}]; {ending}."
        )
    return told


def encoding_sentence(result: AuditResult) -> str | None:
    """Which attributes a straight line reads off the features."""
    table = _table(result.tables, "space_encoding")
    if table is None:
        return None
    read = table[table["selectivity_low"] > 0].sort_values("selectivity", ascending=False, kind="stable")
    if read.empty:
        return f"None of {_of(len(table), 'attribute')} can be read off the features by a straight line beyond chance."
    said = ", ".join(
        f"{str(row.attribute).replace('_', ' ')} ({row.accuracy:.2f} balanced accuracy, chance {row.chance:.2f})"
        for row in read.head(_MOST_SAID).itertuples()
    )
    more = f" and {len(read) - _MOST_SAID} more" if len(read) > _MOST_SAID else ""
    return f"A straight line reads {len(read)} of {_of(len(table), 'attribute')} off the features: {said}{more}."


def association_sentence(result: AuditResult) -> str | None:
    """How many associations are beyond chance, and what the one that matters most does to the labels."""
    table = _table(result.tables, "space_association")
    if table is None:
        return None
    sure = table[table["q"] <= SURE]
    if sure.empty:
        return (
            f"None of {len(table):,} (slice, emotion) pairs lies nearer to the words than other pictures do (q ≤ {SURE:g})."
        )
    top = _row(sure, sure["flips"].idxmax())
    if top["flips"] == 0:
        top = _row(sure, sure["difference"].abs().idxmax())
    way = "nearer to" if top["difference"] > 0 else "farther from"
    return (
        f"{len(sure):,} of {len(table):,} (slice, emotion) pairs are associated beyond chance (q ≤ {SURE:g}). The one that "
        f"matters most to labels: {top['slice']} lies {way} {top['emotion']} than others do, by "
        f"{_hundredths(abs(top['difference'])).lstrip('+')} hundredths of a cosine ({abs(top['effect_size']):.2f} standard "
        f"deviations); without that, {percent(top['flips'])} of its pictures would be read otherwise."
    )


def shift_sentence(result: AuditResult) -> str | None:
    """How many labels one standard deviation more of an attribute would flip, the most of any slice."""
    table = _table(result.tables, "space_shift")
    if table is None:
        return None
    slices = table.drop_duplicates("slice")
    beyond = slices[slices["p_flips"] <= SURE]
    if beyond.empty:
        return (
            f"One standard deviation along the direction of a slice flips no more labels than directions of shuffled "
            f"attributes do (p > {SURE:g} for each of {_of(len(slices), 'slice')})."
        )
    top = _row(beyond, beyond["flips"].idxmax())
    return (
        f"One standard deviation more of {top['slice']} would change the label of {percent(top['flips'])} of all pictures; "
        f"95 % of {int(top['shuffles'])} shuffled attributes stay below {percent(top['null_flips'])}."
    )


def label_sentences(result: AuditResult) -> list[str]:
    """Which label swallows others, whether words lie as pictures do, how much the wording decides."""
    told = []
    hubs, alignment, wording = (_table(result.tables, f"space_{name}") for name in ("hubs", "alignment", "wording"))
    if hubs is not None:
        top = _row(hubs, hubs["ratio"].fillna(-1).idxmax())
        against = "an even share" if top["prior_is"] == "even" else f"by the {top['prior_is']}"
        # A label is the most of all only where its interval lies above those of the others.
        alike = hubs[(hubs["high"] / hubs["prior"] >= top["low"] / top["prior"]) & (hubs["emotion"] != top["emotion"])]
        most = "the most of all" if alike.empty else f"not surely more than {', '.join(alike['emotion'])}"
        told.append(
            f"{top['emotion']} is nearest to {percent(top['share'])} of the pictures [{percent(top['low'])}, "
            f"{percent(top['high'])}], {percent(top['prior'])} {against}: {top['ratio']:.2f} times as many, {most}."
        )
    if alignment is not None and pd.notna(alignment["r"].iloc[0]):
        row = _row(alignment, alignment.index[0])
        tried = f"all {int(row['permutations']):,}" if row["exact"] else f"{int(row['permutations']):,}"
        r = f"r = {row['r']:+.2f}, p = {probability(row['p'])} over {tried} orders of the labels".replace("-", "−")
        if row["p"] > SURE:
            ending = "it is not shown that either follows the other"
        elif row["r"] > 0:
            ending = "emotions whose words are alike have pictures that lie together"
        else:
            ending = "emotions whose words are alike have pictures that lie apart, as training to tell them apart makes them"
        told.append(f"Do pictures lie to each other as the words do? {r}: {ending}.")
    if wording is not None:
        whole = wording[wording["slice"] == "all pictures"]
        top = _row(whole, whole["flips"].idxmax())
        told.append(
            f"Asked for in other words (“{top['wording']}”), {percent(top['flips'])} of the pictures are read otherwise: "
            "a skew smaller than that depends on how the question is put."
        )
    return told


def plane_badge(result: AuditResult) -> str | None:
    """What the plane of the labels keeps and what it does not."""
    table = _table(result.tables, "space_plane_badge")
    if table is None:
        return None
    row = _row(table, table.index[0])
    trust = (
        ""
        if pd.isna(row["trustworthiness"])
        else (
            f"; trustworthiness {row['trustworthiness']:.2f}, continuity {row['continuity']:.2f}, "
            f"{percent(row['overlap'])} of neighbours kept"
        )
    )
    return (
        "A linear map: the plane in which the label vectors lie farthest apart. Stars are the labels themselves, in their "
        f"true places there; it holds {percent(row['label_share'])} of the labels’ variance and "
        f"{percent(row['picture_share'])} of the pictures’{trust}."
    )


def sample_sentence(result: AuditResult) -> str | None:
    """On how many pictures slow analyses were done, and what could not be done."""
    about = _table(result.tables, "space_about")
    if about is None:
        return None
    some = about[(about["pictures"] < about["of"]) & (about["attribute"] == "") & (about["analysis"] != "space_plane")]
    parts = []
    if len(some):
        few = int(some["pictures"].min())
        parts.append(f"Slow analyses were done on {few:,} of {int(some['of'].iloc[0]):,} pictures, drawn at random.")
    left = about[about["attribute"] != ""]
    if len(left):
        names = ", ".join(sorted({str(name).replace("_", " ") for name in left["attribute"]}))
        parts.append(f"Not everything could be done for {names} (too few pictures or groups of a value).")
    return " ".join(parts) or None


def _hundredths(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")


def _row(table: pd.DataFrame, label: Any) -> Any:
    return table.loc[label]


def _of(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _table(tables: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame | None:
    table = tables.get(name)
    return None if table is None or table.empty else table
