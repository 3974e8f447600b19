"""How well does the built-in encoder know its world? Run as a module, this prints what the model card says."""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.data.storage.atomic import write_text
from affect_workbench.data.synthetic.scenes import ATTRIBUTES, draw, prompts, sample_scenes
from affect_workbench.probes.encoders.builtin import CARD_FILE, WEIGHTS_FILE
from affect_workbench.probes.encoders.vision import VisionEncoder, vision_encoder

CARD = """# builtin:scenes

A small CLIP (open_clip `ModifiedResNet`, width 24, one block a stage, 64 x 64 pixels; text tower of 3 layers, 128
wide, with a hashed vocabulary of 4,096 words): 4.15 million parameters, {size:.1f} MB in fp16 safetensors (`{tag}`).

**Purpose.** To run the workbench from pictures to report with nothing to download, and to test it where the truth is
known. It knows the drawn world of `data.synthetic.scenes` and nothing else: not photographs, not people.

**Training data.** 600,000 freshly drawn pictures with captions of most of what they show, then 350,000 whose
captions, batch by batch, mostly speak of one topic (the figure, what it holds, the subject, the extras); no picture
twice, no stored data set, no emotion word in any caption.

**Made by** `python -m affect_workbench.probes.encoders.builtin.train` (seed 0, the defaults of that module; about an hour
on 2 free cores, in bf16). The weights of another machine differ in their last bits; these learned from pictures drawn
before each part had its own random numbers (the same world, other pictures for a seed).

**Zero-shot accuracy** on {pictures:,} fresh pictures (seed {seed}), by
`python -m affect_workbench.probes.encoders.builtin.measure`; person's attributes on pictures of persons:

| attribute | accuracy |
|---|---|
{table}

**Limits.** Of the tone of a figure it misses what night, fog and blur hide. What it does not see well, a probe on it
cannot read well: a projector trained on the votes on 12,000 pictures comes within 0.06 of the best possible accuracy
(`tests/probes/encoders/test_builtin.py`). Licence: as the project.
"""


def fresh_pictures(n: int, *, seed: int) -> tuple[pd.DataFrame, npt.NDArray[np.uint8]]:
    """Contents and pixels `(n, 64, 64, 3)` of pictures that no training has seen (their seeds are of another stream)."""
    rng = np.random.default_rng([seed, 1, 2])
    scenes = sample_scenes(n, rng=rng)
    seeds = rng.integers(2**63, size=n)
    records = [{str(name): value for name, value in record.items()} for record in scenes.to_dict("records")]
    return scenes, np.stack([np.asarray(draw(scene, seed=int(one))) for scene, one in zip(records, seeds, strict=True)])


def encoded(encoder: VisionEncoder, pixels: npt.NDArray[np.uint8], *, batch: int = 256) -> npt.NDArray[np.float32]:
    """Features `(n, d)` of pixels already in memory."""
    return np.concatenate([encoder.encode(pixels[start : start + batch]) for start in range(0, len(pixels), batch)])


def zero_shot_accuracy(encoder: VisionEncoder, scenes: pd.DataFrame, features: npt.NDArray[np.float32]) -> pd.Series:
    """Attribute -> share of pictures (that show it) whose nearest prompt ensemble names the true value."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    result = {}
    for attribute in ATTRIBUTES:
        asked = prompts(attribute)
        vectors = np.stack([encoder.encode_text(texts).mean(axis=0) for texts in asked.values()])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        shown = scenes[attribute].notna().to_numpy()
        predicted = np.array(list(asked), dtype=object)[(unit[shown] @ vectors.T).argmax(axis=1)]
        result[attribute] = float((predicted == scenes.loc[shown, attribute].to_numpy()).mean())
    return pd.Series(result, name="zero-shot accuracy")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Zero-shot accuracy of the built-in encoder on fresh pictures.")
    parser.add_argument("--pictures", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--card", action="store_true", help="write the figures into MODEL_CARD.md")
    given = parser.parse_args()
    encoder = vision_encoder("builtin:scenes", on="cpu")
    scenes, pixels = fresh_pictures(given.pictures, seed=given.seed)
    accuracies = zero_shot_accuracy(encoder, scenes, encoded(encoder, pixels))
    for name, accuracy in accuracies.items():
        print(f"{name:12} {accuracy:.3f}")
    if given.card:
        table = "\n".join(f"| {name} | {accuracy:.3f} |" for name, accuracy in accuracies.items())
        write_text(
            CARD_FILE,
            CARD.format(
                table=table,
                pictures=given.pictures,
                seed=given.seed,
                size=WEIGHTS_FILE.stat().st_size / 1e6,
                tag=encoder.spec.weights,
            ),
        )


if __name__ == "__main__":
    main()
