"""What does a model answer, in its own words, to a question about a picture?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from affect_workbench.probes.attach.inputs import prepare

if TYPE_CHECKING:
    from PIL.Image import Image

    from affect_workbench.probes.attach.model import MultimodalModel


def generate(
    model: MultimodalModel,
    pictures: Sequence[Image],
    questions: Sequence[str],
    *,
    max_new_tokens: int = 32,
    temperature: float = 0.0,
    seed: int | Sequence[int] = 0,
    heard: Callable[[str], None] | None = None,
) -> list[str]:
    """The new text of each answer, up to the model's end token, without special tokens.

    Args:
        model: what is asked; what its own generation settings say besides (end tokens, repetition penalty) holds.
        pictures: `b` pictures, that fit into memory as one batch.
        questions: one a picture.
        max_new_tokens: where an answer is cut.
        temperature: 0 takes the likeliest token; above, tokens are drawn from all there are.
        seed: what is drawn, by picture: with one a picture an answer does not depend on the batch that it is asked in; a
            single one counts on from the first picture.
        heard: takes the answer to a single picture piece by piece, in whole words, while it is written.

    Raises:
        ValueError: not one question a picture, not one seed a picture, a temperature below 0, no token to be written, a
            picture of which nothing is left, or several pictures to be heard at once.
    """
    if temperature < 0 or max_new_tokens < 1:
        raise ValueError(f"temperature {temperature}, {max_new_tokens} new tokens: expected at least 0 and at least 1")
    seeds = list(range(seed, seed + len(pictures))) if isinstance(seed, int) else list(seed)
    if len(seeds) != len(pictures):
        raise ValueError(f"{len(seeds)} seeds for {len(pictures)} pictures: expected one seed a picture, or one number")
    if heard is not None and len(pictures) != 1:
        raise ValueError(f"{len(pictures)} pictures: only the answer to one can be heard while it is written")
    tensors = prepare(model, pictures, questions).tensors
    from transformers import GenerationMixin

    choose, tokenizer = _Choice(temperature, seeds), model.tokenizer
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    # Janus's own `generate` leaves out the choice; BLIP-2's is needed, as its forward pass takes no cache.
    own = model.model.main_input_name != "input_ids"
    write: Any = type(model.model).generate if own else GenerationMixin.generate
    with torch.no_grad():
        written = write(
            model.model,
            **{name: tensor for name, tensor in tensors.items() if name != "position_ids"},
            max_new_tokens=max_new_tokens,
            do_sample=False,
            num_beams=1,
            use_cache=True,  # trainers save models that say not to
            pad_token_id=pad,
            logits_processor=[choose],
            streamer=None if heard is None else _streamer(tokenizer, heard),
        )
    return [text.strip() for text in tokenizer.batch_decode(written[:, choose.start :], skip_special_tokens=True)]


def _streamer(tokenizer: Any, heard: Callable[[str], None]) -> Any:
    from transformers import TextStreamer

    class Heard(TextStreamer):
        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            if text:
                heard(text)

    return Heard(tokenizer, skip_prompt=True, skip_special_tokens=True)


class _Choice:
    """Draws each row's next token with its own generator: the likeliest of scores with Gumbel noise is a sample of them.

    Maddison et al. 2014, https://arxiv.org/abs/1411.0030. `start` is how long the sequences were before the first new token.
    """

    def __init__(self, temperature: float, seeds: Sequence[int]) -> None:
        self.start: int | None = None
        self._temperature = temperature
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if self.start is None:
            self.start = input_ids.shape[1]
        if not self._temperature:
            return scores
        drawn = [torch.empty(scores.shape[1]).exponential_(generator=generator) for generator in self._generators]
        return scores.float() / self._temperature - torch.stack(drawn).log().to(scores.device)
