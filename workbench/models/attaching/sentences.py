"""What do a model's answers, its places and its answer probe come to, in a sentence each?"""

from __future__ import annotations

import pandas as pd

from affect_workbench.analyses.fidelity.certificate import SPEAKS_FROM
from affect_workbench.analyses.fidelity.layers import place_words
from affect_workbench.data.answers.table import kind_counts
from affect_workbench.data.plurals import plural
from affect_workbench.workbench.interface.numbers import percent
from affect_workbench.workbench.models.attaching.browsing import AttachedRun, ModelRun

_KINDS = {"refusal": "refusal", "hedge": "hedge", "unparseable": "unparseable answer"}
_MOST_LISTED = 6
READERS = {
    "answer probe": "Answer probe: fitted on the model’s own answers to other pictures.",
    "logit lens": (
        "Logit lens: the model’s own output head, put at each place, compares the label words; far from the output it need "
        "not mean anything."
    ),
}
"""Who reads a place -> how."""


def asked_sentence(run: ModelRun) -> str:
    """Which model was asked what of how many pictures, and where it was tapped."""
    text = f"{run.asked.text('model')} was asked about {plural(len(run.pictures), 'picture')}"
    text += f" in {plural(len(run.prompts), 'prompt')}"
    if run.attached is not None:
        text += f" and tapped at {plural(len(run.attached.places), 'place')}; nothing in it was changed"
    return f"{text}. Of {counted(run.answers)}."


def counted(answers: pd.DataFrame) -> str:
    """How many answers there are, and of which kind."""
    counts = kind_counts(answers)
    listed = [plural(counts[kind], words) for kind, words in _KINDS.items()]
    return f"{plural(len(answers), 'answer')}, {counts['label']:,} name a label; {', '.join(listed)}"


def answer_sentence(run: ModelRun, image_id: str) -> str:
    """What the model answered about a picture, and whether its prompts agree."""
    shares = run.shares_of(image_id)
    if shares.empty:
        return "No answer about this picture names a label."
    mean = shares.mean(axis=0)
    answered = str(mean.idxmax())
    alone = shares.idxmax(axis=1).value_counts()
    what = "mean probability" if run.scored else "share of the texts that name a label:"
    text = f"Answered {answered}: {what} {percent(float(mean.max()))} over {plural(len(shares), 'prompt')}"
    if len(alone) > 1:
        text += "; prompt by prompt: " + ", ".join(f"{label} {count:,}" for label, count in alone.items())
    elif len(shares) > 1:
        text += f", each of which names {alone.index[0]}"
    return f"{text}."


def places_sentence(predicted: pd.DataFrame, *, reader: str, answered: str | None) -> str:
    """At which places a reader says of a picture what the model answered.

    Args:
        predicted: places x labels.
        reader: who reads them.
        answered: what the model answered; None where no answer names a label.
    """
    said = predicted.idxmax(axis=1)
    same = said.index[said == answered]
    if answered is None:
        return f"The {reader} says {said.iloc[-1]} at {place_words(said.index[-1])}; the model itself named no label."
    text = f"The {reader} says {answered}, as the model answered, at {len(same):,} of {plural(len(said), 'place')}"
    text += f": {_listed([f'“{place}”' for place in same])}" if 0 < len(same) < len(said) else ""
    other = said[said != answered]
    if len(other):
        text += "; otherwise " + _listed([f"{label} at “{place}”" for place, label in other.items()])
    return f"{text}."


def _listed(words: list[str]) -> str:
    left = len(words) - _MOST_LISTED
    return ", ".join(words[:_MOST_LISTED]) + (f" and {left:,} more" if left > 0 else "")


def nearest_sentence(rows: pd.DataFrame, *, answered: str | None, label: str | None) -> str:
    """What the nearest pictures have in common with the chosen one.

    Args:
        rows: the nearest pictures, with `predicted` and, where it is known, `label`.
        answered: what the model answered about the chosen one.
        label: its label.
    """
    parts, of = [], f" of the {plural(len(rows), 'nearest picture')}"
    if answered is not None:
        parts.append(
            f"The model’s answer, {answered}, is also the one for {int((rows['predicted'] == answered).sum()):,}{of}"
        )
        of = ""
    if label is not None and "label" in rows:
        parts.append(f"{'its' if parts else 'Its'} label, {label}, is that of {int((rows['label'] == label).sum()):,}{of}")
    return f"{'; '.join(parts)}." if parts else ""


def agreement_sentence(attached: AttachedRun) -> tuple[bool, str]:
    """Whether the answer probe of the audited place speaks for the model, and why, in words."""
    audited, table = attached.record.text("audited"), agreement_table(attached)
    row = table[table.index == audited].iloc[0]
    speaks = bool(row["fidelity"] >= SPEAKS_FROM)
    most = ", the most of all places" if len(table) > 1 and row["fidelity"] == table["fidelity"].max() else ""
    text = (
        f"The answer probe at {place_words(audited)}, which is what is audited, says what the model itself answered for "
        f"{agreement_text(row)} of {plural(int(row['n']), 'picture')}{most}. "
    )
    if speaks:
        return True, text + "An audit of this run says in which slices it may stand in for the model."
    return False, text + f"Below {100 * SPEAKS_FROM:g} % it does not speak for the model: audit the answers themselves."


def agreement_table(attached: AttachedRun) -> pd.DataFrame:
    """How often the answer probe of each place says what the model answered, by place."""
    layers = attached.layers
    return layers[layers["reader"] == "answer probe"].set_index("place")[["n", "fidelity", "fidelity_low", "fidelity_high"]]


def agreement_text(row: pd.Series) -> str:
    """A share with its interval."""
    return f"{percent(row['fidelity'])} [{100 * row['fidelity_low']:.1f}, {100 * row['fidelity_high']:.1f}]"
