"""Which feelings do the texts about a picture name, in numbers of the picture?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from affect_workbench.data.instruct.mentions import COMMON_ENGLISH
from affect_workbench.data.instruct.records import InstructRecord
from affect_workbench.data.taxonomies.words import BASIC_SYNONYMS, COMMON_ALIASES, WORD_POLARITY

POLARITY, LENGTH = "polarity", "length_in_words"
EMOTION_PREFIX, WORD_PREFIX = "names_", "says_"
EMOTION_OF_WORD: Mapping[str, str] = {
    spelling: emotion
    for emotion in BASIC_SYNONYMS
    for spelling in (emotion, *COMMON_ALIASES.get(emotion, ()), *BASIC_SYNONYMS[emotion])
    if spelling != "content"
}
"""Word -> emotion, of Ekman's, Mikels' and Parrott's; not `content`, which is mostly another word in running text."""
LEAST_SHARE = 0.02
"""Share of pictures in whose texts a word must occur to be compared."""
_WORD = re.compile(r"[a-z]+(?:['’-][a-z]+)*")


def texts_frame(records: Sequence[InstructRecord]) -> pd.DataFrame:
    """One row an answer: `image_id`, `text`, `task`, `stage`."""
    rows = [(one.image_id, turn.answer, turn.task, one.stage) for one in records for turn in one.turns]
    return pd.DataFrame(rows, columns=["image_id", "text", "task", "stage"])


def frequent_words(texts: pd.DataFrame, *, most: int, leaving_out: Collection[str] = ()) -> tuple[str, ...]:
    """The words that occur in the texts of most pictures: neither function words, nor emotion words, nor those left out.

    Args:
        texts: `image_id` and `text`, a row a text.
        most: how many words at most.
        leaving_out: further words, e.g. all that name an attribute.
    """
    without = {*leaving_out, *COMMON_ENGLISH, *EMOTION_OF_WORD}
    said: dict[str, set[str]] = {}
    for image_id, text in zip(texts["image_id"], texts["text"], strict=True):
        said.setdefault(str(image_id), set()).update(words_of(text))
    counts = Counter(word for some in said.values() for word in some - without if len(word) > 2)
    least = max(2, LEAST_SHARE * len(said))
    return tuple(word for word in sorted(counts, key=lambda word: (-counts[word], word))[:most] if counts[word] >= least)


def words_of(text: object) -> list[str]:
    """The words of a text in lower case."""
    return _WORD.findall(str(text).lower())


def picture_outcomes(texts: pd.DataFrame, *, words: Sequence[str] = ()) -> pd.DataFrame:
    """What the texts about each picture name, one row a picture in the order of their first texts.

    Columns: `image_id`; `polarity`, the mean over its texts of (pleasant - unpleasant) / (pleasant + unpleasant) emotion
    words, 0 for a text without any; `length_in_words`, the mean; `names_<emotion>`, the share of its texts with a word of
    that emotion, and `says_<word>` with that word. An emotion or a word that is nowhere has no column.

    Args:
        texts: `image_id` and `text`, a row a text.
        words: other words to look for.
    """
    emotions, wanted = tuple(BASIC_SYNONYMS), tuple(dict.fromkeys(word.lower() for word in words))
    columns = [POLARITY, LENGTH, *(EMOTION_PREFIX + one for one in emotions), *(WORD_PREFIX + one for one in wanted)]
    found = np.zeros((len(texts), len(columns)))
    for row, text in enumerate(texts["text"]):
        said = words_of(text)
        named = [EMOTION_OF_WORD[word] for word in said if word in EMOTION_OF_WORD]
        signs = [sign for emotion in named if (sign := WORD_POLARITY[emotion])]
        found[row, 0] = np.mean(signs) if signs else 0.0
        found[row, 1] = len(said)
        found[row, 2:] = [*(one in named for one in emotions), *(one in said for one in wanted)]
    by_picture = pd.DataFrame(found, columns=columns).groupby(texts["image_id"].astype(str).to_numpy(), sort=False).mean()
    present = [name for name in columns if name in (POLARITY, LENGTH) or by_picture[name].any()]
    return by_picture[present].rename_axis("image_id").reset_index()
