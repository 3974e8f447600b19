"""What does a model read, and is what cannot be read refused in one line?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from affect_workbench.probes.attach.inputs import prepare, prompt_text
from affect_workbench.probes.attach.source import ModelSource, load_model
from tiny_multimodal import attached, tiny_folder

GREY = Image.fromarray(np.full((60, 72), 90, dtype=np.uint8))


def test_the_question_stands_in_the_template_after_the_picture():
    model = attached("llava")
    batch = prepare(model, [GREY], ["Is it joy?"])
    text = model.tokenizer.decode(batch.tensors["input_ids"][0])
    assert text == "user: " + "<image>" * 16 + "\nIs it joy?\nassistant:"
    assert batch.image_positions[0].tolist() == list(range(batch.image_positions[0][0], batch.image_positions[0][0] + 16))


def test_the_prompt_is_shown_as_it_is_read_with_its_image_tokens_counted():
    assert prompt_text(attached("llava"), GREY, "Is it joy?") == "user: <image> x 16\nIs it joy?\nassistant:"
    assert prompt_text(attached("blip_2"), GREY, "Is it joy?") == "<image> x 4Question: Is it joy? Answer:"


def test_a_family_without_a_template_is_asked_as_it_was_trained():
    model = attached("blip_2")
    text = model.tokenizer.decode(prepare(model, [GREY], ["Is it joy?"]).tensors["input_ids"][0])
    assert text == "<image>" * 4 + "Question: Is it joy? Answer:"


def test_positions_count_from_the_first_token_that_is_no_padding():
    batch = prepare(attached("llava"), [GREY, GREY], ["What emotion does this picture show?", "Joy?"])
    short = batch.tensors["position_ids"][1][batch.tensors["attention_mask"][1] == 1]
    assert short.tolist() == list(range(len(short)))
    assert "position_ids" not in prepare(attached("qwen2_vl"), [GREY], ["Joy?"]).tensors


def test_pixels_come_in_the_precision_of_the_model():
    model = load_model(ModelSource(str(tiny_folder("llava")), dtype="bfloat16", device="cpu"))
    batch = prepare(model, [GREY], ["Joy?"])
    assert batch.tensors["pixel_values"].dtype == torch.bfloat16
    assert batch.tensors["input_ids"].dtype == torch.int64
    assert model.model(**batch.tensors).logits.dtype == torch.bfloat16


@pytest.mark.parametrize(("pictures", "questions"), [([GREY], []), ([], []), ([GREY], ["a", "b"])])
def test_each_picture_has_one_question(pictures, questions):
    with pytest.raises(ValueError, match=rf"{len(pictures)} pictures with {len(questions)} questions: expected one"):
        prepare(attached("llava"), pictures, questions)


def test_a_processor_that_resizes_to_nothing_is_an_error():
    model = load_model(ModelSource(str(tiny_folder("llava")), device="cpu"))
    model.processor.image_processor.size = {"shortest_edge": 0}
    model.processor.image_processor.crop_size = {"height": 0, "width": 0}
    with pytest.raises(ValueError, match="LlavaProcessor") as caught:
        prepare(model, [GREY], ["Joy?"])
    assert "\n" not in str(caught.value)


def test_pictures_that_the_processor_refuses_are_an_error_in_one_line():
    thin = Image.fromarray(np.zeros((1, 400, 3), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"Qwen2VLProcessor cannot read these 1 pictures: .*aspect ratio") as caught:
        prepare(attached("qwen2_vl"), [thin], ["Joy?"])
    assert "\n" not in str(caught.value)


def test_a_picture_without_image_tokens_is_an_error():
    from affect_workbench.probes.attach.inputs import image_positions

    with pytest.raises(ValueError, match="no image token of picture 1 of 2"):
        image_positions(torch.tensor([[5, 9], [5, 5]]), 9)
