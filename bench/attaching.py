"""What do 14 taps cost, beside the same forward pass without them?"""

from __future__ import annotations

import argparse
import time
from statistics import median

import torch

from affect_workbench.probes.attach.inputs import Batch
from affect_workbench.probes.attach.model import MultimodalModel
from affect_workbench.probes.attach.source import ModelSource
from affect_workbench.probes.attach.structure import Structure
from affect_workbench.probes.attach.taps import listening, places_of
from affect_workbench.probes.runtime import declare_torchvision_operators

IMAGE_TOKEN = 5
BAR = 1.03


def random_llava() -> MultimodalModel:
    """LLaVA with ten layers and random weights; it has 14 places."""
    declare_torchvision_operators()
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    torch.manual_seed(0)
    size = {"hidden_size": 512, "num_attention_heads": 8}
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**size, intermediate_size=2_048, num_hidden_layers=6, image_size=112, patch_size=14),
        text_config=LlamaConfig(**size, intermediate_size=1_536, num_hidden_layers=10, vocab_size=16_000),
        image_token_index=IMAGE_TOKEN,
    )
    structure = Structure("llava", "model.multi_modal_projector", "model.language_model.layers", 512, IMAGE_TOKEN, "table")
    model = LlavaForConditionalGeneration(config).eval().requires_grad_(False)
    return MultimodalModel(model, None, structure, ModelSource("random"))


def random_batch(pictures: int) -> Batch:
    """Prompts of a picture of 64 tokens and 36 other tokens."""
    ids = torch.randint(10, 16_000, (pictures, 100))
    ids[:, 4:68] = IMAGE_TOKEN
    tensors = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": torch.randn(pictures, 3, 112, 112)}
    return Batch(tensors, tuple(torch.arange(4, 68) for _ in range(pictures)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--pictures", type=int, default=4)
    given = parser.parse_args()
    torch.set_num_threads(1)
    model, batch = random_llava(), random_batch(given.pictures)
    places = places_of(model)

    def plain() -> float:
        started = time.process_time()
        model.model(**batch.tensors, use_cache=False, logits_to_keep=1)
        return time.process_time() - started

    def tapped() -> float:
        started = time.process_time()
        with listening(model, batch, places) as activations:
            model.model(**batch.tensors, use_cache=False, logits_to_keep=1)
        activations.vectors()
        return time.process_time() - started

    with torch.no_grad():
        plain(), tapped()
        # The order within a pair takes turns, so that a machine that grows slower favours neither.
        pairs = [(plain(), tapped()) if turn % 2 else (tapped(), plain())[::-1] for turn in range(given.pairs)]
    ratio = median(with_taps / without for without, with_taps in pairs)
    million = sum(parameter.numel() for parameter in model.model.parameters()) / 1e6
    print(
        f"{len(places)} taps on a model of {million:.0f} M parameters, {given.pairs} pairs of {given.pictures} pictures: "
        f"{median(one for one, _ in pairs):.2f} s of CPU time without, {median(one for _, one in pairs):.2f} s with; "
        f"median ratio {ratio:.4f} (bar {BAR})"
    )
    if ratio >= BAR:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
