"""The settings of `hub_revisions`: where revisions go, what they hold, and which are kept."""

from __future__ import annotations

from callsheet import Plugin, setting


class RevisionSettings(Plugin):
    """The settings of the plugin, apart from its hooks, because the checks need only them."""

    hub: str = setting("folder", choices=("folder", "huggingface"), help="Where to: a local folder, or the Hub.")
    repo: str | None = setting(None, help="Repository on the Hub, as in me/my-model; it is created if it is missing.")
    folder: str | None = setting(None, help="For hub=folder: the folder; by default, `hub` in the run directory.")
    revision: str = setting("main", help="Names of branches begin with it; the final model goes to this very branch.")
    base_model: str | None = setting(
        None,
        help="The id on the Hub of the model that training starts from, as in Qwen/Qwen3-0.6B, if model.path is a "
        "folder; it is published in place of the path.",
    )
    private: bool = setting(True, help="Whether a repository is private if it is created.")
    include: list[str] = setting([], help="Patterns of more files to publish from a checkpoint, as in ['*.gguf'].")
    artifacts: list[str] = setting(
        [],
        help="Names of plugins whose model folders are published too, from checkpoints and at the end, as in [bema]; "
        "branches are named like main-bema-step-000001000.",
    )
    overwrite_hub_revision: bool = setting(False, help="Replace the content of branches that exist already.")
    keep_last: int | None = setting(
        None, ge=1, help="Keep only this many of the run's newest branches; by default, all."
    )
    keep_best: int = setting(0, ge=0, help="With keep_last: also keep this many branches with the best `metric`.")
    metric: str = setting("eval_loss", help="The metric for keep_best, as the trainer names it.")
    greater_is_better: bool = setting(False, help="Whether `metric` should rise.")
    commits_per_hour: int = setting(120, ge=1, help="The Hub allows 128 for one repository.")
    timeout_seconds: float = setting(
        60, gt=0, help="Give up a request after this many seconds without data, and try again."
    )
    when_quota_is_short: str = setting(
        "wait",
        choices=("wait", "coalesce"),
        help="wait: publish every step, the newest first, however late. coalesce: skip steps that have a newer one.",
    )
