#!/bin/bash
# sweep.sh BUILD_DIR SOURCE_DIR: a sweep comes to the same table whatever -j was and whoever was killed; its paused trials
# go on bit for bit; its failures are kept apart and named; heft check and heft runs.  RUNS sweeps are killed (default 2, or more until there were four kills).
. "$(dirname "$0")/lib.bash"
build=$1

# The table without what may differ.
table_of() { h5dump -m '%.17g' -d /trials -d /run -d /state -d /reason "$1/sweep.h5" | tail -n +2 | sha256sum; }
count() { h5dump -d /state "$1/sweep.h5" | grep -o "\"$2" | wc -l; }

cat >net.yaml <<'YAML'
name: net
seed: 7
data: {format: houses, samples: 600, validation: 0.2, normalize: standard, normalize_target: standard}
model:
  - dense: {units: 8, activation: relu, name: hidden}
  - dense: {units: 1}
loss: mean_squared_error
metrics: [r2]
optimizer: {adam: {lr: {cosine: {peak: 2e-3, warmup: 10}}}}
train: {epochs: 9, batch: 50}
checkpoint: {every: 2, keep: 1}
sweep:
  method: tpe
  metric: {name: val_r2}
  trials: 18
  lag: 4
  parameters:
    optimizer.adam.lr.cosine.peak: {min: 1e-4, max: 1e-1, distribution: log_uniform}
    model.hidden.units: {min: 2, max: 32, distribution: int_uniform}
    model.hidden.activation: {values: [relu, tanh]}
  early_terminate: {type: asha, min_epochs: 1, eta: 3}
YAML

expect 0 "$heft" sweep net.yaml --run one -j 1
one=$(table_of one)
[ "$(count one finished)" -gt 1 ] || die "none finished"
[ "$(count one stopped)" -gt 8 ] || die "asha stopped too few"
says err "best: trial"
took=$(date +%s%3N)
expect 0 "$heft" sweep net.yaml --run three --share none -j 3 --json
took=$(($(date +%s%3N) - took))
[ "$one" = "$(table_of three)" ] || die "-j 3: another table"
says out '"event": "ended"'
expect 0 "$heft" sweep --resume three
[ "$one" = "$(table_of three)" ] || die "resumed when it was done: another table"
# As killed between a checkpoint and `latest`: the trial is seen to.  One whose checkpoints somebody removed is not trained again.
mapfile -t stopped < <(grep -L step-000000090 three/trials/*/checkpoints/latest)
cp "${stopped[0]}" was
rm "${stopped[0]}" "$(dirname "${stopped[1]}")"/*
expect 0 "$heft" sweep --resume three -j 3
cmp was "${stopped[0]}" || die "a save that was cut off is left so"
[ ! -e "${stopped[1]}" ] || die "trained again without need"
[ "$one" = "$(table_of three)" ] || die "a save that was cut off: another table"

# Neither -j nor --threads: measured, recorded, said; and no other result.  -j with one core for each trial leaves nothing to measure, nor
# does a sweep that is done.
for _ in 1 2 3; do                     # a machine that is busy elsewhere may come too late with a measurement
    rm -rf free
    expect 0 "$heft" sweep net.yaml --run free --share none --json
    ! grep -q "samples/s" err || break
done
[ "$one" = "$(table_of free)" ] || die "without -j: another table"
says out '"event": "divided"'
says err "at once"
h5dump -a /timing/threads free/sweep.h5 >/dev/null || die "the number of threads is not recorded"
if [ "$(nproc)" -gt 1 ]; then
    says err "samples/s"
    h5dump -d /divisions free/sweep.h5 >out || die "what was measured is not recorded"
    says out samples_per_s
fi
expect 0 "$heft" sweep --resume free --json
! grep -q divided out || die "measured with nothing left to do"
[ "$(nproc)" -gt 5 ] || ! h5dump -d /divisions three/sweep.h5 >out 2>&1 || die "measured with one core for each trial"
expect 2 "$heft" sweep net.yaml --run three
says err "holds a sweep already"
expect 2 "$heft" sweep net.yaml sweep.trials=20 --run three --resume
says err "holds another sweep"

# A trial that was paused at rungs has the bits of one that was not.
for state in one/trials/*/checkpoints/latest; do
    run=${state%/checkpoints/latest}
    [ "$(cat "$state")" = step-000000090.h5 ] || continue
    expect 0 "$heft" train "$run.yaml" --run whole
    cmp "$(newest "$run")" "$(newest whole)" || die "$run: paused and gone on, another checkpoint"
    cmp <(h5dump -d /experiment "$run/metrics.h5" | tail -n +2) <(h5dump -d /experiment whole/metrics.h5 | tail -n +2)
    whole=1
    break
done
[ "${whole:-0}" = 1 ] || die "no trial went to its end"

# provenance.json says how a run is made by hand, process by process.
mapfile -t commands < <(sed -n 's/.*"command": \[\(.*\)\]}.*/\1/p' "$run/provenance.json" | tr -d ,)
[ ${#commands[@]} -gt 1 ] || die "$run: paused, and one process"
saved=$(newest "$run")
mv "$run" away
for command in "${commands[@]}"; do eval "$command" >out 2>err </dev/null || [ $? = 75 ] || die "$command: failed"; done
cmp "$saved" "away/${saved#"$run"}" || die "${commands[*]}: another checkpoint"
cmp <(grep -o '"command": .*' "$run/provenance.json") <(grep -o '"command": .*' away/provenance.json) || die "made by hand, another command"
says err "epoch 9/9"
rm -r away

# Killed at random instants of what a whole one takes: the sweep, or one of its trials.
RANDOM=2
kills=0
for ((run = 1; run <= ${RUNS:-2} || (kills < 4 && run < 10); run++)); do
    status=1
    for ((tries = 1; tries < 40; tries++)); do
        "$heft" sweep net.yaml --run killed$run --share none --resume -j 2 >out 2>err </dev/null &
        pid=$!
        ms=$((took / 20 + RANDOM % (took / 2 + took * tries / 8)))
        sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
        victim=$pid
        if ((RANDOM % 2)); then victim=$(pgrep -P $pid | tail -1) || victim=$pid; fi
        if kill -KILL "${victim:-$pid}" 2>/dev/null; then kills=$((kills + 1)); fi
        if [ "${victim:-$pid}" != $pid ]; then sleep 0.3; kill -KILL $pid 2>/dev/null || true; fi
        status=0
        wait $pid 2>/dev/null || status=$?
        [ ! -e killed$run/sweep.h5 ] || h5ls killed$run/sweep.h5 >/dev/null || die "killed$run/sweep.h5 cannot be read"
        [ $status != 0 ] || break
        [ $status = 137 ] || die "run $run, start $tries: exit status $status"
    done
    [ $status = 0 ] || expect 0 "$heft" sweep net.yaml --run killed$run --share none --resume
    [ "$one" = "$(table_of killed$run)" ] || die "run $run: killed and resumed, another table"
done
[ $kills -gt 3 ] || die "only $kills kills: this test saw nothing"

# Asked to stop: trials save, 75, and the rest later gives the same.
"$heft" sweep net.yaml --run asked --share none >out 2>err </dev/null &
pid=$!
for _ in $(seq 200); do [ -z "$(ls asked/trials/*/checkpoints/latest 2>/dev/null)" ] || break; sleep 0.02; done
kill -TERM $pid
status=0
wait $pid || status=$?
[ $status = 75 ] || die "TERM: exit status $status, expected 75"
says err "heft sweep --resume asked"
expect 0 "$heft" sweep --resume asked --share none
[ "$one" = "$(table_of asked)" ] || die "stopped and resumed, another table"

# Six types of layer, of which four misbehave: each fails by itself, with its reason.
memory=', memory: 400 MiB' eats=', eats'
if grep -qE 'fsanitize|--coverage' "$build/CMakeCache.txt"; then memory='' eats=''; fi
cat >faults.yaml <<YAML
name: faults
data: {format: houses, samples: 400, validation: 0.2, normalize: standard, normalize_target: standard}
model:
  - dense: {units: 4}
  - relu
  - dense: {units: 1}
loss: mean_squared_error
optimizer: {adam: {lr: 1e-2}}
train: {epochs: 2, batch: 50}
plugins: [$build/tests/planted]
sweep:
  method: grid
  metric: {name: val_loss}
  parameters: {model.1: {values: [relu, crashes, hangs, nans$eats, {tanh: {}}]}}
  limits: {seconds: 5$memory}
  retry: 1
YAML
expect 0 "$heft" sweep faults.yaml --run faults
says err "2 finished"
says err "trial 1 failed: killed by SIGSEGV"
says err "trial 2 failed: took longer than its limit of 5 s"
says err "trial 3 failed: the loss is not a number at step 1"
[ -z "$eats" ] || says err "near its memory limit of 400.0 MiB"
expect 0 h5dump -d /timing faults/sweep.h5
expect 0 "$heft" sweep --resume faults
says err "2 finished"
expect 0 "$heft" runs faults
says out "SIGSEGV"

# What is wrong is said before the first trial, at its place.
expect 2 "$heft" check net.yaml 'sweep.parameters={model.hidden.unts: {values: [1, 2]}}'
says err "did you mean 'units'?"
expect 2 "$heft" sweep net.yaml 'sweep.parameters={model.hidden.activation: {values: [relu, rellu]}}' --run never
says err "rellu"
[ ! -e never ] || die "a wrong sweep made a directory"
expect 2 "$heft" sweep net.yaml sweep.metric.name=val_accuracy --run never
says err "trials have no 'val_accuracy'"
expect 2 "$heft" sweep net.yaml sweep.early_terminate.min_epochs=9 --run never
says err "none would ever end early"
# shellcheck disable=SC2016  # references are for heft
expect 2 "$heft" sweep net.yaml 'train.batch=${data.samples}' 'sweep.parameters={data.samples: {values: [100, 200]}}' --run never
# shellcheck disable=SC2016
says err 'a reference, ${...}, depends on it'
expect 2 "$heft" sweep digits --run never
expect 2 "$heft" sweep net.yaml -j 0
expect 2 "$heft" sweep
expect 2 "$heft" sweep net.yaml --launcher slrm
says err "did you mean 'slurm'?"
expect 2 "$heft" sweep net.yaml --slurm=--time=5
says err "--slurm goes with --launcher slurm"
expect 2 "$heft" sweep net.yaml --poll 5
says err "--poll goes with --launcher slurm"
expect 2 "$heft" sweep net.yaml --launcher slurm --poll 0
says err "--poll 0: a whole number from 1 to 3600"
expect 1 env PATH=/nowhere "$heft" sweep net.yaml --launcher slurm --run without
says err "squeue: error: not found among the programs"
expect 1 env -u SLURM_ARRAY_TASK_ID "$heft" sweep --task one/slurm/0001
says err "SLURM_ARRAY_TASK_ID is not set"
echo nonsense >0001
expect 1 env SLURM_ARRAY_TASK_ID=0 "$heft" sweep --task 0001
says err "0001: error: is no list of a sweep's trials"
expect 2 "$heft" sweep --resume net.yaml
expect 2 "$heft" sweep . --resume
says err "it is no sweep"
expect 0 "$heft" check net.yaml
says out "Sweep: tpe, maximize val_r2; 18 points, at most 162 epochs (asha)"

# The leaderboard, and two runs.
expect 0 "$heft" sweep "$source_dir/experiments/houses_sweep.yaml" data.samples=1000 --run houses
[ "$(count houses finished)" = 24 ] || die "houses_sweep: not all finished"
expect 0 "$heft" runs houses
says out "24 runs, 8 points, by val_loss (less is better)"
says out "optimizer.adam.lr"
expect 0 "$heft" runs houses --csv --filter 'train.batch=32,val_loss<1000'
[ "$(wc -l <out)" = 13 ] || die "--csv --filter: $(wc -l <out) lines"
expect 0 "$heft" runs houses --json --sort train.batch
[ "$(head -1 out | grep -c '"train.batch": "32"')" = 1 ] || die "--sort train.batch"
expect 0 "$heft" runs houses --csv --sort=-batch --filter lr=1e-2
column=$(head -1 out | tr , '\n' | grep -n '^train.batch$' | cut -d: -f1)
[ "$(cut -d, -f"$column" out | tail -n +2 | uniq | tr '\n' ' ')" = "128 32 " ] || die "--sort=-batch: not falling"
[ "$(awk -F, 'NR > 1 { print $1 }' out | sort -u | tr '\n' ' ')" = "1 2 " ] || die "ranks go by the order, not by the metric"
expect 2 "$heft" runs houses --filter nonsense=3
says err "no run has a setting or metric 'nonsense'"
expect 2 "$heft" runs houses --filter btach=3
says err "did you mean 'batch'?"
expect 2 "$heft" runs houses --filter batch
says err "expected path=value"
expect 2 "$heft" runs houses --sort nonsense
expect 2 "$heft" runs houses --metric nonsense
expect 2 "$heft" runs nowhere
mapfile -t runs < <(ls -d houses/trials/*/)
expect 0 "$heft" runs --compare "${runs[0]}" "${runs[1]}"
says out "val_loss"
says out "$(basename "${runs[1]}")"
expect 2 "$heft" runs --compare "${runs[0]}" houses
mkdir some
cp -r "${runs[0]}" "${runs[1]}" some
expect 0 "$heft" runs some
says out "2 runs"
expect 0 "$heft" sweep net.yaml 'sweep.parameters={optimizer: {values: [{adam: {lr: 1e-2}}, {sgd: {lr: 1e-3}}]}, model.hidden.units: {values: [2, 4, 8]}}' \
    sweep.method=grid sweep.early_terminate.type=none train.epochs=1 --run types
expect 0 "$heft" runs types --filter optimizer=sgd
says out "3 runs, 3 points"

# On a terminal nothing is wider or higher than it is.  (A chroot may have no terminals to give.)
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    script -qec "stty cols 50 rows 10; '$heft' sweep net.yaml --run seen --share none -j 4 --threads 1" typescript >/dev/null </dev/null || die "on a terminal: failed"
    grep -q "of 18 trials begun: [1-9] at work" typescript || die "no screen on a terminal"
    grep -q "best" typescript || die "no best trial on the screen"
    [ "$(sed 's/\x1b\[[0-9]*[A-Z]//g; s/\r//' typescript | grep "^  " | LC_ALL=C.UTF-8 wc -L)" -lt 50 ] || die "a line is wider than the terminal"
    tr '\033' '\n' <typescript | grep -ao '^\[[0-9]*A' | tr -d '[A' | awk '$1 > 9 { exit 1 }' || die "the screen is higher than the terminal"
fi
echo "sweep: ok, $kills kills"
