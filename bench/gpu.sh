#!/usr/bin/env bash
# Runs tests/gpu and the benchmarks of bench/gpu on this machine's GPU, and prints one table last:
#   bench/gpu.sh                 both
#   bench/gpu.sh suite           the tests alone
#   bench/gpu.sh bench [NAMES]   the benchmarks alone: averages every_step hosting ref_sync
# It fails if a test fails or a benchmark breaks; a target that is not reached is only said. RESULTS=FOLDER keeps the rows.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
[ -x "$python" ] || python=python3
cd "$root/bench"
exec "$python" -u -m gpu "$@"
