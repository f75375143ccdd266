"""What is drawn for a row depends on its own seed alone, and the training's generators do not notice."""

import random

import numpy
import pytest
import torch

from callsheet.generation import generate
from callsheet.generation.drawing import drawn_by_row, seed_of, undisturbed


@pytest.fixture(scope="module")
def demo():
    from importlib.resources import files

    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    folder = str(files("callsheet_conf") / "demo" / "model")
    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(folder, attention_dropout=0.5)
    return AutoModelForCausalLM.from_config(config), AutoTokenizer.from_pretrained(folder)


ROWS = [{"prompt": f"{'ab' * (place % 4)} -> ", "seed": seed_of(0, 5, "eval", place)} for place in range(9)]


def drawn(demo, rows, batch_size, **more):
    asked = {"max_new_tokens": 8, "do_sample": True, "around": drawn_by_row, **more}
    return generate.answers(*demo, rows, batch_size, **asked)


def test_a_row_is_answered_the_same_in_every_batch_and_order(demo):
    together = drawn(demo, ROWS, 9)
    assert len({*together}) > 5
    assert drawn(demo, ROWS, 2) == together and drawn(demo, ROWS[::-1], 4) == together[::-1]
    assert [drawn(demo, [row], 1)[0] for row in ROWS] == together


def test_other_seeds_draw_others_and_warpers_hold(demo):
    others = [{**row, "seed": row["seed"] + 1} for row in ROWS]
    assert drawn(demo, others, 9) != drawn(demo, ROWS, 9)
    assert drawn(demo, ROWS, 9, top_k=1) == generate.answers(*demo, ROWS, 9, max_new_tokens=8)


def test_beams_that_draw_are_repeated_too(demo):
    assert drawn(demo, ROWS, 9, num_beams=2) == drawn(demo, ROWS, 9, num_beams=2)


def test_tokens_come_as_often_as_their_share_and_never_without_one():
    from callsheet.generation.drawing import _Numbers

    shares = torch.tensor([0.1, 0.0, 0.6, 0.3, 0.0])
    found = _Numbers(range(20_000)).chosen(shares.repeat(20_000, 1))
    assert torch.allclose(torch.bincount(found[:, 0], minlength=5) / 20_000, shares, atol=0.02)
    assert not {1, 4} & {*found[:, 0].tolist()}


def test_the_generators_of_the_training_go_on_as_if_nothing_was_drawn(demo):
    def states():
        return [random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state().tolist()]

    before = states()
    with undisturbed(7):
        first = random.random(), numpy.random.random(), torch.rand(1).item()
        drawn(demo, ROWS, 3)
        with pytest.raises(KeyError):
            drawn(demo, [{"prompt": "x"}], 1)
    with undisturbed(7):
        assert (random.random(), numpy.random.random(), torch.rand(1).item()) == first
    assert states() == before


def test_modules_keep_their_own_mode(demo):
    model, _ = demo
    model.train()
    inner = next(iter(model.model.layers)).eval()
    drawn(demo, ROWS[:1], 1)
    assert model.training and not inner.training and next(iter(inner.children())).training is False
