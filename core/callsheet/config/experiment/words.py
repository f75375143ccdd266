"""What the name of an experiment is called in files and overrides; apart, since it needs no Hydra."""

from __future__ import annotations

GROUP = "experiment"
WRITTEN, MEANT = f"${{{GROUP}}}", f"${{{GROUP}.name}}"
