#!/bin/bash
# crash.sh BUILD_DIR SOURCE_DIR: killed at any instant and resumed, a run ends with the same bytes (R2), and a
# signal that asks is obeyed.  RUNS kills (default 8).
. "$(dirname "$0")/lib.bash"

cat >net.yaml <<'YAML'
name: net
seed: 7
data: {format: digits, samples: 1500, test: 100, validation: 0.1}
model:
  - conv2d: {filters: 6, kernel: 3, padding: same}
  - batch_norm: {activation: relu}
  - max_pool2d
  - flatten
  - dropout: {rate: 0.3}
  - dense: {units: 10}
loss: softmax_cross_entropy
metrics: [accuracy]
optimizer: {adam: {lr: {cosine: {peak: 2e-3, warmup: 10}}, clip_norm: 1}}
train: {epochs: 4, batch: 50, threads: 2, stop: {patience: 20}}
checkpoint: {every: 3 steps, keep: 2, best: val_accuracy}
YAML

began=$(date +%s%3N)
expect 0 "$heft" train net.yaml --run whole
took=$(($(date +%s%3N) - began))
whole=$(newest whole)

# Every start gets far enough to save something, none to the end in one go, however fast this build is.
RANDOM=1
kills=0
for ((run = 1; run <= ${RUNS:-8}; run++)); do
    [ $run = 1 ] || [ $SECONDS -lt 60 ] || break
    for ((tries = 1; tries < 200; tries++)); do
        "$heft" train net.yaml --run run$run --resume >out 2>err </dev/null &
        pid=$!
        ms=$((took / 20 + RANDOM % (took / 2 + 30 * tries)))
        sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
        kill -KILL $pid 2>/dev/null || true
        status=0
        wait $pid 2>/dev/null || status=$?
        [ $status != 0 ] || break
        [ $status = 137 ] || die "run $run, start $tries: exit status $status"
        kills=$((kills + 1))
    done
    [ "$status" = 0 ] || die "run $run never ended"
    cmp "$whole" "$(newest run$run)" || die "run $run: killed and resumed, another checkpoint"
    h5ls run$run/metrics.h5 >/dev/null || die "run $run: metrics.h5 cannot be read"
done
[ $kills -gt 1 ] || die "only $kills kills: this test saw nothing"

saved() { for _ in $(seq 3000); do [ ! -e "$1/checkpoints/latest" ] || return 0; sleep 0.01; done; die "$1 saves nothing"; }

# Asked to stop: 75, and the rest later gives the same.  (Once more where it was done before it could be asked.)
for _ in 1 2 3 4 5; do
    rm -rf asked
    "$heft" train net.yaml --run asked >out 2>err </dev/null &
    pid=$!
    saved asked
    kill -TERM $pid 2>/dev/null || true
    status=0
    wait $pid || status=$?
    [ $status = 0 ] || break
done
[ "$status" = 75 ] || die "TERM: exit status $status, expected 75"
says err "heft resume asked"
expect 0 "$heft" resume asked
cmp "$whole" "$(newest asked)" || die "stopped and resumed, another checkpoint"

# A damaged newest checkpoint is named and passed over.
rm -rf damaged && cp -r whole damaged
printf 'x' | dd of="$(newest damaged)" bs=1 seek=3000 conv=notrunc 2>/dev/null
expect 0 "$heft" resume damaged
says err "$(basename "$(newest whole)")"
cmp "$whole" "$(newest damaged)" || die "resumed from the one before, another checkpoint"

# A run in use is left alone.
"$heft" train net.yaml train.epochs=1000 --run busy >out 2>err </dev/null &
pid=$!
saved busy
expect 2 "$heft" resume busy
says err "busy"
kill -KILL $pid
wait $pid 2>/dev/null || true

# No trial outlives its sweep, whatever ends that, and is in nobody's way.
sed 's/epochs: 4/epochs: 100000/' net.yaml >many.yaml
echo 'sweep: {method: grid, metric: {name: val_loss}, parameters: {seed: {values: [1, 2]}}}' >>many.yaml
"$heft" sweep many.yaml --run many -j 2 --threads 1 >out 2>err </dev/null &
pid=$!
for _ in $(seq 3000); do [ "$(ls -d many/trials/*/checkpoints/latest 2>/dev/null | wc -l)" != 2 ] || break; sleep 0.01; done
mapfile -t trials < <(pgrep -P $pid)
[ ${#trials[@]} = 2 ] || die "two trials were expected, not '${trials[*]}'"
kill -KILL $pid
wait $pid 2>/dev/null || true
for _ in $(seq 500); do kill -0 "${trials[@]}" 2>/dev/null || break; sleep 0.01; done
! kill -KILL "${trials[@]}" 2>/dev/null || die "trials outlive their sweep"
echo "crash: ok, $kills kills"
