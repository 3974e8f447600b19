"""How likely does a model find each label word as its answer to a question about a picture?

A label's score is the sum of the log-probabilities of its tokens, normalised over the labels: the probability that the
answer is this word, given that it is one of them. It is not the mean per token: that is no probability, it rewards words
that are cut into many tokens of which the first tells the rest (` dis|gust`), and it would change with the tokenizer. That
no label may begin another, token by token, keeps the sums comparable: they are probabilities of answers that exclude each
other.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor

from affect_workbench.probes.attach.inputs import prepare

if TYPE_CHECKING:
    from affect_workbench.arrays import Floats, Vectors
    from affect_workbench.probes.attach.inputs import Batch
    from affect_workbench.probes.attach.model import MultimodalModel

Tokens = tuple[int, ...]

_ANSWER = "happy"
"""Any word that no template writes by itself: it shows what a template puts before an answer."""
_ASKED = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which emotion?"}]}
_SAID = [{"type": "text", "text": _ANSWER}]


def score_labels(
    model: MultimodalModel,
    pictures: Sequence[Image.Image],
    questions: Sequence[str],
    labels: Sequence[str],
    *,
    over_labels: bool = True,
) -> Floats:
    """Log-probabilities `(b, k)` of the label words as the answers, in float64.

    One pass a picture, then the words' further tokens against its cache; families whose cache cannot be repeated pass over
    each whole sequence. A batch equals its pictures one at a time.

    Args:
        model: what is asked.
        pictures: `b` pictures, that fit into memory as one batch.
        questions: one a picture.
        labels: the `k` words.
        over_labels: whether each row is normalised over the labels (its exponentials add up to 1); else what the model gives
            each word among all it could say, whose exponentials add up to how far it keeps to the labels.

    Raises:
        ValueError: not one question a picture, a picture of which nothing is left, or labels that cannot be told apart.
    """
    tokens = label_tokens(model, labels)
    scores = token_scores(model, prepare(model, pictures, questions), tokens)
    return (scores.log_softmax(1) if over_labels else scores).numpy()


def label_tokens(model: MultimodalModel, labels: Sequence[str]) -> tuple[Tokens, ...]:
    """The tokens of each label as the tokenizer makes them where the model would answer.

    What stands before an answer (a space, a line, closed reasoning) is what the chat template writes there, and is part of
    it.

    Raises:
        ValueError: no labels, or two of which one has all the tokens of the other at its beginning.
    """
    if not labels or not all(map(str.strip, labels)):
        raise ValueError(f"labels {list(labels)}: expected at least one word, and none empty")
    prompt, between = _before_the_answer(model)
    tokens = tuple(_continuation(model.tokenizer, prompt, between + label) for label in labels)
    unknown = getattr(model.tokenizer, "unk_token_id", None)
    for label, own in zip(labels, tokens, strict=True):
        if unknown is not None and unknown in own:
            raise ValueError(f"label {label!r} is no word of this model's tokenizer: give it another word")
        alike = [other for other, its in zip(labels, tokens, strict=True) if its[: len(own)] == own]
        alike.remove(label)
        if alike:
            raise ValueError(
                f"labels {label!r} and {alike[0]!r} share all tokens of {label!r} {list(own)}: this tokenizer cannot tell "
                "them apart; give one of them another word"
            )
    return tokens


def label_rows(model: MultimodalModel, labels: Sequence[str]) -> Vectors:
    """The labels' vectors `(k, d)` as the language model is given them, in float32; the mean of its tokens for each.

    Raises:
        ValueError: labels that cannot be told apart.
    """
    embed = model.model.get_input_embeddings()
    with torch.no_grad():
        rows = [embed(torch.tensor(tokens, device=model.device)).float().mean(0) for tokens in label_tokens(model, labels)]
    return torch.stack(rows).cpu().numpy()


@torch.no_grad()
def token_scores(model: MultimodalModel, batch: Batch, answers: Sequence[Tokens]) -> Tensor:
    """Sums `(b, k)`, in float64 on the CPU, of the log-probabilities of each answer's tokens after each row of the batch."""
    longer = [number for number, tokens in enumerate(answers) if len(tokens) > 1]
    started = model.model(**batch.tensors, use_cache=bool(longer), **_keeping(model, 1))
    scores = _log_probabilities(started.logits[:, -1])[:, [tokens[0] for tokens in answers]]
    if longer:
        past = getattr(started, "past_key_values", None)
        del started
        rest = _after_cache if _repeatable(past) else _after_prompt
        scores[:, longer] += rest(model, batch, [answers[number] for number in longer], past)
    return scores.cpu().double()


def _after_cache(model: MultimodalModel, batch: Batch, answers: Sequence[Tokens], past: Any) -> Tensor:
    """Sums `(b, k)` over all tokens but the first: every answer continues a copy of its row's cache, in one pass."""
    tensors, k, device = batch.tensors, len(answers), model.device
    length = max(map(len, answers)) - 1
    padded = torch.tensor([[*tokens, *[tokens[-1]] * (length + 1 - len(tokens))] for tokens in answers], device=device)
    real = torch.tensor([[at + 1 < len(tokens) for at in range(length)] for tokens in answers], device=device)
    b = len(tensors["input_ids"])
    past.batch_repeat_interleave(k)
    prompt = tensors["attention_mask"].repeat_interleave(k, 0)
    given = {
        "input_ids": padded[:, :-1].repeat(b, 1),
        "attention_mask": torch.cat([prompt, real.repeat(b, 1).to(prompt.dtype)], 1),
    }
    positions = _positions_after(model, tensors, length)
    if positions is not None:
        given["position_ids"] = positions.repeat_interleave(k, -2)
    if "cross_attention_mask" in tensors:
        rows = tensors["cross_attention_mask"].repeat_interleave(k, 0)
        given["cross_attention_mask"] = rows[:, -1:].expand(-1, length, *rows.shape[2:])
    logits = model.model(**given, past_key_values=past, use_cache=True).logits
    scores = _log_probabilities(logits).gather(2, padded[:, 1:].repeat(b, 1)[..., None])[..., 0]
    return scores.masked_fill(~real.repeat(b, 1), 0).sum(1).view(b, k)


def _after_prompt(model: MultimodalModel, batch: Batch, answers: Sequence[Tokens], _: Any) -> Tensor:
    """Sums `(b, k)` over all tokens but the first, from whole sequences: one pass for each different beginning."""
    passes: dict[Tokens, Tensor] = {}
    columns = []
    for tokens in answers:
        begun, wanted = tokens[:-1], torch.tensor(tokens[1:], device=model.device)
        if begun not in passes:
            logits = model.model(**extended(batch.tensors, begun), use_cache=False, **_keeping(model, len(begun))).logits
            passes[begun] = _log_probabilities(logits[:, -len(begun) :])
        columns.append(passes[begun].gather(2, wanted.expand(len(passes[begun]), -1)[..., None]).sum((1, 2)))
    return torch.stack(columns, 1)


def extended(tensors: dict[str, Tensor], answer: Tokens) -> dict[str, Tensor]:
    """Inputs with the same tokens written after every row, as the family's own generation would write them."""
    longer = dict(tensors)
    b, n = len(tensors["input_ids"]), len(answer)
    written = {
        "input_ids": torch.tensor(answer, device=tensors["input_ids"].device).expand(b, n),
        "attention_mask": tensors["attention_mask"].new_ones(b, n),
        "mm_token_type_ids": tensors["input_ids"].new_zeros(b, n),
    }
    if "token_type_ids" in tensors:  # images are 1 and all text 0, or (PaliGemma) the prompt is 0 and what follows it 1
        written["token_type_ids"] = tensors["token_type_ids"].new_full((b, n), int(not tensors["token_type_ids"].any()))
    if "position_ids" in tensors:
        written["position_ids"] = _counted(tensors["position_ids"][..., -1:], n)
    if "cross_attention_mask" in tensors:
        written["cross_attention_mask"] = tensors["cross_attention_mask"][:, -1:].expand(-1, n, -1, -1)
    for name, more in written.items():
        if name in tensors:
            longer[name] = torch.cat([tensors[name], more.to(tensors[name].dtype)], -1 if name == "position_ids" else 1)
    return longer


def _positions_after(model: MultimodalModel, tensors: dict[str, Tensor], length: int) -> Tensor | None:
    """Positions of the next tokens, `(b, length)` or `(3, b, length)`; None where the model counts by itself."""
    if "position_ids" in tensors:
        return _counted(tensors["position_ids"][..., -1:], length)
    owners = (model.model, getattr(model.model, "model", None))
    deltas = next((found for owner in owners if (found := getattr(owner, "rope_deltas", None)) is not None), None)
    if deltas is None:
        return None
    last = tensors["attention_mask"].sum(1, keepdim=True) - 1
    return _counted(last + deltas.to(last.device).view(-1, 1), length).expand(3, -1, -1)


def _counted(last: Tensor, length: int) -> Tensor:
    return last + torch.arange(1, length + 1, device=last.device)


def _repeatable(past: Any) -> bool:
    """Whether a cache holds nothing but keys and values a token: states of convolutions and linear attention move on."""
    from transformers.cache_utils import DummyLayer, DynamicLayer, LinearAttentionCacheLayerMixin

    layers = getattr(past, "layers", ())
    kinds = (DynamicLayer, DummyLayer)
    return bool(layers) and all(isinstance(x, kinds) and not isinstance(x, LinearAttentionCacheLayerMixin) for x in layers)


def _keeping(model: MultimodalModel, count: int) -> dict[str, int]:
    """Asks for the last logits only, where the model can do that: those of a long prompt fill the memory."""
    return {"logits_to_keep": count} if "logits_to_keep" in inspect.signature(model.model.forward).parameters else {}


def _log_probabilities(logits: Tensor) -> Tensor:
    """In double precision (where the device has it): it is sums over tokens that a batch is compared by."""
    return logits.to(torch.float32 if logits.device.type == "mps" else torch.float64).log_softmax(-1)


def _before_the_answer(model: MultimodalModel) -> tuple[str, str]:
    """The prompt up to where the model answers, and what its template writes between that and an answer."""
    template = getattr(model.processor, "chat_template", None) or getattr(model.tokenizer, "chat_template", None)
    if template:
        form = template if isinstance(template, str) else None
        write = partial(model.processor.apply_chat_template, chat_template=form, tokenize=False)
        prompt = write([_ASKED], add_generation_prompt=True)
        for said in (_SAID, _ANSWER):
            talk = [_ASKED, {"role": "assistant", "content": said}]
            try:
                whole = write(talk)
            except Exception:  # a template may refuse anything it likes, by errors of any kind
                continue
            between, found, _ = whole.removeprefix(prompt).partition(_ANSWER)
            if whole.startswith(prompt) and found and repr(_SAID)[:8] not in between:  # some write a list as Python does
                return prompt, between
    else:  # the end of what the processor makes of a question
        shown = prepare(model, [Image.new("RGB", (224, 224))], ["Which emotion?"])
        prompt = model.tokenizer.decode(shown.tensors["input_ids"][0, -4:])
    closed = prompt[-1:].isspace() or prompt.endswith(tuple(model.tokenizer.all_special_tokens))
    return prompt, "" if closed else " "


def _continuation(tokenizer: Any, prompt: str, answer: str) -> Tokens:
    """The tokens that `answer` adds after `prompt`."""

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    before, whole = ids(prompt), ids(prompt + answer)
    if whole[: len(before)] == before:
        return tuple(whole[len(before) :])
    # The tokenizer would join the end of the prompt with the answer: the model, given the prompt, has to go on from its end.
    alone = [ids(answer), ids(answer.lstrip())]
    fitting = [tokens for tokens in alone if tokenizer.decode(before + tokens) == tokenizer.decode(whole)]
    return tuple((fitting or alone)[0])


@torch.no_grad()
def lens(model: MultimodalModel, values: Vectors, labels: Sequence[str], *, normed: bool = False) -> Floats:
    """Probabilities `(n, k)` of the label words, read from states inside by the model's own output head (a logit lens).

    What the head gives the first token of each word, normalised over the labels; words that share their first token share
    its probability. Source: nostalgebraist 2020, "interpreting GPT: the logit lens".

    Args:
        model: whose states these are.
        values: states `(n, d)` of the language model's width.
        labels: the `k` words.
        normed: whether the states have been through the final norm already, as those at `last` have.
    """
    first = torch.tensor([tokens[0] for tokens in label_tokens(model, labels)], device=model.device)
    head = model.model.get_output_embeddings()
    states = torch.tensor(values).to(next(head.parameters()))
    if not normed:
        states = _final_norm(model)(states)
    return head(states)[:, first].double().softmax(-1).cpu().numpy()


def _final_norm(model: MultimodalModel) -> Any:
    """What states go through between the last layer and the output head; nothing where the family has no such module."""
    decoder = model.model.get_decoder()
    names = ("norm", "final_layernorm", "final_layer_norm", "ln_f", "embedding_norm")
    return next((getattr(decoder, name) for name in names if hasattr(decoder, name)), torch.nn.Identity())
