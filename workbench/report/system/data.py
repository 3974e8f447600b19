"""What does a run know, without being told, of its labels, its attributes, and of whom it holds few or no pictures?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult, RunInfo
from affect_workbench.analyses.slices.conditions import Condition, in_words
from affect_workbench.data.tables.columns import VOTE_PREFIX, column_words
from affect_workbench.data.tables.read import named
from affect_workbench.workbench.interface.numbers import percent, plural

_MEANING = {
    "evoked": "As stated, they name what a picture evokes in those who look at it: nothing follows from them for the "
    "feelings of anybody shown in it.",
    "expressed": "As stated, they name what a person shown seems to express to others, which need not be what that person "
    "feels.",
}


def label_sentences(result: AuditResult, meaning: str | None = None) -> list[str]:
    """Votes or single labels, for how many pictures, how far people agreed, and what they mean.

    Args:
        result: the audit.
        meaning: `evoked` or `expressed` where that was stated.
    """
    run = result.run
    if not result.has_predictions:
        outcomes = ", ".join(map(column_words, run.config.outcomes))
        return [f"No emotions were predicted; numeric outcomes of the pictures are compared ({outcomes})."]
    known, total = run.pictures_with_truth, run.pictures
    if run.truth == "none":
        return [f"None of the {total:,} pictures has a label or votes: whether predictions are right was not assessed."]
    lacking = f"; {total - known:,} have none" if known < total else ""
    of = f"{known:,} of the {plural(total, 'picture')}" if lacking else f"All {total:,} pictures"
    found = []
    if run.truth == "votes":
        found.append(f"{of} have votes, not one label each{lacking}. {_agreement(result)}")
    else:
        found.append(
            f"{of} have one label each{lacking}; how many people chose a label, and whether they agreed, is not in the data."
        )
    unsaid = (
        "Whether they name what a picture evokes in those who look at it, or what a person in it expresses, was not stated."
    )
    return [*found, _MEANING.get(meaning or "", unsaid), *_rare_labels(result)]


def attribute_lines(result: AuditResult) -> list[str]:
    """For each attribute one line: how it was obtained, its values and how many pictures they have, who has none."""
    return [_attribute_line(result, name) for name in result.run.attributes]


def missing_sentences(result: AuditResult, missing: Sequence[str] | None = None) -> list[str]:
    """Pictures that no slice of an attribute holds, values with too few pictures, and who was stated to be missing.

    Args:
        result: the audit.
        missing: who is missing, where that was stated.
    """
    found = []
    without = _without_value(result)
    if without:
        most = max(without, key=lambda name: without[name])
        parts = f"{column_words(most)} ({without[most]:,} of {result.run.pictures:,})"
        found.append(
            f"Some pictures have no value of {parts} and are left out where it is sliced."
            if len(without) == 1
            else (
                f"Some pictures have no value of {len(without)} attributes, most of all of {parts}, and are left out "
                "where those are sliced."
            )
        )
    least = result.run.config.min_count
    few = [row.slice for row in _values(result) if row.n < least]
    if few:
        have = "has" if len(few) == 1 else "have"
        found.append(
            f"{plural(len(few), 'value')} of an attribute {have} fewer than {least:,} pictures, too few to say anything: "
            f"{named(few, most=5)}."
        )
    if missing:
        found.append(f"Stated to be missing from the data, or hardly there: {'; '.join(missing)}.")
    else:
        found.append("No audit of these pictures can tell who is absent from them, and it was not stated.")
    return found


def _agreement(result: AuditResult) -> str:
    """How many people voted, where the numbers tell, and how often no emotion has more than half of the votes."""
    names = [VOTE_PREFIX + label for label in result.taxonomy.labels]
    if not all(name in result.samples for name in names):
        return "Agreement between people is not stored in this run."
    votes = result.samples[names].to_numpy(np.float64)
    votes = votes[np.isfinite(votes).all(axis=1) & (votes.sum(axis=1) > 0)]
    if not len(votes):
        return ""
    totals = votes.sum(axis=1)
    whole = bool((votes == np.rint(votes)).all() and (totals > 1).any())
    people = (
        f"The median picture has {np.median(totals):g} votes"
        if whole
        else "They are shares: the number of people is not known"
    )
    split = float((votes.max(axis=1) <= totals / 2).mean())
    return f"{people}; on {percent(split)} of the pictures no emotion has more than half of them."


def _rare_labels(result: AuditResult) -> list[str]:
    """Labels that stand on fewer pictures than a slice needs to be tested."""
    if "label" not in result.samples or result.run.truth != "labels":
        return []
    codes = result.taxonomy.codes(result.samples["label"])
    counts = np.bincount(codes[codes >= 0], minlength=len(result.taxonomy))
    least = result.run.config.min_count
    rare = [
        f"{label} ({count:,})" for label, count in zip(result.taxonomy.labels, counts.tolist(), strict=True) if count < least
    ]
    return [f"Fewer than {least:,} pictures are labelled {', '.join(rare)}."] if rare else []


def _attribute_line(result: AuditResult, name: str) -> str:
    rows = [row for row in _values(result) if name in row.where]
    conditions = [Condition(name, **row.where[name]) if isinstance(row.where[name], Mapping) else None for row in rows]
    parts = [_origin(result.run, name)]
    if rows:
        low, high = min(row.n for row in rows), max(row.n for row in rows)
        pictures = f"{plural(low, 'picture')} each" if low == high else f"{low:,} to {high:,} pictures"
        ends = sorted({end for one in conditions if one is not None for end in (one.above, one.up_to) if end is not None})
        if ends:
            cuts = ", ".join(in_words(end) for end in ends)
            parts.append(f"a number, cut at its quantiles ({cuts}) into {plural(len(rows), 'slice')} of {pictures}")
        else:
            parts.append(f"{plural(len(rows), 'value')} of {pictures}")
    without = _without_value(result).get(name)
    if without:
        parts.append(f"{plural(without, 'picture')} without a value")
    return f"{column_words(name)}: {'; '.join(parts)}."


def _origin(run: RunInfo, name: str) -> str:
    if name in run.inferred:
        return str(run.provenance.get("inferred_from", {}).get(name, "inferred by a model from a prompt or a direction"))
    table = run.provenance.get("joined", {}).get(name)
    return f"joined by picture from {table}" if table else "a column of the data"


def _values(result: AuditResult) -> list[Any]:
    """The slices of one condition."""
    return list(result.slices[result.slices["order"] == 1].itertuples())


def _without_value(result: AuditResult) -> dict[str, int]:
    """Attribute -> pictures without a value, only where there are some."""
    samples: pd.DataFrame = result.samples
    counts = {name: int(samples[name].isna().sum()) for name in result.run.attributes if name in samples}
    return {name: count for name, count in counts.items() if count}
