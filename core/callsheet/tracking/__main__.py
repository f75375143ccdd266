"""`python -m callsheet.tracking RUN PLUGIN` follows a run for one tracker; the courier starts it."""

from callsheet.process.exit import leave_after
from callsheet.tracking.follower.process import main

if __name__ == "__main__":
    leave_after(main, patience=5.0)  # a package that hangs at its exit must not keep the process
