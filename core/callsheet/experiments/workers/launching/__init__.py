"""How workers are started: on this machine by the driver itself, elsewhere by a launcher of Hydra's."""

from callsheet.experiments.workers.launching.hydra_launchers import launch as launch
