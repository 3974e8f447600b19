"""Which direction of feature space does a prompt mean? A text tower's answer, averaged over templates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.data.concepts.definitions import Concept, PromptPair, require_unique_names

TEMPLATES = (
    "{}",
    "{}.",
    "a photo: {}",
    "a picture: {}",
    "an image: {}",
    "this picture shows {}",
    "a photo showing {}",
    "what can be seen here is {}",
    "{}, photographed",
    "a scene: {}",
)
"""Phrases a prompt is put into. Averaging removes what one wording adds (Radford et al. 2021, section 3.1.4).

They fit phrases ("a dog in the picture") and whole sentences ("photo taken at night") alike.
"""


def prompt_concepts(
    pairs: Sequence[PromptPair],
    encode_text: Callable[[Sequence[str]], npt.NDArray[Any]],
    *,
    templates: Sequence[str] = TEMPLATES,
) -> list[Concept]:
    """One concept a pair: unit mean of the prompt's unit text vectors minus that of its opposites'.

    Args:
        pairs: prompts with their opposites.
        encode_text: `t` texts to `(t, d)` vectors in the space of the picture features; called once.
        templates: phrases with `{}` for the text; every text goes into every one.

    Raises:
        ValueError: no pair, no template, a template without `{}`, repeated names, text vectors of another shape, NaN or
            zero, or a prompt whose vector is that of its opposite.
    """
    if not pairs:
        raise ValueError("no prompts were given: expected at least one")
    if not templates or any("{}" not in template for template in templates):
        raise ValueError(f"templates are {list(templates)}: expected at least one, each with {{}} for the text to go into")
    require_unique_names([pair.name for pair in pairs], where="prompts")
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.prompt, *pair.opposites)))
    # Not str.format: a prompt may hold braces of its own.
    phrases = [template.replace("{}", text) for text in texts for template in templates]
    vectors = np.asarray(encode_text(phrases), np.float64)
    if vectors.ndim != 2 or len(vectors) != len(phrases):
        raise ValueError(
            f"the text encoder returned shape {vectors.shape}: expected ({len(phrases)}, width), one row per text"
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise ValueError("the text encoder returned zero, NaN or infinite vectors: use another precision or encoder")
    means = (vectors / lengths).reshape(len(texts), len(templates), -1).mean(axis=1)
    by_text = dict(zip(texts, means, strict=True))
    concepts = []
    for pair in pairs:
        opposite = np.mean([by_text[text] for text in pair.opposites], axis=0)
        positive = by_text[pair.prompt]
        if np.allclose(positive, opposite, atol=1e-7):
            raise ValueError(
                f"prompt {pair.prompt!r} and its opposite have the same text vector, so they cannot be distinguished: "
                "word the opposite differently"
            )
        words = (pair.prompt, "; ".join(pair.opposites))
        concepts.append(Concept.contrast(pair.name, positive, opposite, prompts=words, kind="prompt"))
    return concepts
