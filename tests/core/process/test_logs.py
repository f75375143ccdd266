"""What libraries say, and what is left out of it."""

import logging
import subprocess
import sys

CODE = """
from callsheet.process import logs
logs.leave_out()
from deepspeed.accelerator import get_accelerator
get_accelerator()
"""


def test_the_first_line_of_stdout_is_none_of_deepspeeds():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env={"PATH": "", "HOME": "/"})
    assert done.returncode == 0 and "accelerator" not in done.stdout + done.stderr


def test_a_resume_is_compared_once(caplog):
    from transformers import TrainerState, TrainingArguments
    from transformers.trainer_utils import compare_trainer_and_checkpoint_args

    from callsheet.process import logs

    logger = logging.getLogger("transformers")
    before, logger.propagate = logger.propagate, True
    try:
        logs.leave_out()
        args = TrainingArguments("x", save_steps=3, use_cpu=True)
        compare_trainer_and_checkpoint_args(args, TrainerState(save_steps=4, train_batch_size=8))
        logging.getLogger("transformers.trainer_utils").warning("something else")
    finally:
        logger.propagate = before
    assert {record.getMessage() for record in caplog.records} == {"something else"}


def test_nobody_is_asked_for_the_key_of_a_tracker_that_logs_nothing(caplog, monkeypatch):
    from transformers.integrations import integration_utils

    from callsheet.process import logs

    monkeypatch.setattr(integration_utils, "_is_comet_installed", True)
    monkeypatch.setattr(integration_utils, "_is_comet_recent_enough", True)
    monkeypatch.setattr(integration_utils, "_is_comet_configured", False)
    monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
    logs.leave_out()
    assert not integration_utils.is_comet_available()
    assert not caplog.records
