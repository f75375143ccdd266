"""Generation in the loop: how rows are shared, and models that load whole whatever engine is on."""

import os
from types import SimpleNamespace

import pytest

from callsheet.generation.under_engines import RAM_EFFICIENT, away_from_engines, in_step, share_of


@pytest.mark.parametrize("count", [1, 2, 7, 8])
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_ranks_generate_as_often_as_each_other_and_no_row_is_left_out(count, world_size):
    rows = [{"prompt": str(number)} for number in range(count)]
    shares = [share_of(rows, rank, world_size) for rank in range(world_size)]
    assert len({len(share) for share in shares}) == 1
    assert {row["prompt"] for share in shares for row in share} == {row["prompt"] for row in rows}


def zero3(stage=3):
    from transformers.integrations import HfDeepSpeedConfig

    return HfDeepSpeedConfig({"zero_optimization": {"stage": stage}})


def state_of(*, dschf=None, trainers=None):
    accelerator = SimpleNamespace(state=SimpleNamespace(deepspeed_plugin=SimpleNamespace(dschf=dschf)))
    return SimpleNamespace(accelerator=accelerator, args=SimpleNamespace(hf_deepspeed_config=trainers))


@pytest.fixture
def deepspeed():
    pytest.importorskip("deepspeed")
    from transformers.integrations import deepspeed

    yield deepspeed
    deepspeed.unset_hf_deepspeed_config()


@pytest.mark.parametrize("keeper", ["dschf", "trainers"])
def test_zero3_is_off_while_a_whole_model_loads_and_on_again_afterwards(deepspeed, keeper):
    older, newer = zero3(), zero3()
    state = state_of(**{"dschf": older, "trainers": older, keeper: newer})
    with away_from_engines(state):
        assert not deepspeed.is_deepspeed_zero3_enabled()
    assert deepspeed.is_deepspeed_zero3_enabled() and deepspeed.deepspeed_config() is newer.config


def test_zero3_is_on_again_when_loading_fails(deepspeed):
    config = zero3()
    with pytest.raises(OSError), away_from_engines(state_of(dschf=config)):
        raise OSError
    assert deepspeed.deepspeed_config() is config.config


def test_a_configuration_that_the_trainer_does_not_keep_is_left_alone(deepspeed):
    strange = zero3()
    said = "configuration of DeepSpeed that this trainer does not have"
    with pytest.raises(RuntimeError, match=said), away_from_engines(state_of(dschf=None)):
        pass
    assert deepspeed.deepspeed_config() is strange.config


def test_without_an_engine_only_the_environment_changes_and_comes_back(monkeypatch):
    monkeypatch.setenv(RAM_EFFICIENT, "true")
    with away_from_engines(state_of()):
        assert RAM_EFFICIENT not in os.environ
    assert os.environ[RAM_EFFICIENT] == "true"


def test_a_model_that_is_whole_on_each_rank_need_not_generate_in_step_with_others():
    import torch

    assert in_step(torch.nn.Linear(2, 2)) == {"synced_gpus": False}
