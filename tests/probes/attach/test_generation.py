"""Is an answer only what is new, the same in a batch as alone, and drawn as the model's probabilities say?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from affect_workbench.probes.attach.generation import _Choice, generate
from affect_workbench.probes.attach.inputs import prepare
from tiny_multimodal import attached

QUESTIONS = ("What emotion does this picture show?", "Joy?", "How does this image feel: anger or joy?")
FAMILIES = ("llava", "qwen2_vl", "lfm2_vl", "blip_2", "janus")
"""An ordinary one; positions in three axes; states that move on; two whose own `generate` is different."""


def pictures():
    rng = np.random.default_rng(1)
    return [Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for _ in QUESTIONS]


@pytest.fixture(scope="module", params=FAMILIES)
def model(request):
    return attached(request.param)


def test_a_batch_answers_as_its_pictures_alone(model):
    together = generate(model, pictures(), QUESTIONS, max_new_tokens=5)
    alone = [generate(model, [one], [asked], max_new_tokens=5)[0] for one, asked in zip(pictures(), QUESTIONS, strict=True)]
    assert together == alone
    assert len(set(together)) > 1


def test_an_answer_begins_with_the_likeliest_token_and_holds_no_prompt(model):
    with torch.no_grad():
        likeliest = model.model(**prepare(model, pictures(), QUESTIONS).tensors).logits[:, -1].argmax(1)
    assert generate(model, pictures(), QUESTIONS, max_new_tokens=1) == [
        text.strip() for text in model.tokenizer.batch_decode(likeliest[:, None], skip_special_tokens=True)
    ]


def test_an_answer_is_the_likeliest_token_after_token_also_of_a_model_that_was_saved_without_a_cache(monkeypatch):
    """Trainers save `use_cache: false`; each token then costs as much as the whole text."""
    model = attached("llava")
    monkeypatch.setattr(model.model.generation_config, "use_cache", False)
    tensors = dict(prepare(model, pictures()[:1], QUESTIONS[:1]).tensors)
    start, lengths = tensors["input_ids"].shape[1], []
    for _ in range(5):
        with torch.no_grad():
            likeliest = model.model(**{**tensors, "position_ids": None}).logits[:, -1].argmax(1, keepdim=True)
        tensors["input_ids"] = torch.cat([tensors["input_ids"], likeliest], 1)
        tensors["attention_mask"] = torch.ones_like(tensors["input_ids"])
    decoder = model.model.get_decoder()
    with decoder.register_forward_pre_hook(
        lambda _part, _given, named: lengths.append(named["inputs_embeds"].shape[1]), with_kwargs=True
    ):
        answers = generate(model, pictures()[:1], QUESTIONS[:1], max_new_tokens=5)
    assert answers == [model.tokenizer.decode(tensors["input_ids"][0, start:], skip_special_tokens=True).strip()]
    assert lengths == [start, 1, 1, 1, 1]


def test_an_answer_stops_at_the_end_token(model, monkeypatch):
    first = prepare(model, pictures(), QUESTIONS).tensors
    with torch.no_grad():
        ends = int(model.model(**first).logits[0, -1].argmax())
    for part in model.model.modules():
        if getattr(part, "generation_config", None):
            monkeypatch.setattr(part.generation_config, "eos_token_id", [ends])
    answers = generate(model, pictures(), QUESTIONS, max_new_tokens=4)
    assert answers[0] == model.tokenizer.decode([ends]).strip()


def test_an_answer_is_heard_while_it_is_written(model):
    heard: list[str] = []
    (answer,) = generate(model, pictures()[:1], QUESTIONS[:1], max_new_tokens=8, heard=heard.append)
    assert "".join(heard).strip() == answer == generate(model, pictures()[:1], QUESTIONS[:1], max_new_tokens=8)[0]
    assert len(heard) > 1 or " " not in answer
    with pytest.raises(ValueError, match="3 pictures: only the answer to one can be heard"):
        generate(model, pictures(), QUESTIONS, heard=heard.append)


def test_what_is_drawn_depends_on_its_seed_alone(model):
    drawn = generate(model, pictures(), QUESTIONS, max_new_tokens=5, temperature=1.0, seed=[7, 8, 9])
    last = generate(model, pictures()[2:], QUESTIONS[2:], max_new_tokens=5, temperature=1.0, seed=9)
    assert drawn[2:] == last
    assert generate(model, pictures(), QUESTIONS, max_new_tokens=5, temperature=1.0, seed=7) == drawn
    assert generate(model, pictures(), QUESTIONS, max_new_tokens=5, temperature=1.0, seed=17) != drawn


def test_tokens_are_drawn_as_often_as_they_are_likely():
    scores, temperature = torch.tensor([0.0, 1.0, 2.0, -3.0]), 0.7
    drawn = _Choice(temperature, range(4_000))(torch.zeros(4_000, 3), scores.expand(4_000, -1)).argmax(1)
    shares = torch.bincount(drawn, minlength=4) / 4_000
    torch.testing.assert_close(shares, (scores / temperature).softmax(0), atol=0.025, rtol=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1}, "temperature -1"),
        ({"max_new_tokens": 0}, "0 new tokens"),
        ({"seed": [1]}, "1 seeds for 3 pictures"),
    ],
)
def test_settings_that_make_no_sense_are_an_error(model, settings, message):
    with pytest.raises(ValueError, match=message):
        generate(model, pictures(), QUESTIONS, **settings)
