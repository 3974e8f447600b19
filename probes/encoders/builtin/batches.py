"""Which pictures and captions does one step of the built-in encoder's training see? Drawn where torch is not imported."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from affect_workbench.data.synthetic.scenes import captions, draw, sample_scenes
from affect_workbench.data.synthetic.scenes.world import PERSON_ONLY

TOPICS = {"subject": 0.34, "figure_tone": 0.32, "held": 0.2, "extras": 0.14}
"""What the captions of a batch on one topic speak of, and how often: what batches of full captions teach last."""


def batch(seed: int, step: int, size: int, *, topical: bool = False) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Pictures `(size, 64, 64, 3)` and their captions for one step; the same for the same numbers.

    Where captions name nearly everything, setting, light and weather tell a picture from nearly all others of its batch, and
    nothing is ever learned about faces and hands. The captions of a `topical` batch name one attribute only, the same in the
    whole batch, so that nothing but this attribute can tell its pictures apart; a topic that only persons show gets persons.
    """
    rng = np.random.default_rng([seed, step])
    topic = str(rng.choice(list(TOPICS), p=list(TOPICS.values()))) if topical else None
    scenes = sample_scenes(size, rng=rng, fixed={"subject": "person"} if topic in PERSON_ONLY else None)
    seeds = rng.integers(2**63, size=size)
    pictures = [
        np.asarray(draw({str(name): value for name, value in scene.items()}, seed=int(one)))
        for scene, one in zip(scenes.to_dict("records"), seeds, strict=True)
    ]
    return np.stack(pictures), captions(scenes, rng=rng, only=topic)
