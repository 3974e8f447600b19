"""How probable is each label, as an endpoint's alternatives to the tokens that it wrote tell?

An endpoint does not score a given text, but it lists, for each token that it writes, the likeliest others. Where the text
names a label, the alternatives at that place are the other labels' beginnings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from affect_workbench.data.taxonomies.label_identity import plain
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.data.taxonomies.words import COMMON_ALIASES

_LEAST = 3
"""Letters that the beginning of a word needs to stand for it: `a` is more often an article than the start of `anger`."""


@dataclass(frozen=True)
class Token:
    """A token that was written.

    Attributes:
        text: its own.
        alternatives: text -> log-probability of the likeliest tokens at its place, itself among them.
    """

    text: str
    alternatives: Mapping[str, float]


def label_probabilities(tokens: Sequence[Token], start: int, taxonomy: Taxonomy) -> tuple[float, ...] | None:
    """Probabilities `(k,)` of the labels at the place of a text where one is named; they add up to 1.

    An alternative counts for the one label that it is, or begins. Where the written token begins several (`dis`), the
    alternatives to the next one tell them apart; any other alternative that begins several counts for none. A label
    that is not among the alternatives has probability 0.

    Args:
        tokens: of the whole text, in order.
        start: where in the text the label's word begins.
        taxonomy: the `k` labels.

    Returns:
        None where the tokens do not reach that place, or no alternative is a label.
    """
    spellings = _spellings(taxonomy)
    at, offset = 0, 0
    while at < len(tokens) and offset + len(tokens[at].text) <= start:
        offset += len(tokens[at].text)
        at += 1
    mass = dict.fromkeys(taxonomy.labels, 0.0)
    written, path = "", 1.0
    for token in tokens[at:]:
        for text, log_probability in token.alternatives.items():
            chosen = text == token.text
            word = plain(written + text)
            labels = {label for spelling, label in spellings.items() if _begins(word, spelling, short=chosen)}
            if len(labels) == 1:
                mass[labels.pop()] += path * float(np.exp(log_probability))
        written += token.text
        words = plain(written)
        left = {label for spelling, label in spellings.items() if _begins(words, spelling, short=True)}
        if len(left) < 2 or token.text not in token.alternatives:
            break
        path *= float(np.exp(token.alternatives[token.text]))
    total = sum(mass.values())
    return tuple(mass[label] / total for label in taxonomy.labels) if total > 0 else None


def _begins(word: str, spelling: str, *, short: bool) -> bool:
    if not word or not spelling.startswith(word):
        return False
    return word == spelling or short or len(word) >= _LEAST


def _spellings(taxonomy: Taxonomy) -> dict[str, str]:
    """Plain form -> label, of labels, aliases and words of the same meaning."""
    words = [*taxonomy.labels, *taxonomy.aliases, *(word for also in COMMON_ALIASES.values() for word in also)]
    return {plain(word): taxonomy.resolve(word) for word in words if taxonomy.knows(word)}
