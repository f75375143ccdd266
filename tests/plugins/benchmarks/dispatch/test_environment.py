"""What of the environment a job inherits."""

from callsheet_plugins.benchmarks.dispatch.environment import for_job, for_slurm

ENVIRON = {
    "PATH": "/bin",
    "RANK": "0",
    "HF_TOKEN": "hf_" + "a" * 34,
    "OPENAI_API_KEY": "sk-" + "b" * 40,
    "WANDB_API_KEY": "x",
    "SOMETHING": "ghp_" + "c" * 36,
    "HTTPS_PROXY": "http://me:secretword@proxy:80",
    "GOOGLE_APPLICATION_CREDENTIALS": "/bin",
    "TOKENIZERS_PARALLELISM": "false",
}


def test_a_job_gets_no_secret_but_that_of_the_hub_and_those_it_names():
    assert {*ENVIRON} - {*for_job(ENVIRON)} == {"RANK", "OPENAI_API_KEY", "WANDB_API_KEY", "SOMETHING"}
    assert {*ENVIRON} - {*for_job(ENVIRON, ["OPENAI_API_KEY"])} == {"RANK", "HF_TOKEN", "WANDB_API_KEY", "SOMETHING"}


def test_commands_of_slurm_get_none_and_a_submission_gets_those_of_the_job():
    assert {"HF_TOKEN", "OPENAI_API_KEY"}.isdisjoint(for_slurm(ENVIRON))
    assert for_slurm(ENVIRON, ["HF_TOKEN"])["HF_TOKEN"] == ENVIRON["HF_TOKEN"]
