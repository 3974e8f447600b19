"""What does `workbench ask` print, before and after it has asked?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from affect_workbench.data.answers.parser import KINDS
from affect_workbench.data.answers.table import kind_counts
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.asking.cost import price
from affect_workbench.probes.asking.questions import Question
from affect_workbench.workbench.models.asking.answers import AskedPictures, agreement
from affect_workbench.workbench.models.asking.calling import already
from affect_workbench.workbench.models.asking.files import UNANSWERED_FILE
from affect_workbench.workbench.models.asking.settings import AskSettings

_WORDS = {
    "label": ("names a label", "name a label"),
    "refusal": ("refusal", "refusals"),
    "hedge": ("hedge", "hedges"),
    "unparseable": ("unparseable", "unparseable"),
}


def expectation(settings: AskSettings, todo: Sequence[Question], answered: int, case: str) -> Iterator[str]:
    """What asking these questions will take.

    Args:
        settings: what was set.
        todo: the questions that are not answered.
        answered: how many are, from an interrupted run.
        case: under which condition; empty without one.
    """
    begins = f"{case}: " if case else ""
    if not settings.calling.endpoint:
        texts = sum(question.method == "generated" for question in todo)
        prompts = plural(len(todo) - texts, "prompt")
        yield f"{begins}{prompts} to score, {plural(texts, 'text')} to generate{already(answered)}; nothing is sent"
        return
    yield begins + settings.calling.cost(todo, answered=answered, longest=settings.max_tokens)


def summary(settings: AskSettings, asked: AskedPictures, taxonomy: Taxonomy) -> Iterator[str]:
    """What was answered, a line each: kinds of answers, pictures without one, predictions, agreement, tokens."""
    for what, answers in (("scored", asked.scored), ("in its own words", asked.generated)):
        if len(answers):
            yield f"{plural(len(answers), 'answer')} {what}: {kinds_in_words(answers)}"
            yield from _by_prompt(answers)
    agreeing = agreement(asked, taxonomy)
    if agreeing["free"] is not None:
        yield f"its own words name the label with the highest score in {agreeing['free']:.1%} of answers"
    if asked.cut:
        cut = plural(asked.cut, "text was", "texts were")
        yield f"warning: {cut} cut off at {settings.max_tokens} tokens: raise --max-tokens"
    if len(asked.unanswered):
        yield (
            f"warning: no prediction for {plural(len(asked.unanswered), 'picture')}, first "
            f"{named(asked.unanswered['image_id'])}: they are not among the predictions; see {UNANSWERED_FILE}"
        )
    if asked.predictions is not None:
        shares = asked.predictions["predicted"].value_counts(normalize=True).reindex(list(taxonomy.labels), fill_value=0.0)
        yield f"{plural(len(asked.predictions), 'picture')} predicted: " + ", ".join(
            f"{label} {share:.1%}" for label, share in shares.items()
        )
    if agreeing["prompts"] is not None:
        yield f"all prompts agree on {agreeing['prompts']:.1%} of the pictures"
    if asked.tokens_in or asked.tokens_out:
        calling = settings.calling
        money = price(asked.tokens_in, asked.tokens_out, per_million_in=calling.price_in, per_million_out=calling.price_out)
        yield f"{asked.tokens_in:,} tokens in, {asked.tokens_out:,} out" + ("" if money is None else f"; cost {money:,.2f}")


def kinds_in_words(answers: pd.DataFrame) -> str:
    """How many answers are of each kind: `10 name a label, 1 refusal, 0 hedges, 2 unparseable`."""
    return ", ".join(f"{count:,} {_WORDS[kind][count != 1]}" for kind, count in kind_counts(answers).items())


def _by_prompt(answers: pd.DataFrame) -> Iterator[str]:
    """The prompts whose answers are not all labels."""
    for prompt, some in answers.groupby("prompt", sort=False):
        counts = {kind: int((some["kind"] == kind).sum()) for kind in KINDS[1:]}
        if any(counts.values()):
            listed = ", ".join(f"{count:,} {_WORDS[kind][count != 1]}" for kind, count in counts.items() if count)
            yield f"  {prompt}: {listed} of {len(some):,}"
