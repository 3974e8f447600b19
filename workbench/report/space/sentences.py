"""What must a reader of the space first understand? Lying near a word, being told apart, and being read so all differ."""

from __future__ import annotations

from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.space.erasure.erasure_test import NO_SKEW, RUNS_THROUGH
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.numbers import percent, points, small_p
from affect_workbench.workbench.report.sentences import map_objection

WARNING = (
    "An association describes where vectors lie; it is not a bias. That pictures of a slice lie nearer to a "
    "word, or that an attribute is linearly decodable, changes no prediction by itself. Erasing tests what a "
    "skew depends on."
)
SURE = 0.05
_MOST_SENTENCES = 5


def pull_sentence(result: AuditResult) -> str | None:
    """The strongest pull among pictures of the same label, and how many there are."""
    table = result.table("space_pull")
    if table is None:
        return None
    known = table[table["q_within"] <= SURE]
    tested = int(table["q_within"].notna().sum())
    if not tested:
        return None
    if known.empty:
        return (
            f"Among pictures of the same label no slice is pulled toward any emotion beyond chance (q ≤ {SURE:g}, "
            f"{tested:,} pairs): the pull in the figure above is explained by the mix of labels, or is "
            "undetermined."
        )
    top = _row(known, known["pull_within"].abs().idxmax())
    way = "toward" if top["pull_within"] > 0 else "away from"
    return (
        f"Among pictures of the same label {len(known):,} of {tested:,} (slice, emotion) pairs are pulled (q ≤ "
        f"{SURE:g}). The strongest: {top['slice']} {way} {top['emotion']}, {_hundredths(top['pull_within'])} "
        f"hundredths [{_hundredths(top['within_low'])}, {_hundredths(top['within_high'])}] of a "
        f"{result.run.measure}; without regard to labels it is {_hundredths(top['pull'])}."
    )


def leading_erasures(result: AuditResult) -> pd.DataFrame:
    """The skews that were tested by erasing, the largest first.

    Of the two values of an attribute one says what the other says with the sign turned: the one that is more is kept.
    """
    table = result.table("space_erasure")
    if table is None:
        return pd.DataFrame()
    cells = table[table["verdict"] != NO_SKEW]
    cells = cells.assign(size=cells["before"].abs().round(9))
    cells = cells.sort_values(["size", "before"], ascending=False, kind="stable")
    return cells[~cells.duplicated(["attribute", "emotion", "size"])].reset_index(drop=True)


def erasure_sentences(result: AuditResult) -> list[str]:
    """For each attribute that was erased: what became of its largest skew."""
    cells, prices = leading_erasures(result), result.table("space_collateral")
    if prices is None:
        return []
    sentences = []
    for column, price in prices.groupby("attribute", sort=False):
        name = column_words(column)
        mine = cells[cells["attribute"] == column]
        if mine.empty:
            sentences.append(f"{name}: on the tested pictures no skew differs from zero beyond chance.")
            continue
        top, cost = _row(mine, mine.index[0]), _row(price, price.index[0])
        if top["verdict"] == RUNS_THROUGH:
            limit = points(max(top["control_limit"], 0.0), signed=False)
            ending = (
                f"{percent(min(top['reduction'] / abs(top['before']), 1.0))} of it {RUNS_THROUGH} (97.5 % of "
                f"{int(top['controls']):,} random directions: less than {limit} points)"
            )
        else:
            ending = f"it is not shown that it {RUNS_THROUGH}: random directions remove as much ({small_p(top['p'])})"
        how = "" if cost["method"] == "plain" else " within labels"
        sentences.append(
            f"With {name} erased{how}, the skew of {top['slice']} → {top['emotion']} changes from "
            f"{points(top['before'])} to {points(top['after'])} points [{points(top['after_low'])}, "
            f"{points(top['after_high'])}]; {ending}."
        )
    return sentences


def encoding_sentence(result: AuditResult) -> str | None:
    """Which attributes a straight line reads off the features."""
    table = result.table("space_encoding")
    if table is None:
        return None
    decodable = table[table["selectivity_low"] > 0].sort_values("selectivity", ascending=False, kind="stable")
    if decodable.empty:
        return f"None of {_of(len(table), 'attribute')} is linearly decodable from the features beyond chance."
    listed = ", ".join(
        f"{column_words(row.attribute)} ({row.accuracy:.2f} balanced accuracy, chance {row.chance:.2f})"
        for row in decodable.head(_MOST_SENTENCES).itertuples()
    )
    more = f" and {len(decodable) - _MOST_SENTENCES} more" if len(decodable) > _MOST_SENTENCES else ""
    return (
        f"{len(decodable)} of {_of(len(table), 'attribute')} {'is' if len(decodable) == 1 else 'are'} linearly decodable "
        f"from the features: {listed}{more}."
    )


def association_sentence(result: AuditResult) -> str | None:
    """How many associations are beyond chance, and what the one that matters most does to the labels."""
    table = result.table("space_association")
    if table is None:
        return None
    sure = table[table["q"] <= SURE]
    if sure.empty:
        return (
            f"None of {len(table):,} (slice, emotion) pairs lies nearer to the words than the other pictures do "
            f"(q ≤ {SURE:g})."
        )
    top = _row(sure, sure["flips"].idxmax())
    if top["flips"] == 0:
        top = _row(sure, sure["difference"].abs().idxmax())
    way = "nearer to" if top["difference"] > 0 else "farther from"
    return (
        f"{len(sure):,} of {len(table):,} (slice, emotion) pairs are associated beyond chance (q ≤ {SURE:g}). The "
        f"one with the largest effect on predictions: {top['slice']} lies {way} {top['emotion']} than the other "
        f"pictures do, by {_hundredths(abs(top['difference'])).lstrip('+')} hundredths of a cosine "
        f"({abs(top['effect_size']):.2f} standard deviations); without that, {percent(top['flips'])} of its "
        "pictures would be predicted otherwise."
    )


def shift_sentence(result: AuditResult) -> str | None:
    """How many labels one standard deviation more of an attribute would flip, the most of any slice."""
    table = result.table("space_shift")
    if table is None:
        return None
    slices = table.drop_duplicates("slice")
    beyond = slices[slices["p_flips"] <= SURE]
    if beyond.empty:
        return (
            "One standard deviation along the direction of a slice changes no more predictions than directions "
            f"of permuted attributes do (p > {SURE:g} for each of {_of(len(slices), 'slice')})."
        )
    top = _row(beyond, beyond["flips"].idxmax())
    return (
        f"One standard deviation more of {top['slice']} would change the prediction of {percent(top['flips'])} of "
        f"all pictures; 95 % of {int(top['shuffles'])} permuted attributes stay below "
        f"{percent(top['null_flips'])}."
    )


def label_sentences(result: AuditResult) -> list[str]:
    """Which label swallows others, whether words lie as pictures do, how much the wording decides."""
    sentences = []
    hubs, alignment, wording = (result.table(f"space_{name}") for name in ("hubs", "alignment", "wording"))
    if hubs is not None:
        top = _row(hubs, hubs["ratio"].fillna(-1).idxmax())
        against = "expected from equal shares" if top["prior_is"] == "even" else f"expected from the {top['prior_is']}"
        # A label is the most of all only where its interval lies above those of the others.
        alike = hubs[(hubs["high"] / hubs["prior"] >= top["low"] / top["prior"]) & (hubs["emotion"] != top["emotion"])]
        most = "the most of all labels" if alike.empty else f"not more than {', '.join(alike['emotion'])} beyond chance"
        sentences.append(
            f"{top['emotion']} is nearest to {percent(top['share'])} of the pictures [{percent(top['low'])}, "
            f"{percent(top['high'])}], against {percent(top['prior'])} {against}: {top['ratio']:.2f} times as "
            f"many, {most}."
        )
    if alignment is not None and pd.notna(alignment["r"].iloc[0]):
        row = _row(alignment, alignment.index[0])
        tried = f"all {int(row['permutations']):,}" if row["exact"] else f"{int(row['permutations']):,}"
        r = f"r = {row['r']:+.2f}, {small_p(row['p'])} over {tried} orders of the labels".replace("-", "−")
        if row["p"] > SURE:
            ending = "no relation is shown"
        elif row["r"] > 0:
            ending = "emotions with similar words have pictures that lie close together"
        else:
            ending = "emotions with similar words have pictures that lie apart, as training to separate them makes them"
        sentences.append(f"Do distances between pictures follow distances between words? {r}: {ending}.")
    if wording is not None:
        whole = wording[wording["slice"] == "all pictures"]
        top = _row(whole, whole["flips"].idxmax())
        sentences.append(
            f"With other phrases (“{top['wording']}”), {percent(top['flips'])} of the pictures are predicted "
            "otherwise: a skew smaller than that depends on the phrasing of the prompt."
        )
    return sentences


def plane_objection(result: AuditResult) -> str:
    """Why the plane of the labels is not shown; "" where it may be."""
    table = result.table("space_plane_badge")
    return "" if table is None else map_objection({"trustworthiness": float(table["trustworthiness"].iloc[0])})


def plane_badge(result: AuditResult) -> str | None:
    """What the plane of the labels keeps and what it does not."""
    table = result.table("space_plane_badge")
    if table is None:
        return None
    if objection := plane_objection(result):
        return objection
    row = _row(table, table.index[0])
    trust = (
        ""
        if pd.isna(row["trustworthiness"])
        else (
            f"; trustworthiness {row['trustworthiness']:.2f}, continuity {row['continuity']:.2f}, "
            f"{percent(row['overlap'])} of neighbours preserved"
        )
    )
    return (
        "A linear map: the plane in which the label vectors lie farthest apart. Stars are the label vectors at "
        f"their true places; the plane holds {percent(row['label_share'])} of the labels’ variance and "
        f"{percent(row['picture_share'])} of the pictures’{trust}."
    )


def sample_sentence(result: AuditResult) -> str | None:
    """On how many pictures slow analyses were done, and what could not be done."""
    about = result.table("space_about")
    if about is None:
        return None
    some = about[(about["pictures"] < about["of"]) & (about["attribute"] == "") & (about["analysis"] != "space_plane")]
    parts = []
    if len(some):
        few = int(some["pictures"].min())
        parts.append(f"Slow analyses used a random sample of {few:,} of {int(some['of'].iloc[0]):,} pictures.")
    left = about[about["attribute"] != ""]
    if len(left):
        names = ", ".join(sorted({column_words(name) for name in left["attribute"]}))
        parts.append(f"Some analyses could not be done for {names} (too few pictures or groups with a value).")
    return " ".join(parts) or None


def _hundredths(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")


def _row(table: pd.DataFrame, label: Any) -> Any:
    return table.loc[label]


def _of(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
