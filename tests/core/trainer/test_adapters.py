"""Adapters: any configuration class of PEFT by name, checked against its source and against the model."""

from __future__ import annotations

from typing import Any

import pytest

from callsheet.config.compose import bundled
from callsheet.config.schema import ModelSettings, PeftSettings
from callsheet.errors import CallsheetError
from callsheet.trainer.adapters import make_config, problems

MODEL = ModelSettings(bundled("demo/model"), init="config")


def made(kind: str, auto_class: str = "AutoModelForCausalLM", **args: Any) -> Any:
    return make_config(PeftSettings(kind, args), ModelSettings(MODEL.path, init="config", auto_class=auto_class))


def refusal(kind: str, **args: Any) -> str:
    with pytest.raises(CallsheetError) as caught:
        made(kind, **args)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        ("LoraConfig", {"r": 4, "lora_dropout": "1e-1", "target_modules": ["q_proj"], "use_dora": True}),
        ("IA3Config", {}),
        ("PromptTuningConfig", {"num_virtual_tokens": 4}),
        ("AdaLoraConfig", {"total_step": 10}),
        ("peft.tuners.lora.LoraConfig", {"rank_pattern": {"q_proj": 2}}),
    ],
)
def test_any_class_of_peft_is_configured_by_name(kind: str, args: dict[str, Any]):
    assert problems(PeftSettings(kind, args)) == []
    config = made(kind, **args)
    assert type(config).__name__ == kind.rpartition(".")[2] and config.task_type == "CAUSAL_LM"


def test_without_a_type_there_is_no_adapter():
    assert problems(PeftSettings()) == [] and make_config(PeftSettings(), MODEL) is None


def test_written_numbers_become_numbers():
    assert made("LoraConfig", lora_dropout="1e-1").lora_dropout == 0.1


def test_the_task_follows_the_class_of_the_model():
    assert made("LoraConfig", "AutoModelForSequenceClassification", target_modules="all-linear").task_type == "SEQ_CLS"
    assert made("LoraConfig", "transformers.LlamaForCausalLM").task_type == "CAUSAL_LM"
    assert made("LoraConfig", task_type="FEATURE_EXTRACTION").task_type == "FEATURE_EXTRACTION"


@pytest.mark.parametrize(
    "targets", ["all-linear", ["q_proj", "v_proj"], ["layers.0.mlp.up_proj"], r".*\.(up|down)_proj", None]
)
def test_targets_that_match_are_accepted(targets: Any):
    assert made("LoraConfig", target_modules=targets)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"target_modules": ["q_prj"]}, "peft.args.target_modules: no module of the model is called 'q_prj'. Did you mean 'q_proj'? It has: act_fn, down_proj, embed_tokens"),
        ({"target_modules": ["q_proj", "query"]}, "no module of the model is called 'query'."),
        ({"target_modules": "q_proj"}, "peft.args.target_modules=q_proj matches no module of the model; as text, it is a regular expression for the whole name"),
        ({"target_modules": "(q"}, "peft.args.target_modules=(q is no regular expression"),
        ({"modules_to_save": ["lm_heads"]}, "peft.args.modules_to_save: no module of the model is called 'lm_heads'. Did you mean 'lm_head'?"),
        ({"target_modules": ".*q_proj", "layers_to_transform": [0]}, "peft.LoraConfig refuses peft.args"),
    ],
)  # fmt: skip
def test_targets_that_match_nothing_are_refused(args: dict[str, Any], said: str):
    assert said in refusal("LoraConfig", **args)


def test_a_class_that_is_no_configuration_is_refused():
    assert "peft.type=LoraModel is not a peft.PeftConfig." in refusal("LoraModel")


def test_what_only_the_adapter_refuses_is_said_in_one_sentence(run_trainer):
    with pytest.raises(CallsheetError, match=r"trl.SFTTrainer refuses to be built: `?r`? should be a positive integer"):
        run_trainer("sft", "peft=lora", "peft.args.target_modules=[q_proj]", "peft.args.rank_pattern={q_proj: 0}")


def test_a_target_that_matches_nothing_is_refused_before_the_run_directory_is_made(run_trainer, tmp_path):
    with pytest.raises(CallsheetError, match="no module of the model is called 'q_prj'"):
        run_trainer("sft", "peft=lora", "peft.args.target_modules=[q_prj]")
    assert not (tmp_path / "run").exists()


def test_dora_and_prompt_tuning_train(run_trainer):
    session = run_trainer("sft", "peft=lora", "peft.args.use_dora=true", output_dir="dora")
    assert any("magnitude" in name for name, _ in session.state.model.named_parameters())
    session = run_trainer("hf", "peft.type=PromptTuningConfig", "peft.args.num_virtual_tokens=4", output_dir="prompt")
    assert (session.run_dir.path / "adapter_model.safetensors").is_file()


def test_another_adapter_in_the_directory_is_another_run(run_trainer):
    run_trainer("sft", "peft=lora")
    with pytest.raises(CallsheetError, match=r"holds another run: peft.args.r is 16 there and 8 here"):
        run_trainer("sft", "peft=lora", "peft.args.r=8")
