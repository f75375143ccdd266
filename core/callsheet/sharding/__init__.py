"""Local shards of a model's weights: the one place that knows how DDP, ZeRO, FSDP2 and PEFT keep them."""

from callsheet.sharding.files import Stored, save_shards
from callsheet.sharding.model import unwrapped
from callsheet.sharding.saving import save_model
from callsheet.sharding.shards import Shard
from callsheet.sharding.whole import Sharding

__all__ = ["Shard", "Sharding", "Stored", "save_model", "save_shards", "unwrapped"]
