"""How were the built-in encoder's weights made? By this module: `python -m affect_workbench.probes.encoders.builtin.train`.

Every batch is fresh: its pictures and captions are drawn from the seed and the number of the step, so nothing is stored,
nothing is seen twice, and a run that was killed goes on from its last checkpoint with the very same batches.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.probes.encoders.builtin.batches import batch

BATCH = 256
LEARNING_RATES = (2e-3, 1e-3)
"""Highest learning rate of the two stages (see `batches.batch`)."""
FULL_EVERY = 4
"""In the second stage every fourth batch has full captions, so that nothing is forgotten."""
WEIGHT_DECAY = 0.05
WARMUP = 100
EVERY = 200
"""Steps between checkpoints."""


def train(work: Path, *, samples: int, refining: int, seed: int) -> Path:
    """Trains from nothing, or from the last checkpoint in `work`, and returns the file of fp16 weights.

    Raises:
        ValueError: the checkpoint in `work` is of another seed or length.
    """
    from safetensors.torch import save_file

    from affect_workbench.probes.encoders.builtin import WEIGHTS_FILE
    from affect_workbench.probes.encoders.builtin.tokenizer import HashingTokenizer
    from affect_workbench.probes.encoders.vision import builtin_model, pixel_statistics

    first_stage, steps = samples // BATCH, samples // BATCH + refining // BATCH
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model = builtin_model(weights=None).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1.0, weight_decay=WEIGHT_DECAY, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: learning_rate(step, first_stage, steps))
    checkpoint = work / "checkpoint.pt"
    first = 0
    if checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True)
        if (state["seed"], state["steps"]) != (seed, steps):
            raise ValueError(
                f"{checkpoint} is of seed {state['seed']} and {state['steps']} steps, asked are {seed} and {steps}: "
                "choose another --work or remove it"
            )
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        first = state["done"]
    tokenizer = HashingTokenizer()
    mean, deviation = pixel_statistics(model)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool, progress_bar(total=steps, initial=first) as bar:
        ahead: list[Future[tuple[npt.NDArray[np.uint8], list[str]]]] = [
            pool.submit(batch, seed, step, BATCH, topical=on_topic(step, first_stage))
            for step in range(first, min(first + 3, steps))
        ]
        for step in range(first, steps):
            pictures, texts = ahead.pop(0).result()
            if step + 3 < steps:
                ahead.append(pool.submit(batch, seed, step + 3, BATCH, topical=on_topic(step + 3, first_stage)))
            pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(255)
            pixels = ((pixels - mean) / deviation).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16):
                image = model.encode_image(pixels, normalize=True)
                text = model.encode_text(tokenizer(texts), normalize=True)
            loss = contrastive(image.float(), text.float(), model.logit_scale)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                model.logit_scale.clamp_(0, math.log(100))
            bar.update()
            bar.set_postfix(loss=f"{loss.item():.3f}")
            if (step + 1) % EVERY == 0 or step + 1 == steps:
                state = {
                    "model": model.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "schedule": schedule.state_dict(),
                    "done": step + 1,
                    "seed": seed,
                    "steps": steps,
                }
                torch.save(state, work / "checkpoint.partial")
                os.replace(work / "checkpoint.partial", checkpoint)
    weights = {
        name: tensor.detach().half().contiguous() if tensor.is_floating_point() else tensor
        for name, tensor in model.state_dict().items()
    }
    target = work / WEIGHTS_FILE.name
    save_file(weights, work / "weights.partial")
    os.replace(work / "weights.partial", target)
    return target


def on_topic(step: int, first_stage: int) -> bool:
    """Whether the captions of this step's batch keep to one topic."""
    return step >= first_stage and (step - first_stage) % FULL_EVERY != 0


def learning_rate(step: int, first_stage: int, steps: int) -> float:
    """Warm-up and cosine decay, once for each stage."""
    stage = int(step >= first_stage)
    at, length = (step - first_stage, steps - first_stage) if stage else (step, first_stage)
    decay = 0.5 * (1 + math.cos(math.pi * at / max(length, 1))) + 1e-3
    return LEARNING_RATES[stage] * min((at + 1) / WARMUP, decay)


def contrastive(image: Tensor, text: Tensor, log_scale: Tensor) -> Tensor:
    """CLIP's symmetric loss over unit vectors `(n, m)`; source: https://arxiv.org/abs/2103.00020, figure 3."""
    logits = log_scale.exp() * image @ text.T
    target = torch.arange(len(logits))
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Train the built-in encoder again; the defaults take an hour on 2 free cores."
    )
    parser.add_argument("--work", default="runs/builtin-encoder", help="folder for checkpoints and the weights")
    parser.add_argument("--samples", type=int, default=600_000, help="pictures with full captions, the first stage")
    parser.add_argument("--refining", type=int, default=350_000, help="pictures of the second stage, mostly on one topic")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    started = time.perf_counter()
    target = train(Path(given.work), samples=given.samples, refining=given.refining, seed=given.seed)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB after {(time.perf_counter() - started) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
