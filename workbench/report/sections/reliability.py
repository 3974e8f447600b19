"""How well a model reads, and what its confidence is good for: how is that said in a sentence each?"""

from __future__ import annotations

import pandas as pd

from affect_workbench.analyses.audit.accuracy import Confidence, MeasuredAccuracy
from affect_workbench.workbench.interface.numbers import percent, points

_FEWEST = 0.05
"""Share of the pictures below which the surest are not spoken of: `probes.evaluation.calibration` tries no smaller one."""


def accuracy_sentence(quality: MeasuredAccuracy) -> str:
    """How often the model is right, the best baseline beside it, and whether the figures are too high."""
    own, baselines = quality.models.iloc[0], quality.models[quality.models["kind"] == "baseline"]
    text = f"Of {int(own['n']):,} labelled pictures, {_subject(quality)} predicts {_rate(own)} as labelled"
    if quality.truth == "votes":
        text = (
            f"On {int(own['n']):,} pictures with votes, the label that {_subject(quality)} predicts has {_rate(own)} of a "
            "picture’s votes on average (vote agreement)"
        )
    if len(baselines):
        best = baselines.iloc[int(baselines["accuracy"].argmax())]
        text += f"; the best of the baselines fitted on its training pictures, {best['model']}, reaches {_rate(best)}"
    if quality.seen:
        text += (
            f". {quality.seen:,} of these pictures are in-sample: used for training or to choose the epoch, so "
            f"these figures are too high{', the baselines’ too' if len(baselines) else ''}"
        )
    elif quality.seen is None:
        text += ". Whether it was trained on any of them is not known; if it was, this figure is too high"
    return f"{text}."


def gap_sentence(confidence: Confidence) -> str:
    """How far the confidence is from the accuracy."""
    table = confidence.reliability
    weights = table["n"] / table["n"].sum()
    gap = float(((table["confidence"] - table["accuracy"]).abs() * weights).sum())
    confident, right = (float((table[name] * weights).sum()) for name in ("confidence", "accuracy"))
    basis = f"Its probabilities are out of fold, {confidence.basis}. " if confidence.basis else ""
    return (
        f"{basis}Its mean confidence is {percent(confident)} and its accuracy {percent(right)}; over {len(table)} "
        f"group{'s' if len(table) > 1 else ''} of similar confidence the two differ by "
        f"{points(gap, signed=False)} points on average."
    )


def answer_sentence(confidence: Confidence) -> str:
    """How much can be answered at the accuracy that was asked for, as far as these pictures can promise it."""
    asked, sure = f"{100 * confidence.asked:g} %", f"{100 * confidence.level:g} % confidence"
    if confidence.seen:
        return (
            f"No accuracy can be guaranteed for new pictures: {confidence.seen:,} of these {confidence.n:,} are "
            "in-sample, and it does better on those (--unseen-only leaves them out)."
        )
    row, doubt = confidence.answered, ", if it was trained on none of these" if confidence.seen is None else ""
    if row is not None:
        answered = (
            "Answering every picture"
            if row["coverage"] == 1
            else (
                f"Answering only the most confident {_share(row['coverage'])} of the pictures (confidence ≥ "
                f"{percent(confidence.threshold)})"
            )
        )
        return (
            f"{answered}, its accuracy on new pictures like these is at least {asked} ({sure}{doubt}); here it is "
            f"{percent(row['accuracy'])}."
        )
    curve = confidence.coverage
    reached = curve[(curve["accuracy"] >= confidence.asked) & (curve["coverage"] >= _FEWEST)]
    if reached.empty:
        return (
            f"At no threshold can {asked} be guaranteed: however few pictures it answers, down to the most "
            f"confident {_share(_FEWEST)}, fewer are right."
        )
    best = dict(reached.iloc[int(reached["low"].argmax())])
    return (
        f"At no threshold can {asked} be guaranteed with so few pictures: of the most confident "
        f"{_share(best['coverage'])} it gets {percent(best['accuracy'])} right, but {int(best['n']):,} pictures "
        f"are too few for {sure}."
    )


def coverage_note(confidence: Confidence) -> str:
    """What the bands of the coverage curve are, and what the threshold on it."""
    bands = "The bands are 95 % intervals, each for a threshold fixed beforehand."
    if confidence.threshold is None:
        return bands
    return (
        f"{bands} The ringed one was chosen among twenty on these very pictures: the guarantee allows for that "
        "and holds for new pictures that are drawn as these were."
    )


def none_sentence(beyond: int, n: int, share: float) -> str:
    """How many of `n` pictures are like no label, by the threshold that training kept."""
    return (
        f"{_share(beyond / n)} of the pictures ({beyond:,} of {n:,}) are farther from every label it was trained "
        f"on than {_share(1 - share)} of its validation pictures were (“none of these”). For pictures like the "
        f"validation pictures, about {_share(share)} is expected."
    )


NO_NONE_THRESHOLD = (
    "How many pictures are “none of these” is not known: the probe stores no threshold for it (it was imported, "
    "was trained by an older version, or had too few validation pictures)."
)


def unsure_sentence(measure: str, *, truth: str = "labels") -> str:
    """Why nothing is said of the confidence of a table."""
    if truth == "votes":
        return (
            "The truth is votes, so no answer is simply right or wrong, and confidence is not assessed here; how "
            "far the probabilities are from the votes is shown slice by slice under calibration."
        )
    if measure == "label":
        return "The predictions contain labels only, so there is no confidence to assess."
    return "The scores are not probabilities (they do not add up to 1), so confidence is not assessed."


def _subject(quality: MeasuredAccuracy) -> str:
    return "the probe" if quality.models["kind"].iloc[0] == "probe" else "the model"


def _rate(row: pd.Series) -> str:
    return f"{percent(row['accuracy'])} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"


def _share(value: float) -> str:
    """A share without decimals, but never rounded to nothing or to all."""
    return f"{100 * value:.0f} %" if value in (0, 1) or 0.005 <= value < 0.995 else f"{100 * value:.1f} %"
