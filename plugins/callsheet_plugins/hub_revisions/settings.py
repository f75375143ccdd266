"""The settings of `hub_revisions`: where revisions go, what they hold, and which are kept."""

from __future__ import annotations

from callsheet import Plugin, setting


class RevisionSettings(Plugin):
    """What the checks need to know of the plugin, without its hooks."""

    hub: str = setting("folder", choices=("folder", "huggingface"), help="Where to: a local folder, or the Hub.")
    repo: str | None = setting(None, help="Repository on the Hub, as in me/my-model; it is made if it is not there.")
    folder: str | None = setting(None, help="For hub=folder: the folder; left out, `hub` in the run directory.")
    revision: str = setting("main", help="Branches begin with it; the final model goes to the branch of this name.")
    private: bool = setting(True, help="Whether a repository that is made is private.")
    include: list[str] = setting([], help="Patterns of more files to publish from a checkpoint, as in ['*.gguf'].")
    artifacts: list[str] = setting(
        [],
        help="Model folders of other plugins to publish, at the end and where a checkpoint holds one, as in [bema], to "
        "branches such as main-bema-step-000001000.",
    )
    overwrite_hub_revision: bool = setting(False, help="Replace the content of branches that exist already.")
    keep_last: int | None = setting(
        None, ge=1, help="Keep only so many of the run's newest branches; all, if left out."
    )
    keep_best: int = setting(0, ge=0, help="With keep_last: also keep so many that are best by `metric`.")
    metric: str = setting("eval_loss", help="What keep_best goes by, as the trainer names it.")
    greater_is_better: bool = setting(False, help="Whether `metric` should rise.")
    commits_per_hour: int = setting(120, ge=1, help="The Hub allows 128 for one repository.")
    timeout_seconds: float = setting(
        60, gt=0, help="Give a request up after so many seconds of silence, and try again."
    )
    when_quota_is_short: str = setting(
        "wait",
        choices=("wait", "coalesce"),
        help="Publish everything, the newest first, however late; or leave out steps that a newer one has passed.",
    )
