"""The small Hub of hub_revisions' tests."""

from plugins.hub_revisions.conftest import environment, hub  # noqa: F401
