"""In which other words are the labels asked for? Label vectors from a probe's own text model, by phrase or by synonym."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from affect_workbench.probes.projector import Probe

SYNONYMS = "synonyms"


def prompt_variant_anchors(probe: Probe, asked: Sequence[str]) -> Mapping[str, npt.NDArray[np.float32]]:
    """Name -> label vectors `(k, m)` in the order of the probe's labels.

    Args:
        probe: whose text model reads the words.
        asked: phrases with `{}` for the label, and `synonyms`: then every label is asked for by its first synonym, by its
            second, and so on; a label with fewer keeps its own word.

    Raises:
        ValueError: a phrase without `{}`, or synonyms of a taxonomy that has none.
        FileNotFoundError: the text model cannot be found.
    """
    from affect_workbench.probes.anchors.anchors import anchors_from, synonym_anchors

    anchors, taxonomy = probe.anchors, probe.taxonomy
    found: dict[str, npt.NDArray[np.float32]] = {}
    for phrase in asked:
        if phrase != SYNONYMS:
            found[phrase] = anchors_from(anchors.source, taxonomy, template=phrase).vectors
            continue
        words, owners, vectors = synonym_anchors(anchors.source, taxonomy, template=anchors.template)
        own = [np.flatnonzero(owners == label) for label in range(len(taxonomy))]
        most = max(len(places) for places in own) - 1
        if not most:
            raise ValueError(
                f"taxonomy {taxonomy.name!r} has no synonyms: give prompt variants with {{}} instead, e.g. 'a {{}} scene'"
            )
        for number in range(1, most + 1):
            chosen = [int(places[min(number, len(places) - 1)]) for places in own]
            found[f"synonyms: {', '.join(words[at] for at in chosen)}"] = vectors[chosen]
    return found
