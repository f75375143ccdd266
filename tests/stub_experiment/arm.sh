# A trainer in miniature: arm.sh RUN_DIR SECONDS CODE [hold|group|ddp]
# It writes what it does to RUN_DIR/events, and at its end run.json. SIGTERM "saves", and ends it with 143.
run=$1 seconds=$2 code=$3 mode=$4
mkdir -p "$run"
trap 'echo "saved $$" >> "$run/events"; [ -n "$slept" ] && kill -9 "$slept" 2>/dev/null; exit 143' TERM INT
echo "begun $$ ${CALLSHEET_ARM##*/} ${CUDA_VISIBLE_DEVICES-none} ${OMP_NUM_THREADS-none} ${RANK-none}" >> "$run/events"
[ "$mode" = group ] && { sleep 1000 & echo "rank $!" >> "$run/events"; }
[ "$mode" = deaf ] && trap '' TERM INT
[ "$mode" = suicide ] && kill -9 $$
[ "$code" = 0 ] || { echo "some noise"; echo "callsheet: The arm cannot go on: $code."; }
sleep "$seconds" & slept=$!
wait $slept
[ "$code" = 0 ] || exit "$code"
echo '{"format": 1, "status": "completed"}' > "$run/.run.json" && mv "$run/.run.json" "$run/run.json"
echo "ended $$" >> "$run/events"
