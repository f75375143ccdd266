"""Every trainer and adapter, in real steps: the same hooks, what its collator made, and weights that moved."""

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from trainer_matrix import CELLS, TRAINERS

from callsheet import CallsheetError, Plugin, hookimpl
from callsheet.testing.trainers import ROWS, TINY

BATCHES = {
    "sft": {"input_ids", "labels", "attention_mask"},
    "hf": {"input_ids", "labels", "attention_mask"},
    "dpo": {"input_ids", "attention_mask", "completion_mask"},
    "kto": {"input_ids", "attention_mask", "completion_mask", "label"},
    "reward": {"input_ids", "attention_mask"},
}


class Watch(Plugin):
    """Writes down the hooks of the loop, the batches and what trains."""

    ranks = "all"

    def __post_init__(self):
        super().__post_init__()
        self.said, self.batches, self.losses, self.before, self.after = [], [], [], {}, {}

    @hookimpl
    def on_train_start(self, state):
        self.said.append("on_train_start")
        self.model = state.model
        self.before = {name: value.detach().clone() for name, value in state.model.named_parameters()}

    @hookimpl
    def on_step_end(self, state, step_idx, batch, metrics):
        self.said.append(("on_step_end", step_idx))
        self.batches.append(batch)
        self.losses.append(metrics["loss"])

    @hookimpl
    def on_checkpoint(self, state, row):
        self.said.append(("on_checkpoint", row.name))

    @hookimpl
    def on_train_end(self, state, artifacts):
        self.said.append("on_train_end")
        self.after = {name: value.detach().clone() for name, value in state.model.named_parameters()}

    def moved(self):
        return {name for name, value in self.after.items() if not torch.equal(value, self.before[name])}


@pytest.mark.parametrize(("trainer", "peft"), CELLS)
def test_every_trainer_trains_with_every_adapter(run_trainer, trainer, peft):
    watch = Watch()
    session = run_trainer(
        trainer,
        f"peft={peft}",
        "plugins=[bema,csv_metrics]",
        "plugins.bema.update_freq=1",
        "trainer.args.learning_rate=0.01",
        "trainer.args.warmup_steps=0",
        plugins=[watch],
    )
    assert watch.said == [
        "on_train_start",
        ("on_step_end", 1),
        ("on_step_end", 2),
        ("on_checkpoint", "checkpoint-2"),
        "on_train_end",
    ]
    assert type(session.state.trainer).__name__.lower().startswith("trainer" if trainer == "hf" else trainer)
    assert all(math.isfinite(loss) for loss in watch.losses) and len(watch.losses) == 2
    [micro_batch] = watch.batches[0]
    if trainer in BATCHES:
        assert BATCHES[trainer] <= set(micro_batch)
    else:
        assert [set(row) for row in micro_batch] == [{"prompt", "answer"}] * 2
    folder = session.run_dir.path
    adapters = {name for name in watch.moved() if "lora_" in name or "ia3_" in name}
    if peft == "none":
        assert not adapters and watch.moved() and (folder / "model.safetensors").is_file()
    else:
        # Of a classifier, its new head trains too.
        assert adapters and all("score" in name for name in watch.moved() - adapters)
        assert (folder / "adapter_model.safetensors").is_file() and not (folder / "model.safetensors").exists()
    weights = "model" if peft == "none" else "adapter_model"
    average = load_file(folder / "bema" / f"{weights}.safetensors")
    assert set(average) == set(load_file(folder / f"{weights}.safetensors"))
    assert (folder / "metrics.csv").is_file()


def test_every_trainer_of_the_configurations_is_in_the_matrix():
    import callsheet_conf

    folder = Path(callsheet_conf.__file__).parent
    assert {file.stem for file in (folder / "trainer").glob("*.yaml")} == set(TRAINERS)
    assert {file.stem for file in (folder / "peft").glob("*.yaml")} == {peft for _, peft in CELLS}


@pytest.mark.parametrize("trainer", ["sft", "dpo", "hf"])
@pytest.mark.parametrize("peft", ["none", "lora"])
def test_activation_checkpointing_gives_the_same_first_loss(run_trainer, trainer, peft):
    losses = []
    for checkpointing in ("true", "false"):
        watch = Watch()
        run_trainer(
            trainer,
            f"peft={peft}",
            f"trainer.args.activation_checkpointing=${{callsheet.any_name:{checkpointing}}}",
            "plugins=[]",
            plugins=[watch],
            output_dir=checkpointing,
        )
        assert watch.moved()
        blocks = [module for module in watch.model.modules() if hasattr(module, "gradient_checkpointing")]
        assert {block.gradient_checkpointing for block in blocks} == {checkpointing == "true"}
        losses.append(watch.losses[0])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_packing_fills_every_batch_to_its_length(run_trainer):
    watch = Watch()
    rows = [{"text": row["prompt"] + row["completion"]} for row in ROWS["sft"]]
    run_trainer(
        "sft",
        "trainer.args.packing=true",
        "trainer.args.packing_strategy=wrapped",
        "trainer.args.max_length=16",
        rows=rows,
        plugins=[watch],
    )
    assert watch.batches[0][0]["input_ids"].shape == (2, 16)


def test_the_adapter_loads_again_on_its_model(run_trainer):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = run_trainer("sft", output_dir="base").run_dir.path
    folder = run_trainer("sft", f"model.path={base}", "model.init=pretrained", "peft=lora").run_dir.path
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == str(base)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder)
    assert sum("lora_A" in name for name, _ in model.named_parameters()) == 2 * 7


def test_an_adapter_on_random_weights_keeps_them_beside_it(run_trainer):
    from transformers import AutoModelForCausalLM

    watch = Watch()
    folder = run_trainer("sft", "peft=lora", "plugins=[]", plugins=[watch]).run_dir.path
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert any("lora_" in name for name, _ in model.named_parameters())
    drawn = load_file(folder / "base" / "model.safetensors")["lm_head.weight"]
    [kept] = [value for name, value in watch.before.items() if "lm_head" in name and "lora" not in name]
    assert torch.equal(drawn, kept)


# Reference models


def reference(session):
    return {name: value.clone() for name, value in session.state.trainer.ref_model.named_parameters()}


@pytest.mark.parametrize("trainer", ["dpo", "kto", "rloo"])
def test_the_reference_is_the_model_before_training(run_trainer, trainer):
    watch = Watch()
    session = run_trainer(trainer, "trainer.args.learning_rate=0.1", "plugins=[]", plugins=[watch])
    found = reference(session)
    assert watch.moved() and all(torch.equal(found[name], value) for name, value in watch.before.items())


def test_another_reference_is_chosen_by_its_path(run_trainer):
    other = run_trainer("sft", "trainer.args.seed=7", output_dir="other").run_dir.path
    found = reference(run_trainer("dpo", f"trainer.ref_model={other}"))
    weights = load_file(other / "model.safetensors")
    assert torch.equal(found["lm_head.weight"], weights["lm_head.weight"])


def test_a_reference_that_trl_loads_itself_gets_the_arguments_of_the_model(run_trainer):
    base = run_trainer("sft", output_dir="base").run_dir.path
    found = run_trainer("rloo", f"model.path={base}", "model.init=pretrained", "model.kwargs.num_hidden_layers=1")
    assert found.state.trainer.ref_model.config.num_hidden_layers == 1


def test_a_trainer_without_a_reference_refuses_one(run_trainer, tmp_path):
    with pytest.raises(CallsheetError, match="trainer=sft compares with no other model; leave trainer.ref_model out"):
        run_trainer("sft", "trainer.ref_model=anything")
    assert not (tmp_path / "run").exists()


# Trainers of one's own

MODULE = """
from trl import SFTTrainer

class LoudTrainer(SFTTrainer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.add_model_tags = None

    def training_step(self, *args, **kwargs):
        print("a loud step")
        return super().training_step(*args, **kwargs)
"""
YAML = """
name: loud
trainer_class: my_trainers.LoudTrainer
config_class: trl.SFTConfig
columns: [prompt+completion]
args: {report_to: none, max_length: 32}
"""


def test_a_trainer_of_ones_own_is_one_file(callsheet, tmp_path):
    (tmp_path / "my_trainers.py").write_text(MODULE)
    (tmp_path / "conf" / "trainer").mkdir(parents=True)
    (tmp_path / "conf" / "trainer" / "loud.yaml").write_text(YAML)
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS["sft"]))
    arguments = (
        "--config-dir",
        "conf",
        *TINY,
        "trainer=loud",
        "peft=lora",
        "dataset.path=data.jsonl",
        "output_dir=run",
    )
    done = callsheet("train", *arguments, env={"PYTHONPATH": "."})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("a loud step") == 2 and (tmp_path / "run" / "adapter_model.safetensors").is_file()
    assert "LoraConfig: 47,104 of 182,720 parameters train (25.78 %)." in done.stderr


# What is refused before training, from the command line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("trainer=dpo",), "has the columns prompt, completion; trainer=dpo needs prompt+chosen+rejected, or chosen+rejected."),
        (("trainer=kto",), "trainer=kto needs prompt+completion+label, or prompt+chosen+rejected, or chosen+rejected."),
        (("trainer=reward",), "trainer=reward needs prompt+chosen+rejected, or chosen+rejected."),
        (("trainer=hf",), "trainer=hf needs input_ids, or messages, or text."),
        (("trainer=grp",), "trainer has no option 'grp'. Did you mean 'grpo'? It has: dpo, grpo, hf, kto, reward, rloo, sft."),
        (("trainer=grpo",), "trainer=grpo needs reward functions: 'trainer.rewards=[think_format_reward,pkg.module.function]'."),
        (("peft=lroa",), "peft has no option 'lroa'. Did you mean 'lora'?"),
        (("peft=lora", "peft.args.lora_alhpa=3"), "peft.LoraConfig has no argument 'lora_alhpa'. Did you mean 'lora_alpha'? (peft.args.lora_alhpa)"),
        (("peft=lora", "peft.args.r=many"), "peft.args.r must be a whole number, got 'many'."),
        (("peft.type=LoraConfg",), "peft.type=LoraConfg: There is no class 'peft.LoraConfg'. Did you mean 'LoraConfig'?"),
        (("peft.args.r=8",), "peft.args is set, but peft.type is not"),
        (("model.auto_class=AutoModelForCausalLn",), "There is no class 'AutoModelForCausalLn'. Did you mean 'AutoModelForCausalLM'?"),
        (("model.auto_class=nowhere.Model",), "'nowhere.Model' needs the package nowhere, which is not installed"),
        (("model.chat_template=chat.jinja",), "model.chat_template=chat.jinja is no file, and no template: it has no braces."),
        (("trainer.rewards=[think_format_reward]",), "trainer=sft takes no reward functions; leave trainer.rewards out."),
        (("trainer.trainer_class=trl.SFTTrainr",), "There is no class 'trl.SFTTrainr'. Did you mean 'SFTTrainer'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_without_torch(callsheet, tmp_path, arguments, said):
    (tmp_path / "data.jsonl").write_text(json.dumps(ROWS["sft"][0]) + "\n")
    done = callsheet("train", "model=demo", "dataset.path=data.jsonl", "output_dir=run", *arguments)
    assert done.returncode == 2 and said in done.stderr
    assert len(done.stderr) < 2000 and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
