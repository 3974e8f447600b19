"""How does the emotion that a classifier found enter the question to a language model, and what do ablations put there?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal, get_args

from affect_workbench.data.instruct.plan import WHICH_AND_WHY, WHY
from affect_workbench.data.instruct.records import LABEL_LINE

Mode = Literal["given", "predicted", "none", "wrong"]
"""What the question says of the emotion: a label that somebody gives, the classifier's, nothing, or a wrong one."""
GIVEN, PREDICTED, NONE, WRONG = MODES = get_args(Mode)
Ranked = Sequence[tuple[str, float]]
"""Labels of a classifier with their probabilities, the likeliest first."""


def conditioned(question: str | None, mode: Mode, label: str | None = None, *, ranked: Ranked = ()) -> str:
    """What the model is asked.

    The first line is that of the training data (`LABEL_LINE`) in every mode but `none`, so that the modes differ in
    nothing but the label. Only `predicted` may go on with how sure the classifier is: of a wrong label there is nothing
    true to say.

    Args:
        question: the reader's own; None or empty for the one of the training data.
        mode: see `Mode`.
        label: what stands in the first line; not read in mode `none`.
        ranked: what the classifier says of the picture, for mode `predicted`; empty for the label alone.

    Raises:
        ValueError: an unknown mode, no label of one line where one is needed, or another than the likeliest is called
            predicted.
    """
    if mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}: expected {', '.join(MODES)}")
    own = (question or "").strip()
    if mode == NONE:
        return own or WHICH_AND_WHY
    if not label or len(label.splitlines()) > 1 or label != label.strip():
        raise ValueError(f"mode {mode!r} needs a label, one line of text: got {label!r}")
    lines = [f"{LABEL_LINE}{label}"]
    if mode == PREDICTED and ranked:
        if label != ranked[0][0]:
            raise ValueError(f"{label!r} is not what the classifier predicted: that is {ranked[0][0]!r}")
        lines.append(_certainty(ranked))
    return "\n".join([*lines, own or WHY])


def _certainty(ranked: Ranked) -> str:
    (_, confidence), *others = ranked
    told = f"Confidence: {100 * confidence:.0f} %."
    return f"{told} Runner-up: {others[0][0]}, {100 * others[0][1]:.0f} %." if others else told


def least_likely(ranked: Ranked, *, right: str) -> str:
    """The label that the classifier holds for the least likely, the right one left out.

    Raises:
        ValueError: there is no other.
    """
    others = [(share, label) for label, share in ranked if label != right]
    if not others:
        raise ValueError(f"there is no label but {right!r}: none is wrong")
    return min(others)[1]


def drawn_label(labels: Sequence[str], *, right: str, seed: int, key: str = "") -> str:
    """One of the other labels, drawn from the seed and the picture's key.

    Raises:
        ValueError: there is no other.
    """
    others = sorted(set(labels) - {right})
    if not others:
        raise ValueError(f"there is no label but {right!r}: none is wrong")
    return random.Random(f"{seed}\0{key}").choice(others)
