"""`python -m callsheet.outbox.courier RUN` works the outbox of a run off."""

import os
import sys

from callsheet.outbox.courier.main import main

code = main()
sys.stderr.flush()
os._exit(code)  # a handler that hangs must not keep the process
