"""The arms of an experiment as files that move by atomic rename: claimed, given back, settled, each exactly once.

`Queue(directory)` is the whole of it: `add`, `claim`, `settle`, `give_back`, `names`, `entries`.
"""

from callsheet.experiments.queue.claims import Claim as Claim
from callsheet.experiments.queue.records import Attempt as Attempt
from callsheet.experiments.queue.records import Entry as Entry
from callsheet.experiments.queue.store import Queue as Queue
