"""Workers of an experiment: each claims the next arm, runs it in a process of its own, and claims again.

`work(directory)` is one worker, in this process, until nothing is left for it. `launch(directory, number, hydra)`
starts several through a launcher of Hydra's, and waits for them.
"""

from callsheet.experiments.workers.launching import launch as launch
from callsheet.experiments.workers.loop import work as work
