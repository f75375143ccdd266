"""What came of an experiment: read from its queue and run directories, judged, and written for people.

`of(directory, settings)` reads and judges, `write(directory, summary)` writes `experiment.md`.
"""

from callsheet.experiments.results.summary import Summary as Summary
from callsheet.experiments.results.summary import of as of
from callsheet.experiments.results.writing import write as write
