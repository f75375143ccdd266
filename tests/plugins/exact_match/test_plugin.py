"""exact_match in the loop: on several real processes it scores what one process scores, whatever holds the weights."""

import json

import pytest
from runs import Run

SCORED = (
    "plugins=[witness,observer,bema,exact_match]",
    "plugins.witness.folder=.",
    "plugins.bema.update_freq=1",
    "plugins.bema.update_after=1",
    "plugins.exact_match.every_steps=2",
    "plugins.exact_match.limit=7",
    "plugins.exact_match.batch_size=2",
)


def evals(run):
    return [json.loads(line) for line in (run.path / "evals.jsonl").read_text().splitlines()]


def predictions(run, name):
    return [json.loads(line) for line in (run.path / "predictions" / f"{name}.jsonl").read_text().splitlines()]


def test_a_score_in_the_loop_is_announced_as_an_evaluation_too(run_demo):
    from callsheet import Plugin, hookimpl

    heard = []

    class Listener(Plugin):
        @hookimpl
        def on_eval(self, state, step_idx, eval_name, metrics):
            heard.append(("eval", step_idx, eval_name, *sorted(metrics)) if eval_name == "test" else "trainer's")

        @hookimpl
        def on_benchmark_eval(self, ctx, eval_result, predictions, step):
            heard.append(("benchmark", step, eval_result.name, len(predictions)))

    run_demo("plugins=[exact_match]", "plugins.exact_match.limit=4", plugins=[Listener()])
    assert heard[:2] == [("benchmark", 0, "test", 4), ("eval", 0, "test", "exact_match")]
    assert heard[-2:] == [("benchmark", 4, "test", 4), ("eval", 4, "test", "exact_match")] and "trainer's" in heard


@pytest.mark.slow
@pytest.mark.parametrize("launch", ["ddp", "zero3", "fsdp2"])
def test_on_two_processes_each_row_is_answered_once_by_the_model_as_it_is(tmp_path, launch):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from callsheet.generation import generate

    run = Run(tmp_path, *SCORED, launch=launch).wait()
    assert [(row["step"], row["tags"]["weights"]) for row in evals(run)] == [
        *((step, "raw") for step in (0, 2, 4, 6)),
        (6, "bema"),
    ]
    tokenizer = AutoTokenizer.from_pretrained(run.path / "checkpoint-6")
    for name, folder in (("test-raw-6", "checkpoint-6"), ("test-bema-6", "bema"), ("test-raw-4", "checkpoint-4")):
        rows = predictions(run, name)
        model = AutoModelForCausalLM.from_pretrained(run.path / folder)
        alone = generate.answers(model, tokenizer, rows, 2, max_new_tokens=12)
        assert [row["answer"] for row in rows] == alone and len(rows) == 7
    assert run.status()["status"] == "completed"
