"""What does a card say, in plain words?"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.numbers import interval, percent, plural, points, small_q
from affect_workbench.workbench.report.cards.assessed import Assessed, more_pictures, would_be_seen

_MOST_NAMED = 3
_WAYS = {
    "mirror": ("another value of {}", "other values of {}"),
    "remainder": ("another emotion there", "other emotions there"),
    "child": ("an intersection with it", "intersections with it"),
    "carried": ("a slice that goes along with it", "slices that go along with it"),
}
"""How skews follow from a cause -> in words, of one and of several."""


def card_sentence(result: AuditResult, assessed: Assessed) -> str:
    """The answer in a few plain sentences."""
    name, finding = column_words(assessed.attribute), assessed.finding
    if assessed.kind == "unproven":
        return f"Nothing is said of {name}: {result.run.unproven[assessed.attribute].rstrip('.')}."
    if assessed.kind == "too few" and finding is not None:
        return (
            f"Too few pictures to tell: {finding['slice']} has {finding['n']:,}, beside {finding['n_complement']:,} others."
        )
    if assessed.kind == "too few":
        least = result.run.config.min_count
        return f"No value of {name} has {least:,} pictures with {least:,} others beside them."
    assert finding is not None
    if assessed.kind == "none":
        return _no_difference(result, assessed)
    others = assessed.causes.iloc[1:]
    if assessed.kind == "amplified" and len(others):
        return _exaggerated(result, assessed.causes, whole=True)
    lead = _rates_sentence(finding)
    if assessed.kind == "labels":
        return f"{lead} The {result.run.truth} differ as well, by {_points(finding['label_gap'])}, and explain it."
    if assessed.kind == "carried":
        return f"{lead} This follows from another cause ({finding['explained_by']})."
    parts = [lead, _source(result, assessed), _certainty(finding, assessed.causes)]
    more = others[others["kind"].isin(["new", "difference"])]
    if len(more):
        parts.append(f"Besides: {_listed([_short(row) for _, row in more.iterrows()])}.")
    amplified = others[others["kind"] == "amplified"]
    if len(amplified):
        parts.append(_exaggerated(result, amplified, whole=False))
    return " ".join(filter(None, parts))


def reached(result: AuditResult, assessed: Assessed) -> tuple[str, ...]:
    """How the verdict was reached, a line each."""
    cells, config = assessed.cells, result.run.config
    counts = cells["verdict"].value_counts()
    tested = ", ".join(f"{int(counts[verdict]):,} {verdict}" for verdict in counts.index)
    lines = [f"{plural(len(cells), '(value, emotion) pair')}: {tested}." if len(cells) else "No value was counted."]
    if assessed.alone:
        lines = [f"Its verdict is {cells['verdict'].iloc[0]}."]
    if assessed.finding is not None and not math.isnan(assessed.finding["effect"]):
        row = assessed.finding
        lines.append(
            f"{row['slice']}, {row['emotion']}: {interval(row['effect'], row['low'], row['high'])} points, "
            f"{small_q(row['q'])}, {row['n']:,} pictures and {row['n_complement']:,} others."
        )
        if not math.isnan(row["label_gap"]):
            gaps = [interval(*(row[f"{which}_gap{end}"] for end in ("", "_low", "_high"))) for which in ("label", "model")]
            lines.append(f"Label gap (of the {result.run.truth}) {gaps[0]} points; model gap {gaps[1]} points.")
    for _, cause in assessed.causes.iterrows():
        added = interval(cause["adjusted_effect"], cause["adjusted_low"], cause["adjusted_high"])
        lines.append(
            f"Cause “{cause['cause']}” ({cause['kind']}): {added} points with the other causes held, evidence "
            f"{cause['evidence']:.1f} (chance: {cause['threshold']:.1f}), found again in {cause['stable']:,} of "
            f"{cause['halves']:,} half-samples."
        )
    lines.append(
        f"A difference counts if it is beyond chance (false discovery rate {100 * config.alpha:g} % over all pairs) and by "
        f"more than {100 * config.tolerance:g} points."
    )
    return tuple(lines)


def consequences(result: AuditResult, assessed: Assessed) -> tuple[str, tuple[str, ...]]:
    """What follows from its causes: in a few words, and a line for each cause and each intersection where it is stronger.

    Of a finding that follows from something itself, what that is.
    """
    lines, total = [], 0
    name = column_words(assessed.attribute)
    if assessed.alone and (origin := _explanation(assessed.finding, name)):
        return "what explains it", (origin,)
    skewed = result.findings[result.findings["verdict"] == "skewed"]
    for cause in assessed.causes["cause"]:
        ways = skewed.loc[skewed["explained_by"] == cause, "way"].value_counts()
        parts = [
            f"{int(ways[way]):,} {words[1]}" if ways[way] > 1 else words[0]
            for way, words in _WAYS.items()
            if way in ways.index
        ]
        total += int(ways.sum())
        if parts:
            lines.append(f"{cause} explains {_listed(parts)}.".replace("{}", name))
    for _, inner in assessed.within.iterrows():
        lines.append(
            f"Stronger still: {_short(inner)}; found again in {inner['stable']:,} of {inner['halves']:,} half-samples."
        )
    if not lines:
        return "", ()
    if total:
        return f"explains {plural(total, 'other skew')}", tuple(lines)
    return "at intersections", tuple(lines)


def settling(result: AuditResult, assessed: Assessed) -> str:
    """What would settle what is not settled; "" where it is."""
    cells = assessed.cells
    if assessed.kind == "too few":
        least = result.run.config.min_count
        if not assessed.alone:
            return f"It takes {least:,} pictures of at least two values."
        enough = bool((cells[["n", "n_complement"]] >= least).all(axis=None))
        return "" if enough else f"It takes {least:,} pictures of the slice and of the others."
    if assessed.kind != "none" or (assessed.tested["verdict"] == "equivalent").all():
        return ""
    more = more_pictures(result, assessed)
    if not math.isfinite(more):
        return ""
    rounded = int(float(f"{more:.2g}"))
    tolerance = f"{100 * result.run.config.tolerance:g} points"
    return f"About {rounded:,} more pictures would show whether it stays within {tolerance}."


def _no_difference(result: AuditResult, assessed: Assessed) -> str:
    none = f"No difference by {column_words(assessed.attribute)}"
    if assessed.alone:
        none = f"{_rates_sentence(assessed.finding)} No difference"
    if (assessed.tested["verdict"] == "equivalent").all():
        return f"{none}: whatever there is stays within {100 * result.run.config.tolerance:g} points."
    seen = would_be_seen(result, assessed)
    if not seen < 1:
        return f"{none} shown, and with so few pictures none could have been."
    size = math.ceil(100 * round(seen, 4))
    return f"{none} shown. A difference of {size} points or more would very probably have been seen."


def _rates_sentence(row: Any) -> str:
    paired = "pairs" in row and not pd.isna(row["pairs"])
    rate, other = rates_in_words(row["rate"], row["complement_rate"])
    who = "their partners in pairs" if paired else "others"
    return f"Pictures with {row['slice']} are predicted as {row['emotion']} {rate} of the time, {who} {other}."


def _explanation(row: Any, attribute: str) -> str:
    """Which cause or parent slice explains a finding, and how; "" where none does, or the labels do."""
    if not isinstance(row["explained_by"], str) or row["way"] == "labels":
        return ""
    how = _WAYS[row["way"]][0].format(attribute) if row.get("way") in _WAYS else "a part of it"
    return f"It is explained by {row['explained_by']}: this is {how}."


def _source(result: AuditResult, assessed: Assessed) -> str:
    """Do the labels give a ground for it?"""
    row, truth = assessed.finding, result.run.truth
    assert row is not None
    gap, low, high = row["label_gap"], row["label_gap_low"], row["label_gap_high"]
    if truth == "none":
        return "No labels are known that could say where this comes from."
    if math.isnan(gap):
        return f"Too few {truth} are known to say where this comes from."
    adds = {"model": "the model adds this", "both": "the model adds this", "labels": f"this may be the {truth}’ own"}
    ending = adds.get(row["attribution"], f"it is not certain which part is the model’s and which the {truth}’")
    size = _points(gap)
    if assessed.kind == "muted":
        return f"The {truth} differ by {points(gap)} points: the model says less than they do."
    if assessed.kind == "amplified":
        beyond = row["model_gap_low"] if gap > 0 else -row["model_gap_high"]
        if beyond > 0 or assessed.causes.empty:
            return f"The {truth} differ that way as well, by {size}: the model exaggerates it."
        added = assessed.causes["adjusted_effect"].iloc[0]
        how = f"{_points(added)} {'more' if added > 0 else 'less'} often"
        return (
            f"The {truth} differ that way as well, by {size}; of pictures with the same {truth} it is still predicted {how}."
        )
    if low > 0 or high < 0:
        if abs(gap) <= result.run.config.tolerance:
            return f"The {truth} hardly differ ({points(gap)} points): {ending}."
        return f"The {truth} differ by {points(gap)} points: {ending}."
    sure = high - low < abs(row["effect"])
    return f"The {truth} {'do not' if sure else 'are not shown to'} differ ({_signed(gap)}): {ending}."


def _certainty(row: Any, causes: pd.DataFrame) -> str:
    """How sure it is; a cause that halves of the data do not confirm is not certain."""
    if row["verdict"] != "skewed":
        return ""
    top = causes.iloc[0] if len(causes) else None
    if top is not None and 2 * top["stable"] < top["halves"]:
        again = f"{top['stable']:,} of {top['halves']:,}"
        return f"Beyond chance, but as a cause of its own found again in {again} halves of the data only."
    return "Beyond chance, on few pictures." if row["low_evidence"] else "Certain beyond chance."


def _exaggerated(result: AuditResult, causes: pd.DataFrame, *, whole: bool) -> str:
    """All amplified causes in one sentence."""
    rows = [row for _, row in causes.iterrows()]
    told = []
    for place, row in enumerate(rows[:_MOST_NAMED]):
        name = row["slice"] if len(row["where"]) > 1 else row["slice"].split(": ", 1)[1]
        rate, other = rates_in_words(row["rate"], row["complement_rate"])
        labels = f"; the {result.run.truth} differ by {_points(row['label_gap'])}" if place == 0 and whole else ""
        told.append(f"{name} as {row['emotion']} ({rate}, others {other}{labels})")
    if len(rows) > _MOST_NAMED:
        told.append(f"{len(rows) - _MOST_NAMED:,} more" if len(rows) > _MOST_NAMED + 1 else "one more")
    also = "" if whole else "also "
    return f"The model {also}exaggerates what the {result.run.truth} say: {_listed(told)}."


def _short(row: Any) -> str:
    """`camera: noisy as anger (47 %, others 23 %)`."""
    rate, other = rates_in_words(row["rate"], row["complement_rate"])
    return f"{row['slice']} as {row['emotion']} ({rate}, others {other})"


def rates_in_words(rate: float, other: float) -> tuple[str, str]:
    """Two rates in as few digits as tell them apart: `47 %`, `23 %`."""
    whole = f"{100 * rate:.0f} %", f"{100 * other:.0f} %"
    near = whole[0] == whole[1] or "0 %" in whole
    return (percent(rate), percent(other)) if near else whole


def _points(gap: float) -> str:
    size = abs(100 * gap)
    return f"{size:.0f} points" if round(size) > 1 else f"{size:.1f} points"


def _signed(gap: float) -> str:
    text = _points(gap)
    return text if text.startswith("0.0") else f"{'−' if gap < 0 else '+'}{text}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
