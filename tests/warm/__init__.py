"""Python processes that start warm: forked from one that has imported torch and TRL, and otherwise like any other.

`warm.Popen` and `warm.run` are those of `subprocess`, for commands that begin with `sys.executable`. With `workers=True`
the processes that the command starts as ranks of its run, or as workers of its experiment, are forked too, and so are
the arms of these. A command starts cold, as a user's does, where its environment differs in what an import has read, and
wherever CALLSHEET_TESTS_COLD is set.
"""

from .popen import Popen, is_possible, run

__all__ = ["Popen", "is_possible", "run"]
