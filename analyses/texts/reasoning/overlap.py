"""How many words does a text share with a reference? BLEU-4 and ROUGE-L, for comparison with papers that report them.

A footnote: both reward the words of the reference, not what is true of the picture.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from affect_workbench.analyses.texts.words import words_of

_LONGEST = 4


def bleu4(texts: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of a corpus with one reference a text, 0 to 1: geometric mean of clipped precisions of 1 to 4 words in a row.

    Without smoothing, as in the source: 0 where no four words in a row are met. Source: Papineni et al. 2002,
    https://aclanthology.org/P02-1040. Words are runs of letters in lower case.
    """
    met, there, length, wanted = [0] * _LONGEST, [0] * _LONGEST, 0, 0
    for text, reference in zip(texts, references, strict=True):
        said, right = words_of(text), words_of(reference)
        length, wanted = length + len(said), wanted + len(right)
        for n in range(1, _LONGEST + 1):
            own, other = _runs(said, n), _runs(right, n)
            met[n - 1] += sum((own & other).values())
            there[n - 1] += sum(own.values())
    if not all(met):
        return 0.0
    brevity = min(0.0, 1 - wanted / length)
    return math.exp(brevity + sum(math.log(hits / of) for hits, of in zip(met, there, strict=True)) / _LONGEST)


def rouge_l(text: str, reference: str) -> float:
    """F1 of the longest common subsequence of words, 0 to 1. Source: Lin 2004, https://aclanthology.org/W04-1013."""
    said, right = words_of(text), words_of(reference)
    row = [0] * (len(right) + 1)
    for word in said:
        before = 0
        for at, other in enumerate(right, start=1):
            before, row[at] = row[at], before + 1 if word == other else max(row[at], row[at - 1])
    return 2 * row[-1] / (len(said) + len(right)) if row[-1] else 0.0


def _runs(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))
