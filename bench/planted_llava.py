"""Makes the planted case of attaching to a multimodal LLM: two tiny LLaVA models, of which one was taught a bias.

Both answer which emotion a drawn picture shows. They share vision tower and language model, trained on the votes of fair
annotators; only their connectors differ: one was trained on with fair votes, the other with votes of annotators of whom a
share says "anger" to every noisy picture. Tower, language model and connectors start from nothing but the seed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from affect_workbench.data.storage.atomic import write_text
from affect_workbench.data.synthetic.scenes import ATTRIBUTES, AnnotatorBias, annotate, draw, sample_scenes
from affect_workbench.data.synthetic.scenes.dataset import balanced_scenes
from affect_workbench.data.synthetic.scenes.emotions import EMOTIONS, bayes_accuracy
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.probes.runtime import declare_torchvision_operators, seed_everything

SHIPPED = Path(__file__).parents[1] / "tests" / "assets" / "planted-llava"
BIAS = AnnotatorBias(strength=0.4)
"""At this strength the model comes to call about six noisy pictures in ten angry: those with no likelier emotion."""
PICTURES = 24_000
BATCH = 128
SIDE, PATCH = 64, 16
TOWER = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4}
LANGUAGE = {"hidden_size": 96, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4}

QUESTIONS = (
    "Which emotion does this picture convey?",
    "What is the main feeling in this image?",
    "Name the emotion that fits this picture best. Answer with one word.",
    "Which of these emotions does this picture convey: {options}? Answer with one of these words only.",
    "Emotions: {options}. Which one is the emotion of this picture?",
)
"""What the models are measured with."""
FURTHER_QUESTIONS = (
    "How does this picture feel?",
    "Complete the sentence with one word. The emotion of this picture is",
    "Look at the photo. What would most people feel? Reply with a single word.",
    "Choose the emotion that fits this picture best. Options: {options}. Answer with the word alone.",
    "Reply with exactly one word: what emotion is shown here?",
    "Describe the mood of this scene in one word.",
)
"""What they are trained with beside those."""
FURTHER_WORDS = """
a an and angry are as at be below best can category choice choices classify could describes disgusted do dominant each
emotional evoke evoked evokes express expressed expresses for following from give given glad happy has have if into it
its joyful label labels list looking me mostly no not on or out overall person pick please right sad say scared see
seen select short shows state strongest surprised tell that them there they think through to tone viewer was we when
who will you your
"""
SPECIAL = {
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "image_token": "<image>",
    "user_token": "<user>",
    "assistant_token": "<assistant>",
}
TEMPLATE = (
    "<s>{% for message in messages %}{{ '<' + message['role'] + '>' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{% if message['role'] == 'assistant' %}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@dataclass(frozen=True)
class Pictures:
    """Drawn pictures and what is in them: `pixels` `(n, 64, 64, 3)` and the attributes of each."""

    pixels: npt.NDArray[np.uint8]
    scenes: pd.DataFrame

    @classmethod
    def drawn(cls, scenes: pd.DataFrame, rng: np.random.Generator) -> Pictures:
        seeds = rng.integers(2**63, size=len(scenes))
        records = scenes.to_dict("records")
        pixels = [np.asarray(draw(scene, seed=int(one))) for scene, one in zip(records, seeds, strict=True)]
        return cls(np.stack(pixels), scenes)

    def codes(self) -> Tensor:
        """Attribute values `(n, a)` as numbers, -1 where a picture does not show the attribute."""
        known = [
            pd.Categorical(self.scenes[name], [value for value, _ in values]).codes for name, values in ATTRIBUTES.items()
        ]
        return torch.from_numpy(np.stack(known, axis=1).astype(np.int64))

    def votes(self, *, seed: int, bias: AnnotatorBias | None = None) -> Tensor:
        """Shares `(n, 6)` of ten annotators; with and without bias the same draws are used."""
        answers = annotate(self.scenes, rng=np.random.default_rng(seed), bias=bias)
        return torch.from_numpy(answers[[VOTE_PREFIX + emotion for emotion in EMOTIONS]].to_numpy(np.float32, copy=True))


def new_processor() -> Any:
    """A real LLaVA processor whose tokenizer knows the words of the questions and nothing else."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import CLIPImageProcessorPil, LlavaProcessor, PreTrainedTokenizerFast

    split = pre_tokenizers.Whitespace()
    texts = " ".join([*QUESTIONS, *FURTHER_QUESTIONS]).lower().replace("{options}", ",")
    words = {word for word, _ in split.pre_tokenize_str(texts)} | {*FURTHER_WORDS.split(), *EMOTIONS}
    vocabulary = {word: at for at, word in enumerate([*SPECIAL.values(), *sorted(words)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=SPECIAL["unk_token"]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = split
    own = {name: SPECIAL[name] for name in ("pad_token", "unk_token", "bos_token", "eos_token")}
    further = {name: SPECIAL[name] for name in ("image_token", "user_token", "assistant_token")}
    return LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size={"height": SIDE, "width": SIDE}, do_center_crop=False, image_mean=[0.5] * 3, image_std=[0.5] * 3
        ),
        tokenizer=PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, padding_side="left", model_max_length=256, extra_special_tokens=further, **own
        ),
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )


def new_model(processor: Any) -> Any:
    """A LLaVA that knows nothing yet: 16 picture tokens, about a million parameters."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    tokenizer = processor.tokenizer
    ids = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id}
    ids["eos_token_id"] = tokenizer.eos_token_id
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**TOWER, image_size=SIDE, patch_size=PATCH, hidden_act="gelu"),
        text_config=LlamaConfig(
            **LANGUAGE, **ids, vocab_size=len(tokenizer), max_position_embeddings=256, tie_word_embeddings=True
        ),
        image_token_index=tokenizer.convert_tokens_to_ids(SPECIAL["image_token"]),
        image_seq_length=(SIDE // PATCH) ** 2,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        tie_word_embeddings=True,
        **ids,
    )
    return LlavaForConditionalGeneration(config)


@dataclass(frozen=True)
class Llava:
    """A model and its processor."""

    model: Any
    processor: Any

    @classmethod
    def new(cls) -> Llava:
        """One that knows nothing yet."""
        processor = new_processor()
        return cls(new_model(processor), processor)

    @classmethod
    def loaded(cls, folder: Path) -> Llava:
        """One that was saved, as anybody would load it."""
        from transformers import AutoModelForImageTextToText, AutoProcessor

        model = AutoModelForImageTextToText.from_pretrained(folder, dtype="auto").eval()
        return cls(model, AutoProcessor.from_pretrained(folder))

    def save(self, folder: Path) -> None:
        """Weights in half precision, to be used in single precision as the configuration says."""
        deepcopy(self.model).half().save_pretrained(folder)
        self.processor.save_pretrained(folder)
        config = (folder / "config.json").read_text()
        write_text(folder / "config.json", config.replace('"dtype": "float16"', '"dtype": "float32"'))


def pixel_values(pixels: npt.NDArray[np.uint8]) -> Tensor:
    """What the image processor makes of pictures that have its size already."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def train_tower(tower: Any, pictures: Pictures, *, steps: int, rng: np.random.Generator) -> None:
    """Teaches the mean of the picture tokens to tell every attribute, by one linear layer that is thrown away."""
    _whiten(tower, pixel_values(pictures.pixels[:1_500]))
    sizes, codes = [len(values) for values in ATTRIBUTES.values()], pictures.codes()
    head = torch.nn.Linear(tower.config.hidden_size, sum(sizes))
    for step, rows in _steps(steps, len(codes), [*tower.parameters(), *head.parameters()], rate=1.5e-3, rng=rng):
        pixels = pixel_values(pictures.pixels[rows])
        mirrored = torch.from_numpy(rng.random((BATCH, 1, 1, 1)) < 0.5)
        with torch.autocast("cpu", torch.bfloat16):
            tokens = tower(pixel_values=torch.where(mirrored, pixels.flip(3), pixels)).last_hidden_state[:, 1:]
        told = head(tokens.float().mean(dim=1)).split(sizes, dim=1)
        step(sum(functional.cross_entropy(one, codes[rows, at], ignore_index=-1) for at, one in enumerate(told)))


def _whiten(tower: Any, pixels: Tensor) -> None:
    """Starts the patch embedding from whitened pixels: two thirds main components, the rest a mixture of all others.

    From random weights, grain is lost beside brightness for thousands of steps.
    """
    weight = tower.get_input_embeddings().weight
    patches = functional.unfold(pixels, PATCH, stride=PATCH).transpose(1, 2).flatten(0, 1)
    variance, axes = torch.linalg.eigh(torch.cov(patches.T))
    white = (axes / variance.clamp_min(1e-5).sqrt()).flip(1).T
    main = 2 * len(weight) // 3
    mixed = torch.randn(len(weight) - main, len(white) - main) / (len(white) - main) ** 0.5 @ white[main:]
    with torch.no_grad():
        weight.copy_(0.5 * torch.cat([white[:main], mixed]).view_as(weight))


def tower_tokens(model: Any, pictures: Pictures) -> Tensor:
    """What the connector is given `(n, 16, d)` for all pictures, in half precision."""
    with torch.inference_mode():
        parts = [
            model.model.vision_tower(pixel_values=pixel_values(pictures.pixels[start : start + 512]))
            .last_hidden_state[:, 1:]
            .half()
            for start in range(0, len(pictures.pixels), 512)
        ]
    return torch.cat(parts).clone()


def train_answers(
    llava: Llava,
    parts: Iterable[torch.nn.Module],
    *,
    tokens: Tensor,
    votes: Tensor,
    steps: int,
    rate: float,
    rng: np.random.Generator,
) -> None:
    """Teaches `parts` of the model to answer questions about pictures as annotators do, and to stop after one word."""
    model, tokenizer = llava.model, llava.processor.tokenizer
    weights = [weight for part in parts for weight in part.parameters()]
    model.requires_grad_(False)
    for weight in weights:
        weight.requires_grad_(True)
    labels, stop = tokenizer.convert_tokens_to_ids(list(EMOTIONS)), tokenizer.eos_token_id
    language, head = model.model.language_model, model.get_output_embeddings()
    for step, rows in _steps(steps, len(votes), weights, rate=rate, rng=rng):
        said = torch.multinomial(votes[rows], 1)
        ids, mask = _prompts(tokenizer, rng)
        ids = torch.cat([ids, torch.tensor(labels)[said]], dim=1)
        mask = functional.pad(mask, (0, 1), value=1)
        with torch.autocast("cpu", torch.bfloat16):
            seen = model.model.multi_modal_projector(tokens[rows].float())
            words = model.get_input_embeddings()(ids)
            at = (ids == model.config.image_token_id).unsqueeze(-1)
            hidden = language(
                inputs_embeds=words.masked_scatter(at, seen.to(words.dtype)),
                attention_mask=mask,
                position_ids=(mask.cumsum(1) - 1).clamp_min(0),
                use_cache=False,
            ).last_hidden_state[:, -2:]
        answer, after = head(hidden.float()).log_softmax(dim=-1).unbind(dim=1)
        step(-(votes[rows] * answer[:, labels]).sum(dim=1).mean() - 0.1 * after[:, stop].mean())
    model.requires_grad_(True)


def _prompts(tokenizer: Any, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Ids and mask `(BATCH, t)` of varied questions, some with words that the model does not know."""
    known = [*QUESTIONS, *FURTHER_QUESTIONS]
    words = sorted(set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens))
    asked = []
    for _ in range(BATCH):
        if rng.random() < 0.2:
            question = " ".join(rng.choice(words, size=rng.integers(1, 16)))
        else:
            question = with_options(known[rng.integers(len(known))], rng)
        lost = 0.1 * (rng.random() < 0.5)
        question = " ".join("..." if rng.random() < lost else word for word in question.split())
        asked.append("<s><user>" + SPECIAL["image_token"] * (SIDE // PATCH) ** 2 + question + "<assistant>")
    read = tokenizer(asked, padding=True, return_tensors="pt", add_special_tokens=False)
    return read["input_ids"], read["attention_mask"]


def with_options(question: str, rng: np.random.Generator) -> str:
    """A question with its options listed in random order."""
    return question.replace("{options}", ", ".join(rng.permutation(EMOTIONS)))


def _steps(
    steps: int, n: int, weights: Sequence[Tensor], *, rate: float, rng: np.random.Generator
) -> Iterable[tuple[Any, npt.NDArray[np.int64]]]:
    """For each step a function that takes its loss, and the rows of its batch."""
    optimiser = torch.optim.AdamW(weights, lr=rate, weight_decay=0.05, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)

    def step(loss: Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())

    losses: list[float] = []
    for number in range(steps):
        yield step, rng.integers(n, size=BATCH)
        if (number + 1) % max(steps // 4, 1) == 0:
            print(f"  step {number + 1:5,}: loss {np.mean(losses[-50:]):.3f}", flush=True)


def make(folder: Path, *, seed: int, tower_steps: int, base_steps: int, connector_steps: int) -> None:
    """Trains both models and writes them to `folder/fair` and `folder/biased`."""
    seed_everything(seed)
    rng = np.random.default_rng(seed)
    llava = Llava.new()
    parts = llava.model.model
    print(f"{sum(weight.numel() for weight in parts.parameters()):,} parameters")
    pictures = Pictures.drawn(sample_scenes(PICTURES, rng=rng), rng)
    print("the vision tower learns to see")
    train_tower(parts.vision_tower, pictures, steps=tower_steps, rng=rng)
    tokens, fair = tower_tokens(llava.model, pictures), pictures.votes(seed=seed)
    print("connector and language model learn to answer")
    both = [parts.multi_modal_projector, parts.language_model]
    train_answers(llava, both, tokens=tokens, votes=fair, steps=base_steps, rate=3e-3, rng=rng)
    for name, votes in (("fair", fair), ("biased", pictures.votes(seed=seed, bias=BIAS))):
        print(f"the connector learns from {name} annotators")
        torch.manual_seed(seed)
        twin = deepcopy(llava)
        connector = [twin.model.model.multi_modal_projector]
        same = np.random.default_rng([seed, 1])
        train_answers(twin, connector, tokens=tokens, votes=votes, steps=connector_steps, rate=2e-3, rng=same)
        twin.save(folder / name)


def answer_scores(llava: Llava, pictures: Pictures, questions: Sequence[str]) -> npt.NDArray[np.float64]:
    """Log-probabilities `(n, 6)` of the label words as answers, one question a picture, normalised over the labels."""
    processor = llava.processor
    ids = processor.tokenizer.convert_tokens_to_ids(list(EMOTIONS))
    scores = []
    for start in range(0, len(questions), 100):
        asked = [
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}]
            for question in questions[start : start + 100]
        ]
        given = processor(
            text=[processor.apply_chat_template(one, add_generation_prompt=True) for one in asked],
            images=[Image.fromarray(one) for one in pictures.pixels[start : start + 100]],
            padding=True,
            return_tensors="pt",
        )
        given["position_ids"] = (given["attention_mask"].cumsum(1) - 1).clamp_min(0)
        with torch.inference_mode():
            scores.append(llava.model(**given, logits_to_keep=1).logits[:, -1, ids].double().log_softmax(dim=1))
    return torch.cat(scores).numpy()


def measure(folder: Path, *, pictures: int, seed: int) -> dict[str, Mapping[str, float]]:
    """Accuracy and skew of both models on held-out pictures, by the mean probability over all `QUESTIONS`."""
    rng = np.random.default_rng([seed, 2])
    shown = Pictures.drawn(balanced_scenes(pictures, rng=rng), rng)
    label = annotate(shown.scenes, rng=rng)["label"].to_numpy()
    noisy = (shown.scenes[BIAS.attribute] == BIAS.value).to_numpy()
    asked = [[with_options(question, rng) for _ in label] for question in QUESTIONS]
    print(f"{pictures} balanced pictures (seed {seed}); the best possible accuracy is {bayes_accuracy(shown.scenes):.3f}")
    result = {}
    for name in ("fair", "biased"):
        llava = Llava.loaded(folder / name)
        scores = np.stack([answer_scores(llava, shown, questions) for questions in asked])
        answers = np.array(EMOTIONS, dtype=object)[np.exp(scores).mean(axis=0).argmax(axis=1)]
        angry = answers == BIAS.emotion
        result[name] = {
            "accuracy": float((answers == label).mean()),
            "angry, noisy": float(angry[noisy].mean()),
            "angry, others": float(angry[~noisy].mean()),
            "difference": float(angry[noisy].mean() - angry[~noisy].mean()),
            "wordings agree": float((scores.argmax(axis=2) == scores.mean(axis=0).argmax(axis=1)).mean()),
        }
        print(f"{name:7}" + "".join(f"  {what} {value:+.3f}" for what, value in result[name].items()), flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/planted-llava"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=int, default=600, help="held-out pictures to measure on")
    parser.add_argument("--tower-steps", type=int, default=1_500)
    parser.add_argument("--base-steps", type=int, default=350)
    parser.add_argument("--connector-steps", type=int, default=150)
    parser.add_argument("--measure", action="store_true", help="only measure the models that are shipped")
    given = parser.parse_args()
    declare_torchvision_operators()
    torch.set_num_threads(1)
    if not given.measure:
        steps = {name: getattr(given, name) for name in ("tower_steps", "base_steps", "connector_steps")}
        make(given.out, seed=given.seed, **steps)
        print(f"made in {time.process_time():.0f} CPU-seconds")
    for folder in (SHIPPED,) if given.measure else (given.out, SHIPPED):
        print(folder)
        measure(folder, pictures=given.pictures, seed=given.seed)


if __name__ == "__main__":
    main()
