"""Is what a model makes of a picture computed once, and the same as it always is?"""

import numpy as np
import pytest
import torch
from PIL import Image

from affect_workbench.probes.attach.generation import generate
from affect_workbench.probes.mmllm import pictures
from affect_workbench.probes.mmllm.pictures import looked_at_once
from tiny_multimodal import attached


def drawn(n):
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for _ in range(n)]


@pytest.fixture
def llava():
    return attached("llava")


def test_a_picture_is_looked_at_once_for_all_its_questions(llava):
    some, looked = drawn(3), []
    shown, questions = [some[at] for at in (0, 1, 0, 2, 1)], ["What?", "Why?", "Joy?", "What?", "What?"]
    plain = generate(llava, shown, questions, max_new_tokens=4)
    known = {}
    tower = llava.model.model.vision_tower
    with tower.register_forward_pre_hook(lambda _part, given, _named: looked.append(len(given[0])), with_kwargs=True):
        for start in (0, 2):
            with looked_at_once(llava.model, known):
                parts = generate(llava, shown[start:], questions[start:], max_new_tokens=4)
            assert parts == plain[start:]
        assert looked == [2 + 1]
        generate(llava, shown, questions, max_new_tokens=1)
    assert looked == [3, 5]
    assert len(known) == 3


def test_what_is_remembered_is_what_the_model_computes_and_the_latest(llava, monkeypatch):
    monkeypatch.setattr(pictures, "_REMEMBERED", 2)
    pixels = torch.randn(4, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    known = {}
    plain = llava.model.get_image_features(pixel_values=pixels).pooler_output
    with looked_at_once(llava.model, known):
        for rows in ([0, 1, 0], [2, 1], [3, 0]):
            found = llava.model.get_image_features(pixel_values=pixels[rows]).pooler_output
            for row, tokens in zip(rows, found, strict=True):
                torch.testing.assert_close(tokens, plain[row])
            assert len(known) == 2
    assert "get_image_features" not in vars(llava.model.model)


def test_other_families_are_asked_as_ever():
    qwen = attached("qwen2_vl")
    with looked_at_once(qwen.model, known := {}):
        assert generate(qwen, drawn(2), ["What?"] * 2, max_new_tokens=2) == generate(
            qwen, drawn(2), ["What?"] * 2, max_new_tokens=2
        )
    assert known == {}
