"""`python -m callsheet.outbox.courier RUN` works the outbox of a run off."""

from callsheet.outbox.courier.main import main
from callsheet.process.exit import leave_after

if __name__ == "__main__":
    leave_after(main, patience=5.0)  # a handler that hangs must not keep the process
