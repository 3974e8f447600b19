"""What does scoring label words cost? One pass a picture and its cache, beside a pass over each whole sequence."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from affect_workbench.probes.attach.inputs import prepare
from affect_workbench.probes.attach.model import MultimodalModel
from affect_workbench.probes.attach.scoring import Tokens, extended, label_tokens, token_scores
from affect_workbench.probes.attach.source import ModelSource, load_model
from affect_workbench.probes.runtime import declare_torchvision_operators

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

LABELS = ("anger", "contempt", "fear", "joy", "sadness", "boredom", "melancholy")
QUESTION = "What emotion does this picture show? Answer with one word."


def llava(folder: Path, *, width: int, layers: int, image: int) -> MultimodalModel:
    """A LLaVA with random weights: the speed of weights is not in their values."""
    declare_torchvision_operators()
    import transformers

    from tiny_multimodal.text import VOCABULARY, template, tokenizer

    words = tokenizer(image_token="<image>")
    size = {"hidden_size": width, "intermediate_size": 3 * width, "num_attention_heads": 8}
    tower = transformers.CLIPVisionConfig(**size, num_hidden_layers=4, image_size=image, patch_size=14)
    text = transformers.LlamaConfig(**size, num_hidden_layers=layers, vocab_size=VOCABULARY, pad_token_id=0)
    config = transformers.LlavaConfig(vision_config=tower, text_config=text, image_token_index=words.image_token_id)
    pictures = transformers.CLIPImageProcessor(size={"shortest_edge": image}, crop_size={"height": image, "width": image})
    processor = transformers.LlavaProcessor(
        pictures,
        words,
        patch_size=14,
        vision_feature_select_strategy="default",
        chat_template=template("<image>\n"),
        num_additional_image_tokens=1,
    )
    transformers.LlavaForConditionalGeneration(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return load_model(ModelSource(str(folder), device="cpu"))


@torch.no_grad()
def by_whole_sequences(model: MultimodalModel, pictures: list[Image.Image], answers: tuple[Tokens, ...]) -> torch.Tensor:
    """The reference: every picture with every label, one whole sequence at a time, without a cache."""
    rows = []
    for picture in pictures:
        tensors, row = prepare(model, [picture], [QUESTION]).tensors, []
        for answer in answers:
            logits = model.model(**extended(tensors, answer), use_cache=False).logits[0, -len(answer) - 1 : -1]
            row.append(logits.log_softmax(-1).gather(1, torch.tensor(answer)[:, None]).sum())
        rows.append(torch.stack(row))
    return torch.stack(rows)


def cpu_seconds(work: Callable[[], torch.Tensor], *, repeats: int) -> tuple[float, torch.Tensor]:
    """CPU seconds of the fastest of a few runs, and what came out."""
    taken = []
    for _ in range(repeats):
        started = time.process_time()
        result = work()
        taken.append(time.process_time() - started)
    return min(taken), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (224, 224, 3), dtype=np.uint8)) for _ in range(options.pictures)]
    with tempfile.TemporaryDirectory() as name:
        model = llava(Path(name), width=768, layers=6, image=224)
    answers = label_tokens(model, LABELS)
    several = sum(len(tokens) > 1 for tokens in answers)
    count = sum(parameter.numel() for parameter in model.model.parameters())
    print(f"a LLaVA of {count / 1e6:.0f} M parameters, {len(pictures)} pictures of 256 tokens")
    print(f"        {len(LABELS)} labels, {several} of them of several tokens")

    def ours(labels: tuple[Tokens, ...]) -> torch.Tensor:
        return token_scores(model, prepare(model, pictures, [QUESTION] * len(pictures)), labels)

    slow, reference = cpu_seconds(lambda: by_whole_sequences(model, pictures, answers), repeats=options.repeats)
    fast, scores = cpu_seconds(lambda: ours(answers), repeats=options.repeats)
    print(f"        whole sequences {slow:8.2f} CPU s   {1e3 * slow / len(pictures):8.0f} ms a picture")
    print(f"        ours            {fast:8.2f} CPU s   {1e3 * fast / len(pictures):8.0f} ms a picture")
    print(f"        ratio           {slow / fast:8.1f} x        largest difference {(scores - reference).abs().max():.1e}")


if __name__ == "__main__":
    main()
