# A trainer in miniature: arm.sh RUN_DIR SECONDS CODE [MODE]
# It writes what it does to RUN_DIR/events, and at its end run.json. SIGTERM "saves", and ends it with 143.
# `first` is over only when it is begun again, and `two` not before another arm has begun.
run=$1 seconds=$2 code=$3 mode=$4
mkdir -p "$run"
trap 'echo "saved $$" >> "$run/events"; [ -n "$slept" ] && kill -9 "$slept" 2>/dev/null; exit 143' TERM INT
echo "begun $$ ${CALLSHEET_ARM##*/} ${CUDA_VISIBLE_DEVICES-none} ${OMP_NUM_THREADS-none} ${RANK-none}" >> "$run/events"
[ "$mode" = group ] && { sleep 1000 & echo "rank $!" >> "$run/events"; }
[ "$mode" = deaf ] && trap '' TERM INT
[ "$mode" = suicide ] && kill -9 $$
[ "$mode" = first ] && [ "$(grep -c begun "$run/events")" = 1 ] && seconds=1000
while [ "$mode" = two ] && [ "$(cat "$run"/../*/events | grep -c begun)" -lt 2 ]; do sleep 0.05; done
[ "$code" = 0 ] || { echo "some noise"; echo "callsheet: The arm cannot go on: $code."; }
sleep "$seconds" & slept=$!
wait $slept
[ "$code" = 0 ] || exit "$code"
echo '{"format": 1, "status": "completed"}' > "$run/.run.json" && mv "$run/.run.json" "$run/run.json"
echo "ended $$" >> "$run/events"
