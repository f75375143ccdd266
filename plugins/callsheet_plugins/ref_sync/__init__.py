"""A reference model that follows the model that trains (TR-DPO)."""

from callsheet_plugins.ref_sync.plugin import RefSync

__all__ = ["RefSync"]
