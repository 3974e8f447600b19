"""How fast are pictures encoded? Ours beside a plain loop and beside the model's own forward time, in one run."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from affect_workbench.data.features import FeatureSpec
from affect_workbench.data.images.decode import content_id
from affect_workbench.data.images.preprocess import PixelRecipe, read_squares
from affect_workbench.probes.encoders.encode import BATCH, encode
from affect_workbench.probes.encoders.vision import PRECISIONS, VisionEncoder
from affect_workbench.probes.runtime import declare_torchvision_operators


def pictures(folder: Path, n: int) -> list[Path]:
    """JPEG files of 640 x 480, the size of a web photo."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(n):
        coarse = Image.fromarray(rng.integers(0, 256, size=(24, 32, 3), dtype=np.uint8))
        paths.append(folder / f"{number}.jpg")
        coarse.resize((640, 480), Image.Resampling.BICUBIC).save(paths[-1], quality=90)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1_024)
    n = parser.parse_args().pictures
    declare_torchvision_operators()
    import open_clip

    model, _, preprocess = open_clip.create_model_and_transforms("ViT-B-32")  # the speed of weights is not in their values
    model.eval().requires_grad_(False)
    spec = FeatureSpec(width=512, encoder="ViT-B-32, random weights", image_size=224)
    recipe = PixelRecipe(size=224, mean=model.visual.image_mean, deviation=model.visual.image_std)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = pictures(folder, n)
        rows = pd.DataFrame(
            {"image_id": [str(number) for number in range(n)], "content": [content_id(path) for path in paths]}
        )
        started = time.perf_counter()
        with torch.inference_mode():
            for path in paths[: n // 4]:
                model.encode_image(preprocess(Image.open(path)).unsqueeze(0))
        loop = (n // 4) / (time.perf_counter() - started)
        print(f"ViT-B/32, {torch.get_num_threads()} cores, {n} pictures of 640 x 480")
        print(f"plain loop, one by one      {loop:7.1f} pictures a second")
        started = time.perf_counter()
        read_squares(paths[:BATCH], recipe)
        decode = (time.perf_counter() - started) / BATCH / torch.get_num_threads()
        for precision in ("float32", "bfloat16"):
            encoder = VisionEncoder(spec, recipe, torch.device("cpu"), PRECISIONS[precision], model.encode_image)
            squares = np.zeros((BATCH, 224, 224, 3), dtype=np.uint8)
            encoder.encode(squares)
            started = time.perf_counter()
            for _ in range(4):
                encoder.encode(squares)
            forward = 4 * BATCH / (time.perf_counter() - started)
            started = time.perf_counter()
            encode(rows, paths, encoder, out=folder / precision, progress=False)
            ours = n / (time.perf_counter() - started)
            limit = 1 / (1 / forward + decode)
            print(
                f"workbench, {precision:9}        {ours:7.1f} pictures a second: {ours / loop:.1f} times the loop, "
                f"{ours / forward:.0%} of the forward pass alone ({forward:.1f} a second), {ours / limit:.0%} of what is "
                f"possible where decoding shares the cores ({limit:.1f})"
            )


if __name__ == "__main__":
    main()
