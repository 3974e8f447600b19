"""Where are the emotion words in a language model's space? One unit vector a label, or one a synonym.

A source is `KIND:MODEL`; `probes/anchors/sources.py` says which kinds and models there are, and how their vectors are read.

A template is the phrase a word goes into, `{}` in its place. Several, with `|` between them (`{} emotion | a {} scene`), are
an ensemble: each phrase gives a unit vector, and a word's vector is their mean, of unit length again (Radford et al. 2021,
https://arxiv.org/abs/2103.00020, 3.1.4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.cache import cached
from affect_workbench.probes.anchors.sources import TextVectors, identity, require_known

Vectors = npt.NDArray[np.float32]
SEPARATOR = "|"
_SAME = 1 - 1e-6


@dataclass(frozen=True)
class LabelAnchors:
    """One unit vector a label.

    Attributes:
        labels: the `k` labels in order.
        vectors: `(k, m)` float32, unit rows.
        source: where they came from, e.g. `sentence:minilm`.
        template: the phrase a label was put into; `{}` stands for the label, `|` is between several.
        note: what should be known about how they were read, in a sentence; empty where there is nothing.

    Raises:
        ValueError: shapes disagree, a template without `{}`, or two labels with the same vector.
    """

    labels: tuple[str, ...]
    vectors: Vectors
    source: str
    template: str = "{}"
    note: str = ""

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.labels):
            raise ValueError(
                f"anchors have shape {self.vectors.shape}: expected one row for each of {len(self.labels)} labels"
            )
        phrases(self.template)
        object.__setattr__(self, "vectors", _unit(self.vectors, self.source))
        _refuse_twins(self.vectors, self.labels, np.arange(len(self.labels)), self.source)

    def fingerprint(self) -> str:
        """Sixteen hex digits of labels and vectors."""
        digest = hashlib.sha256("\n".join(self.labels).encode())
        digest.update(np.ascontiguousarray(self.vectors).tobytes())
        return digest.hexdigest()[:16]


def anchors_from(source: str, taxonomy: Taxonomy, *, template: str = "{}") -> LabelAnchors:
    """Anchors by the name a config uses: `sentence:minilm`, `token:phi-2`, `clip:open_clip:ViT-B-32/openai`.

    What was read once is taken from a cache, as long as the checkpoint's files are the same.

    Raises:
        ValueError: an unknown kind, a model without tokenizer or without the table asked for, a template without `{}`, or
            labels that share all their tokens.
        FileNotFoundError: the model cannot be found; the message says what was looked for.
    """
    read = _word_vectors(source, taxonomy.labels, template)
    return LabelAnchors(taxonomy.labels, read.vectors, source, template, read.note)


def synonym_anchors(
    source: str, taxonomy: Taxonomy, *, template: str = "{}"
) -> tuple[tuple[str, ...], npt.NDArray[np.int64], Vectors]:
    """Every word that may stand for a label: the label itself and its synonyms, in the order of the labels.

    Returns:
        The `s` words, each once; the label positions `(s,)` they stand for; their unit vectors `(s, m)`.

    Raises:
        ValueError: as `anchors_from`; or words of two labels that share a vector, both named.
        FileNotFoundError: the model cannot be found.
    """
    words, positions = [], []
    for position, label in enumerate(taxonomy.labels):
        own = dict.fromkeys((label, *taxonomy.synonyms.get(label, ())))
        words += list(own)
        positions += [position] * len(own)
    owners = np.array(positions, dtype=np.int64)
    vectors = _unit(_word_vectors(source, words, template).vectors, source)
    _refuse_twins(vectors, words, owners, source)
    return tuple(words), owners, vectors


def token_anchors(model: str, taxonomy: Taxonomy, *, template: str = "{}") -> LabelAnchors:
    """Anchors from a language model's input embedding table; see `anchors_from`."""
    return anchors_from(f"token:{model}", taxonomy, template=template)


def sentence_anchors(model: str, taxonomy: Taxonomy, *, template: str = "{}") -> LabelAnchors:
    """Anchors from a sentence encoder; see `anchors_from`."""
    return anchors_from(f"sentence:{model}", taxonomy, template=template)


def phrases(template: str) -> tuple[str, ...]:
    """The phrases of a template; blanks around `|` do not count.

    Raises:
        ValueError: a phrase without `{}`.
    """
    parts = tuple(part.strip() for part in template.split(SEPARATOR)) if SEPARATOR in template else (template,)
    for part in parts:
        if "{}" not in part:
            which = f"template {template!r} has" if len(parts) == 1 else f"the phrase {part!r} of template {template!r} has"
            raise ValueError(f"{which} no {{}} for the label to go into, e.g. 'a {{}} scene'")
    return parts


def _word_vectors(source: str, words: Sequence[str], template: str) -> TextVectors:
    """Vectors `(s, m)` of words, averaged over the template's phrases; from the cache where they are there."""
    require_known(source)
    parts = phrases(template)

    def read() -> TextVectors:
        from affect_workbench.probes.anchors.text_models import text_vectors

        read = text_vectors(source, [part.replace("{}", word) for part in parts for word in words])
        unit = _unit(read.vectors, source)
        stacked = unit.reshape(len(parts), len(words), -1)
        return TextVectors(unit if len(parts) == 1 else _unit(stacked.mean(axis=0), source), read.note)

    return cached({"source": source, "words": list(words), "template": list(parts), "model": identity(source)}, read)


def _unit(vectors: Vectors, source: str) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise ValueError(f"anchors from {source} hold zero, NaN or infinite vectors")
    # Rows that are unit already stay as they are, bit for bit: a saved probe must keep its fingerprint.
    return vectors if np.abs(lengths - 1).max() < 1e-6 else (vectors / lengths).astype(np.float32)


def _refuse_twins(vectors: Vectors, words: Sequence[str], owners: npt.NDArray[np.int64], source: str) -> None:
    twins = np.argwhere(np.triu((vectors @ vectors.T > _SAME) & (owners[:, None] != owners[None, :]), k=1))
    if len(twins):
        first, second = (words[position] for position in twins[0])
        raise ValueError(
            f"{source} gives {first!r} and {second!r} the same vector, so they cannot be distinguished (it splits them "
            "into the same tokens, or knows neither): use another template or another model"
        )
