"""transformers: methods of Trainer that are overridden, and how models are made, loaded and saved.

`callsheet.loop.hosted` and `callsheet_plugins.bema.trainer` override the methods, in subclasses of a Trainer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from callsheet.privates.library import Library, Private

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel, TrainingArguments

IMPORT_STRUCTURE = "_import_structure"

TRAINER, MODEL = "transformers/trainer.py", "transformers/modeling_utils.py"
DEEPSPEED = "transformers/integrations/deepspeed.py"
LOSS = "logs the same loss after a resume"
DAMAGED = "says which part of a damaged checkpoint cannot be loaded"
ASKED = "keeps an evaluation that a plugin asked for from changing the training"
BESIDE_ZERO3 = "loads a whole model beside ZeRO-3"

LIBRARY = Library(
    "transformers",
    read_in="5.23.0",
    source="https://github.com/huggingface/transformers/blob/v5.23.0/src",
    names=(
        Private("TrainingArguments._n_gpu", "transformers/training_args.py", 1949, "trains on one of several GPUs"),
        Private("Trainer._save_checkpoint", TRAINER, 3355, "rotates checkpoints, and refuses to save averages,"),
        Private("Trainer._issue_warnings_after_load", TRAINER, 4059, "resumes without a warning about tied weights"),
        Private("Trainer._load_best_model", TRAINER, 3735, "forms the average before the best model is loaded"),
        Private("Trainer._get_grad_norm", TRAINER, 2781, "gives hooks the norm of the gradient"),
        Private("Trainer._run_epoch", TRAINER, 1819, "ends a training that has no step left"),
        Private(
            "Trainer._load_rng_state", TRAINER, 3841, "makes the same random batches after a resume",
            takes=("checkpoint",),
        ),
        Private(
            "Trainer._maybe_log_save_evaluate", TRAINER, 2230, "ends an epoch after a resume",
            takes=("tr_loss", "grad_norm", "model", "trial", "epoch", "ignore_keys_for_eval", "start_time"),
        ),
        Private("Trainer._evaluate", TRAINER, 3294, ASKED, takes=("trial", "ignore_keys_for_eval", "skip_scheduler")),
        Private("Trainer._determine_best_metric", TRAINER, 3424, ASKED),
        Private("Trainer._load_from_checkpoint", TRAINER, 3602, DAMAGED),
        Private("Trainer._load_optimizer_and_scheduler", TRAINER, 3886, DAMAGED),
        Private("Trainer._load_scaler", TRAINER, 3993, DAMAGED),
        Private("Trainer._load_callback_state", TRAINER, 4020, DAMAGED),
        Private("Trainer._tr_loss", TRAINER, 1647, LOSS),
        Private("Trainer._total_loss_scalar", TRAINER, 1648, LOSS),
        Private("Trainer._globalstep_last_logged", TRAINER, 1649, LOSS),
        Private(
            "PreTrainedModel._keys_to_ignore_on_save", MODEL, 1122,
            "leaves the same tensors out of a model folder as save_pretrained",
        ),
        Private(
            "PreTrainedModel._from_config", MODEL, 1393, "draws weights for a class that is not Auto"
        ),
        Private(
            "set_zero3_state", MODEL, 210, "outlines a model that ZeRO-3 must not partition"
        ),
        Private(
            "remove_tied_weights_from_state_dict", MODEL, 436, "writes tied weights once",
            takes=("state_dict", "model"),
        ),
        Private(
            "revert_weight_conversion", "transformers/core_model_loading.py", 1882,
            "gives tensors the names that they have on the Hub", takes=("model", "state_dict"),
        ),
        Private("deepspeed_config", DEEPSPEED, 291, BESIDE_ZERO3),
        Private("set_hf_deepspeed_config", DEEPSPEED, 270, BESIDE_ZERO3),
        Private("unset_hf_deepspeed_config", DEEPSPEED, 278, BESIDE_ZERO3),
        Private(IMPORT_STRUCTURE, "transformers/__init__.py", 62, "finds classes without importing them"),
    ),
)  # fmt: skip

# Which part of a checkpoint a Trainer loads, by the name of the method that does so.
LOADERS = {
    "_load_from_checkpoint": "weights",
    "_load_optimizer_and_scheduler": "optimizer or scheduler",
    "_load_scaler": "scaler",
    "_load_rng_state": "random state",
    "_load_callback_state": "trainer_state.json",
    "load_from_json": "trainer_state.json",  # TrainerState's, which is public
}


def train_on_one_gpu(args: TrainingArguments) -> None:
    """Keep Trainer from spreading a lone process over all GPUs with torch's old DataParallel.

    CUDA_VISIBLE_DEVICES would do so too, but hide the other GPUs from plugins, reward models and whatever this process
    starts. Trainer itself sets this field, where a model is spread by hand.
    """
    if args.n_gpu > 1:
        args._n_gpu = 1


def loss_since_log(trainer: Any) -> dict[str, Any]:
    """The losses of this rank that are summed up for the next log, and the step of the last one."""
    return {"sum": float(trainer._tr_loss), "logged_at": int(trainer._globalstep_last_logged)}


def set_loss_since_log(trainer: Any, saved: Mapping[str, Any] | None) -> None:
    """Let the next log of a resumed run average over the steps before the resume too; `train_loss` does not."""
    if saved:
        trainer._tr_loss += saved["sum"]
        trainer._total_loss_scalar -= saved["sum"]
        trainer._globalstep_last_logged = saved["logged_at"]


def logs_now(trainer: Any) -> bool:
    """Whether the Trainer, which has just taken a step, logs its loss next."""
    return bool(trainer.control.should_log and trainer.state.global_step > trainer._globalstep_last_logged)


def load_random_numbers(trainer: Any, checkpoint: str | None) -> None:
    """Set the random numbers of this rank, on every device, to those of `checkpoint`."""
    trainer._load_rng_state(checkpoint)


def end_epoch(trainer: Any, last: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Do what Trainer does when the epoch before the one that begins has ended.

    `last` are `grad_norm` and `learning_rate` of its last step; `given` are the arguments of `Trainer._run_epoch`.
    """
    trainer.control = trainer.callback_handler.on_epoch_end(trainer.args, trainer.state, trainer.control)
    trainer.control.should_save = False  # this step has its checkpoint
    same = {name: given[name] for name in ("model", "trial", "ignore_keys_for_eval", "start_time")}
    trainer._maybe_log_save_evaluate(tr_loss=trainer._tr_loss, epoch=given["epoch"] - 1, **same, **last)


def keys_ignored_on_save(model: PreTrainedModel) -> set[str]:
    """The keys of the state dict that `save_pretrained` leaves out."""
    return set(model._keys_to_ignore_on_save or ())


def model_of(model_class: Any, config: PreTrainedConfig, dtype: Any) -> PreTrainedModel:
    """A model with fresh weights, of a class that has no `from_config`; under ZeRO-3 partitioned as it is made."""
    made: PreTrainedModel = model_class._from_config(config, dtype=dtype)
    return made


def not_partitioned() -> AbstractContextManager[None]:
    """Have models made as if ZeRO-3 were at work on them already: it would cut up what has no weights."""
    from transformers.modeling_utils import set_zero3_state

    return set_zero3_state()  # type: ignore[no-any-return,unused-ignore]


@contextmanager
def without_zero3(kept: Iterable[Any]) -> Iterator[None]:
    """Have transformers load whole models in this block, as if DeepSpeed's ZeRO-3 were off.

    transformers goes by a weak reference to one of the configurations that somebody keeps. It has a function to set
    it and one to unset it, but none that returns it: so look for it among those in `kept`.
    """
    from transformers.integrations import deepspeed

    if (config := deepspeed.deepspeed_config()) is None:
        yield
        return
    if (current := next((one for one in kept if one.config is config), None)) is None:
        raise RuntimeError("transformers goes by a configuration of DeepSpeed that this trainer does not have.")
    deepspeed.unset_hf_deepspeed_config()
    try:
        yield
    finally:
        deepspeed.set_hf_deepspeed_config(current)


def as_saved(model: PreTrainedModel, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`state` without tied tensors, under the names of `save_pretrained`; a tensor that it rearranges is a new one.

    transformers 5.10 to 5.13 looks for each meta tensor among the parameters alone, and fails over a buffer.
    """
    from transformers.core_model_loading import revert_weight_conversion
    from transformers.modeling_utils import remove_tied_weights_from_state_dict

    buffers = state.keys() & dict(model.named_buffers(remove_duplicate=False)).keys()
    untied = remove_tied_weights_from_state_dict({key: state[key] for key in state if key not in buffers}, model)
    kept = {key: tensor for key, tensor in state.items() if key in untied or key in buffers}
    return dict(revert_weight_conversion(model, kept))
