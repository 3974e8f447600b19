"""How is a change between two models said in words that a reader without statistics understands?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from affect_workbench.analyses.audit.compare.compare import Comparison
from affect_workbench.analyses.skew.causes.changes import CHANGES as CAUSE_CHANGES
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.numbers import percent, plural, points, small_p, small_q
from affect_workbench.workbench.report.outcomes.sentences import number
from affect_workbench.workbench.report.sentences import markdown_of

VERDICT_MEANING = {
    "worse": "the skew grew beyond chance and by more than the tolerance",
    "better": "the skew shrank beyond chance and by more than the tolerance",
    "changed": "it changed beyond chance, but is neither clearly worse nor clearly better",
    "equivalent": "it changed by less than the tolerance",
    "undetermined": "inconclusive: the data show neither a change nor its absence",
    "too small": "too few pictures for a statement",
}
_ENDING = {
    "worse": "the absolute skew grew by at least {} points",
    "better": "the absolute skew shrank by at least {} points",
    "changed": "neither clearly worse nor clearly better",
}


def change_sentence(row: Any) -> list[tuple[str, str]]:
    """A row of `Comparison.changes` as (text, style) pieces, styles as in `workbench.report.sentences.finding_sentence`."""
    pieces = [("Pictures with ", "plain"), (row.slice, "slice"), (" predicted as ", "plain"), (row.emotion, "emotion")]
    if row.p != row.p:
        return [*pieces, (f": too few pictures (n = {row.n:,}).", "plain")]
    pieces += [
        (
            (f": the difference from the other pictures changed from {points(row.skew_a)} to {points(row.skew_b)} points, "),
            "plain",
        ),
        (f"{points(row.change)} points", "effect"),
        (f" [{points(row.low)}, {points(row.high)}]", "plain"),
        (f", {small_q(row.q)}, n = {row.n:,}", "quiet"),
    ]
    if abs(row.beyond_a - row.skew_a) > 0.0005 or abs(row.beyond_b - row.skew_b) > 0.0005:
        pieces.append((f"; beyond the label gap from {points(row.beyond_a)} to {points(row.beyond_b)}", "plain"))
    ending = _ENDING.get(row.verdict, row.verdict)
    sure = row.growth_low if row.verdict == "worse" else row.growth_high
    return [*pieces, (f"; {ending.format(points(sure, signed=False))}.", "plain")]


def flip_sentence(row: Any, *, grouped: bool) -> str:
    """What happened inside the slice alone."""
    units = "groups of pictures" if grouped else "pictures"
    came, left = ("moved toward it", "away") if grouped else ("changed to it", "away from it")
    return f"In the slice, {row.into:,} {units} {came}, {row.out_of:,} {left}: McNemar {small_p(row.mcnemar_p)}."


def plain_change(row: Any) -> str:
    """The change as plain text."""
    return "".join(text for text, _ in change_sentence(row))


def markdown_change(row: Any) -> str:
    """The change as Markdown with every character of the data escaped."""
    return markdown_of(change_sentence(row))


def cause_change(row: Any) -> str:
    """What became of a cause, in one sentence."""
    of_both = (("A", row.adjusted_a), ("B", row.adjusted_b))
    sizes = [f"{points(size)} points in {name}" for name, size in of_both if not math.isnan(size)]
    kind = row.kind_b or row.kind_a
    return f"{row.cause} ({kind}): {', '.join(sizes)}."


def outcome_change(row: Any) -> str:
    """A row of `Comparison.outcomes` as plain text."""
    if row.p != row.p:
        return f"Pictures with {row.slice}, {column_words(row.outcome)}: too few pictures (n = {row.n:,})."
    ending = {
        "worse": f"; the absolute difference grew by at least {number(row.growth_low)}",
        "better": f"; the absolute difference shrank by at least {number(abs(row.growth_high))}",
        "changed": "; neither clearly worse nor clearly better",
    }.get(row.verdict, "")
    change, low, high = (number(value, signed=True) for value in (row.change, row.low, row.high))
    return (
        f"Pictures with {row.slice}, mean {column_words(row.outcome)}: the difference from the other pictures changed from "
        f"{number(row.skew_a, signed=True)} to {number(row.skew_b, signed=True)}, {change} [{low}, {high}], "
        f"{small_q(row.q)}, n = {row.n:,}{ending}."
    )


def headline(result: Comparison) -> str:
    """The outcome in one sentence."""
    what, cells = ("emotion", len(result.changes)) if result.has_predictions else ("outcome", len(result.outcomes))
    counts = {verdict: result.count(verdict) for verdict in VERDICT_MEANING}
    sentence = (
        f"{counts['worse']:,} of {cells:,} (slice, {what}) pairs got worse, {counts['better']:,} better, "
        f"{counts['changed']:,} changed; {counts['equivalent']:,} equivalent, {counts['undetermined']:,} undetermined, "
        f"{counts['too small']:,} too small to tell"
    )
    if not result.has_predictions or result.outcomes.empty:
        return sentence
    of = {verdict: int((result.outcomes["verdict"] == verdict).sum()) for verdict in ("worse", "better", "changed")}
    return (
        f"{sentence}; of {len(result.outcomes):,} (slice, outcome) pairs {of['worse']:,} got worse, "
        f"{of['better']:,} better, {of['changed']:,} changed"
    )


def outcome(result: Comparison) -> list[str]:
    """What the headline means and how the models do over all, one sentence each."""
    overall = result.overall
    if not result.has_predictions:
        return [
            (
                "No emotions were predicted; the numeric outcomes of both runs are compared picture by picture. "
                "Worse means a larger difference between slice and other pictures."
            )
        ]
    share = percent(overall["flipped"] / overall["pictures"])
    sentences = [f"{overall['flipped']:,} of {overall['pictures']:,} pictures ({share}) are predicted differently."]
    found = result.changes[result.changes["verdict"].isin(["worse", "better", "changed"])]
    repeats = int(found["explained_by"].notna().sum())
    if repeats:
        sentences.append(
            f"{repeats:,} of the {len(found):,} changes {'is' if repeats == 1 else 'are'} explained by the parent slice."
        )
    if len(result.causes):
        counts = result.causes["change"].value_counts()
        told = ", ".join(f"{counts[change]:,} {change}" for change in CAUSE_CHANGES if change in counts and change != "same")
        still = int(counts.get("same", 0))
        same = f"{still:,} stayed as {'it was' if still == 1 else 'they were'}" if still else ""
        sentences.append(f"Of the causes of both, {', '.join(filter(None, (told, same)))}.")
    if not len(found):
        undecided = result.count("undetermined") + result.count("too small")
        not_decided = (
            f" This does not prove that nothing changed: {plural(undecided, 'pair')} could not be decided."
            if undecided
            else ""
        )
        sentences.append(f"No change of a skew was found that is both beyond chance and beyond the tolerance.{not_decided}")
    if overall["labelled"]:
        sentences.append(accuracy_sentence(overall))
    else:
        sentences.append("Without labels it is unknown which prediction is right: worse means a larger skew.")
    return sentences


def accuracy_name(overall: Mapping[str, Any]) -> str:
    """`Accuracy`, or with votes `Vote agreement`: a mean share of votes is no share of right answers."""
    return "Vote agreement" if overall.get("votes") else "Accuracy"


def accuracy_sentence(overall: Mapping[str, Any]) -> str:
    """Both accuracies (with votes, vote agreements) and whether they differ beyond chance."""
    tie = "" if overall["low"] > 0 or overall["high"] < 0 else ", no difference shown"
    change, low, high = (points(overall[name]) for name in ("change", "low", "high"))
    test = "sign test" if overall.get("votes") else "McNemar"
    return (
        f"{accuracy_name(overall)} changed from {percent(overall['accuracy_a'])} to "
        f"{percent(overall['accuracy_b'])}: {change} points [{low}, {high}], {test} "
        f"{small_p(overall['p'])}{tie}, n = {overall['labelled']:,}."
    )
