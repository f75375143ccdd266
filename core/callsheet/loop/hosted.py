"""The methods that Callsheet overrides in a Trainer, to tell the bridge what no callback is told."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.disk.cleared import without_linked_files, without_links
from callsheet.loop.trainer_state import strict
from callsheet.privates.transformers import logs_now
from callsheet.rundir.checkpoints import make_latest
from callsheet.values import plain

if TYPE_CHECKING:
    from callsheet.loop.bridge import Bridge

# Some methods that this class overrides are private, as in transformers 5.10 to 5.24 and trl 1.9 to 1.16.
# `callsheet.privates.transformers` and `callsheet.privates.trl` list them, and tests/core/test_privates.py fails when a
# release moves one.


class Hosted:
    """A mixin for a Trainer, see `extend`. Without a bridge, it changes nothing."""

    callsheet_bridge: Bridge | None = None

    def train(self, resume_from_checkpoint: str | bool | None = None, *args: Any, **kwargs: Any) -> Any:
        """Tell the bridge from which checkpoint training resumes; `Trainer` tells its callbacks only the step."""
        train = super().train  # type: ignore[misc]  # the class of the Trainer, unknown here, comes next in the MRO
        callbacks = self.callback_handler.callbacks  # type: ignore[attr-defined]
        if self.callsheet_bridge not in callbacks:  # there is none, or somebody has removed it
            return train(resume_from_checkpoint, *args, **kwargs)
        assert self.callsheet_bridge is not None
        with self.callsheet_bridge.training(self, _path(self, resume_from_checkpoint)):
            return train(resume_from_checkpoint, *args, **kwargs)

    def get_train_dataloader(self, *args: Any, **kwargs: Any) -> Any:
        with self.callsheet_bridge.making_loader(self) if self.callsheet_bridge else nullcontext():
            loader = super().get_train_dataloader(*args, **kwargs)  # type: ignore[misc]
        if self.callsheet_bridge:
            self.callsheet_bridge.loads(self, loader)
        return loader

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        fetched = super().get_batch_samples(*args, **kwargs)  # type: ignore[misc]
        if self.callsheet_bridge:
            self.callsheet_bridge.recorder.fetched(fetched[0])
        return fetched

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        loss = super().training_step(*args, **kwargs)  # type: ignore[misc]
        if self.callsheet_bridge:
            self.callsheet_bridge.recorder.lost(loss)
        return loss

    def _get_grad_norm(self, *args: Any, **kwargs: Any) -> Any:
        norm = super()._get_grad_norm(*args, **kwargs)  # type: ignore[misc]
        if self.callsheet_bridge:
            self.callsheet_bridge.recorder.measured(norm)
            self.callsheet_bridge.memory.last_step.measured(self, norm)
        return norm

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> Any:
        if self.callsheet_bridge and logs_now(self):
            self.callsheet_bridge.later.log()
        return super()._maybe_log_save_evaluate(*args, **kwargs)  # type: ignore[misc]

    def _evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate in the loop. What only plugins asked for steps no scheduler, and counts for no best checkpoint."""
        evaluate = super()._evaluate  # type: ignore[misc]
        if self.callsheet_bridge is None:
            return evaluate(*args, **kwargs)
        with self.callsheet_bridge.requests.evaluating(self) as is_added:
            return evaluate(*args, **{**kwargs, **({"skip_scheduler": True} if is_added else {})})

    def _determine_best_metric(self, *args: Any, **kwargs: Any) -> Any:
        if self.callsheet_bridge and self.callsheet_bridge.requests.added_evaluation:
            return False
        return super()._determine_best_metric(*args, **kwargs)  # type: ignore[misc]

    def create_optimizer(self, *args: Any, **kwargs: Any) -> Any:
        made = super().create_optimizer(*args, **kwargs)  # type: ignore[misc]
        if self.callsheet_bridge:
            self.callsheet_bridge.own_settings.made(self.optimizer)  # type: ignore[attr-defined]
        return made

    def get_eval_dataloader(self, eval_dataset: Any = None, *args: Any, **kwargs: Any) -> Any:
        with self.callsheet_bridge.making_loader(self) if self.callsheet_bridge else nullcontext():
            loader = super().get_eval_dataloader(eval_dataset, *args, **kwargs)  # type: ignore[misc]
        if self.callsheet_bridge:
            name = eval_dataset if isinstance(eval_dataset, str) else "eval"
            self.callsheet_bridge.memory.evaluations.begin(loader, name)
        return loader

    def _run_epoch(self, *args: Any, **kwargs: Any) -> Any:
        """Take no step if the resumed run has taken all its steps: Trainer would take one more."""
        if self.callsheet_bridge and self.callsheet_bridge.has_nothing_left:
            self.control.should_training_stop = True  # type: ignore[attr-defined]  # epochs of a stream have no end
            return None
        if self.callsheet_bridge:
            self.callsheet_bridge.memory.epoch_begins(self, kwargs)
            if self.control.should_training_stop:  # type: ignore[attr-defined]
                return None  # by what the end of the epoch before has told
        done = super()._run_epoch(*args, **kwargs)  # type: ignore[misc]
        if self.callsheet_bridge and self.control.should_training_stop:  # type: ignore[attr-defined]
            self.callsheet_bridge.wait_for_late()  # after the last epoch, Trainer itself may delete checkpoints
        return done

    def _load_rng_state(self, *args: Any, **kwargs: Any) -> None:
        """Restore random numbers of a checkpoint, unless a batch of the resumed run was made with them already."""
        if not (self.callsheet_bridge and self.callsheet_bridge.memory.batches.are_restored):
            super()._load_rng_state(*args, **kwargs)  # type: ignore[misc]

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Save, let plugins complete the checkpoint, then delete old ones. All of this precedes the callbacks.

        Trainer, too, deletes old checkpoints before it calls its callbacks, so callbacks see the same folders.
        """
        if self.callsheet_bridge is None:
            super()._save_checkpoint(*args, **kwargs)  # type: ignore[misc]
            return
        self.callsheet_bridge.later.log()  # a run that resumes here would not have it
        self.callsheet_bridge.wait_for_late()  # before there is a newer one, which may never be complete
        arguments = self.args  # type: ignore[attr-defined]
        place = Path(arguments.output_dir)
        without_linked_files(place)  # TRL writes a card there with every checkpoint
        without_links(place / f"checkpoint-{self.state.global_step}")  # type: ignore[attr-defined]
        limit, arguments.save_total_limit = arguments.save_total_limit, None
        try:
            with strict(self.state):  # type: ignore[attr-defined]
                super()._save_checkpoint(*args, **kwargs)  # type: ignore[misc]
        finally:
            arguments.save_total_limit = limit
        if self.callsheet_bridge.saved(self):
            rotate(self)

    def save_state(self) -> None:
        with strict(self.state):  # type: ignore[attr-defined]
            super().save_state()  # type: ignore[misc]

    def save_metrics(self, split: str, metrics: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().save_metrics(split, plain(metrics), *args, **kwargs)  # type: ignore[misc]

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """Be silent about tied weights, which a checkpoint holds once: Trainer would call them missing on a resume."""
        missing = without_tied(self.model, load_result.missing_keys)  # type: ignore[attr-defined]
        if len(missing) < len(load_result.missing_keys):
            load_result = type(load_result)(missing, load_result.unexpected_keys)
        super()._issue_warnings_after_load(load_result)  # type: ignore[misc]

    def _calculate_rewards(
        self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any, *args: Any, **kwargs: Any
    ) -> Any:
        rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list, *args, **kwargs)  # type: ignore[misc]
        if self.callsheet_bridge:
            self.callsheet_bridge.rollouts.scored(prompts, completions, rewards)
        return rewards

    def _generate_and_score_completions(self, *args: Any, **kwargs: Any) -> Any:
        output = super()._generate_and_score_completions(*args, **kwargs)  # type: ignore[misc]
        if self.callsheet_bridge:
            self.callsheet_bridge.rollouts.generated(self, output)
        return output


def rotate(trainer: Any) -> None:
    """Delete the oldest checkpoints beyond `save_total_limit`, as Trainer does; only on ranks that save."""
    from transformers.trainer_utils import rotate_checkpoints

    if trainer.args.should_save:
        make_latest(Path(trainer.args.output_dir) / f"checkpoint-{trainer.state.global_step}")
        limit, best = trainer.args.save_total_limit, trainer.state.best_model_checkpoint
        rotate_checkpoints(trainer.args.output_dir, limit, best, use_mtime=True)


def without_tied(model: Any, missing: Sequence[str]) -> list[str]:
    """Those of the `missing` keys whose tensor was not loaded by another name either."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    loaded = {id(parameter) for name, parameter in parameters.items() if name not in missing}
    return [name for name in missing if name not in parameters or id(parameters[name]) not in loaded]


def _path(trainer: Any, resume_from_checkpoint: str | bool | None) -> Path | None:
    """The folder that `resume_from_checkpoint` means to `Trainer.train`; True is the newest one in `output_dir`."""
    from transformers.trainer_utils import get_last_checkpoint

    found = resume_from_checkpoint
    if found is True:
        found = get_last_checkpoint(trainer.args.output_dir)
    return Path(str(found)).absolute() if found else None
