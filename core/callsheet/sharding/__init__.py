"""Local shards of a model's weights: the one place that knows how DDP, ZeRO, FSDP2 and PEFT keep them."""

from typing import TYPE_CHECKING

from callsheet.lazy import names_of

__all__ = [
    "Shard",
    "Sharding",
    "Stored",
    "begin_saving",
    "file_of",
    "holds_exactly",
    "problem_with_launch",
    "save_model",
    "save_shards",
    "unwrapped",
]

if TYPE_CHECKING:  # a composition imports the plugins that work on shards, and no shards
    from callsheet.sharding.files import Stored, file_of, holds_exactly, save_shards
    from callsheet.sharding.model import unwrapped
    from callsheet.sharding.saving import begin_saving, save_model
    from callsheet.sharding.shards import Shard
    from callsheet.sharding.whole import Sharding
    from callsheet.sharding.zero import problem_with_launch
else:
    __getattr__ = names_of(
        __name__,
        {
            "callsheet.sharding.files": ["Stored", "file_of", "holds_exactly", "save_shards"],
            "callsheet.sharding.model": ["unwrapped"],
            "callsheet.sharding.saving": ["begin_saving", "save_model"],
            "callsheet.sharding.shards": ["Shard"],
            "callsheet.sharding.whole": ["Sharding"],
            "callsheet.sharding.zero": ["problem_with_launch"],
        },
    )
