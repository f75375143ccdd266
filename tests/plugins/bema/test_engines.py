"""bema on two real processes: every engine's average equals the one that a single process makes of the same weights."""

import shutil
from importlib.resources import files

import pytest
import torch
from runs import Run, same
from safetensors.torch import load_file
from transformers import MixtralConfig, MixtralForCausalLM
from weights_matrix import ADAPTER, launches

from callsheet_plugins.bema import Bema
from callsheet_plugins.bema.average import formed

pytestmark = pytest.mark.slow

DEMO = files("callsheet_conf") / "demo" / "model"
SETTINGS = {"update_freq": 2, "update_after": 1}
AVERAGED = (
    "plugins=[witness,observer,bema,theirs]",
    "plugins.witness.folder=.",
    "plugins.witness.keep_weights=true",
    "plugins.bema.update_freq=2",
    "plugins.bema.update_after=1",
    "plugins.bema.every_checkpoint=true",
)
WITHOUT_TRL = "plugins=[witness,observer,bema]"  # its own crashes on what is sharded
LATE = "+plugins=late"  # as beside a GPU: weights are copied while training goes on
ENGINES = {
    "ddp": [],
    "zero2": [LATE],
    "zero3": [WITHOUT_TRL, LATE, "trainer.args.bf16=true"],
    "fsdp2": [WITHOUT_TRL, "launch.config.reshard_after_forward=false"],
}
ADAPTERS = {"ddp": [], "zero2": ["trainer.args.bf16=true"], "zero3": [], "fsdp2": []}


def averaged(folder, *overrides, launch, **how):
    return Run(folder, *AVERAGED, *overrides, launch=launch, **how)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run that also evaluates with the average, made once for each engine."""
    made = {}

    def run(launch):
        if launch not in made:
            both = (*ENGINES[launch], "plugins.bema.evaluate_with=both")
            made[launch] = averaged(tmp_path_factory.mktemp(launch), *both, launch=launch).wait()
        return made[launch]

    return run


def expected(run, last, chosen=lambda name: True, **settings):
    """The average at step `last` in one process, from the weights that the engine itself put together at each step."""
    schedule = Bema(**{**SETTINGS, **settings})
    weights = {step: torch.load(run.folder / f"weights-{step}.pt") for step in range(last + 1)}
    theta0 = {name: tensor for name, tensor in weights[schedule.update_after].items() if chosen(name)}
    ema = {name: tensor.float() for name, tensor in theta0.items()}
    for step in filter(schedule.is_update, range(last + 1)):
        ema = {name: tensor.lerp(weights[step][name], schedule.beta(step)) for name, tensor in ema.items()}
    alpha = schedule.alpha(last)
    return {name: formed(ema[name], weights[last][name], theta0[name], alpha) for name in ema}


def holds(saved, average, rename=lambda name: name):
    """Whether `saved` is `average`, bit for bit, in its own dtype."""
    assert saved and {rename(name) for name in average} == saved.keys()
    return all(
        torch.equal(saved[rename(name)], tensor.to(saved[rename(name)].dtype)) for name, tensor in average.items()
    )


@pytest.mark.parametrize("launch", launches("bema", but=["single"]))
def test_each_average_equals_that_of_a_single_process(whole, launch):
    run = whole(launch)
    kinds = {"zero3": torch.bfloat16}
    assert {tensor.dtype for tensor in run.weights("bema").values()} == {kinds.get(launch, torch.float32)}
    for folder, step in {"bema": 5, "checkpoint-4/bema": 4, "checkpoint-6/bema": 6}.items():
        assert holds(run.weights(folder), expected(run, step)), folder
    assert not (run.path / "checkpoint-2" / "bema").exists(), "there was no update yet"


@pytest.mark.parametrize("launch", ["ddp", "zero2"])
def test_the_average_equals_trl_where_trl_works(whole, launch):
    run = whole(launch)
    theirs = torch.load(run.folder / "theirs-0.pt")
    ours = run.weights("bema")
    assert ours.keys() <= theirs.keys()
    assert all(torch.allclose(ours[name], theirs[name], rtol=0, atol=1e-6) for name in ours)


@pytest.mark.parametrize("launch", launches("bema", but=["single"]))
def test_each_rank_keeps_the_average_of_its_own_shard(whole, launch):
    run, size = whole(launch), sum(tensor.numel() for tensor in whole(launch).weights().values())
    files = sorted((run.path / "checkpoint-4" / "callsheet" / "bema").glob("ema-*"))
    held = [sum(tensor.numel() for tensor in load_file(file).values()) for file in files]
    assert sum(held) == size
    assert len(held) == (1 if launch == "ddp" else 2)
    assert all(abs(part - size / len(held)) < 0.1 * size for part in held)


@pytest.mark.parametrize("launch", launches("bema", but=["single"]))
def test_an_evaluation_sees_the_average(whole, launch):
    run = whole(launch)
    seen = torch.load(run.folder / "weights-bema-3.pt")
    assert holds(seen, expected(run, 3))
    names = [row["split"] for row in run.rows("metrics") if row["split"] != "train"]
    assert names == ["eval", "bema"] * 2
    losses = [row.get("eval_loss", row.get("eval_bema_loss")) for row in run.rows("metrics") if row["split"] != "train"]
    assert losses[0] != losses[1]


@pytest.mark.parametrize("launch", launches("bema", but=["single"]))
def test_a_run_killed_on_one_rank_equals_an_uninterrupted_one_that_evaluated_otherwise(whole, launch, tmp_path):
    killed = ("+plugins=trouble", "plugins.trouble.how=kill", "plugins.trouble.step=5")
    averaged(tmp_path, *ENGINES[launch], *killed, launch=launch).wait(1)
    again = averaged(tmp_path, *ENGINES[launch], launch=launch).wait()
    assert [event["step"] for event in again.events("resuming")] == [4]
    for folder in (".", "bema", "checkpoint-6", "checkpoint-6/bema"):
        assert same(again.weights(folder), whole(launch).weights(folder)), folder
    for path in (whole(launch).path / "checkpoint-6" / "callsheet" / "bema").glob("*.safetensors"):
        assert same(load_file(path), load_file(again.path / path.relative_to(whole(launch).path)))


@pytest.mark.parametrize("launch", ["ddp", "zero3"])
def test_a_checkpoint_that_waits_for_both_ranks_is_what_it_would_be_at_once(whole, launch, tmp_path):
    late = (*ENGINES[launch], LATE, "plugins.late.small=0", "trainer.args.save_total_limit=1")
    run = averaged(tmp_path, *dict.fromkeys(late), launch=launch).wait()
    assert {event["checkpoint"] for event in run.events("completed_late")} == {
        f"checkpoint-{step}" for step in (2, 4, 6)
    }
    assert [path.name for path in run.path.glob("checkpoint-*")] == ["checkpoint-6"]
    for path in (whole(launch).path / "checkpoint-6" / "callsheet" / "bema").glob("*.safetensors"):
        assert same(load_file(path), load_file(run.path / path.relative_to(whole(launch).path)))


@pytest.mark.parametrize("launch", ["zero2", "zero3"])
def test_the_average_follows_an_optimizer_that_is_kept_in_main_memory(launch, tmp_path):
    offload = (
        "+launch.config.zero_optimization.offload_optimizer={device: cpu}",
        "+launch.config.zero_force_ds_cpu_optimizer=false",  # DeepSpeed's own would be compiled for two minutes
    )
    run = averaged(tmp_path, *ENGINES[launch], WITHOUT_TRL, *offload, launch=launch).wait()
    assert holds(run.weights("bema"), expected(run, 5))


@pytest.mark.parametrize(("launch", "processes"), [("fsdp2", 3), ("ddp", 1)])
def test_another_number_of_processes_takes_the_average_over(whole, launch, processes, tmp_path):
    checkpoint = whole(launch).path / "checkpoint-4"
    goes_on = (*ENGINES[launch], WITHOUT_TRL, f"resume={checkpoint}", "trainer.args.max_steps=4")
    again = averaged(tmp_path, *goes_on, launch=launch, processes=processes).wait()
    assert same(again.weights("bema"), whole(launch).weights("checkpoint-4/bema"))


@pytest.mark.parametrize("launch", launches("bema", ADAPTER, but=["single"]))
def test_of_an_adapter_the_average_is_an_adapter(launch, tmp_path):
    run = averaged(tmp_path, *ADAPTERS[launch], WITHOUT_TRL, "peft=lora", launch=launch).wait()
    average = expected(run, 5, chosen=lambda name: "lora_" in name)
    saved = load_file(run.path / "bema" / "adapter_model.safetensors")
    assert holds(saved, average, rename=lambda name: name.replace(".default", ""))
    assert not (run.path / "bema" / "model.safetensors").exists()


@pytest.mark.parametrize("launch", ["zero3", "fsdp2"])
def test_experts_tied_and_frozen_parameters_and_buffers_keep_their_places(launch, tmp_path):
    config = {"num_local_experts": 2, "num_key_value_heads": 2, "num_attention_heads": 2, "num_hidden_layers": 2}
    sizes = {"hidden_size": 16, "intermediate_size": 32, "vocab_size": 64, "tie_word_embeddings": True}
    shutil.copytree(DEMO, tmp_path / "mixtral")
    MixtralConfig(**config, **sizes, bos_token_id=0, eos_token_id=1).save_pretrained(tmp_path / "mixtral")
    plugins = "plugins=[odd,witness,observer,bema]"
    schedule = ("plugins.bema.bias_power=0.0", "plugins.bema.update_freq=3")
    run = averaged(tmp_path, plugins, *schedule, f"model.path={tmp_path}/mixtral", launch=launch).wait()
    average = expected(run, 4, chosen=lambda name: "norm" not in name, update_freq=3, bias_power=0.0)
    weights = torch.load(run.folder / "weights-4.pt")
    model = MixtralForCausalLM.from_pretrained(run.path / "bema")
    loaded = dict(model.named_parameters())
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert all(torch.equal(loaded[name], tensor) for name, tensor in average.items())
    assert all(torch.equal(loaded[name], weights[name]) for name in loaded.keys() - average.keys())
    assert torch.equal(run.weights("bema")["seen"], torch.arange(7))


def test_a_checkpoint_without_the_file_of_one_rank_is_refused(whole, tmp_path):
    checkpoint = tmp_path / "checkpoint-4"
    shutil.copytree(whole("fsdp2").path / "checkpoint-4", checkpoint)
    (checkpoint / "callsheet" / "bema" / "ema-00001.safetensors").unlink()
    again = averaged(tmp_path, WITHOUT_TRL, f"resume={checkpoint}", launch="fsdp2").wait(2)
    assert again.output.count("was copied without every rank's files") == 1
