#!/bin/bash
# slurm.sh BUILD_DIR SOURCE_DIR: a sweep as jobs of a real Slurm, which preempts and requeues some: every trial ends, with the bits of a sweep on
# this machine; asked to stop; killed and taken over.  Skipped where Slurm is not installed (Debian: slurmctld slurmd slurm-client munge).
. "$(dirname "$0")/lib.bash"
. "$source_dir/tests/sweep/slurm.bash"
slurm_there || exit 77
pid=
trap '[ -z "$pid" ] || kill -KILL $pid 2>/dev/null || true; slurm_stop; rm -rf "$work"' EXIT
slurm_start "$work/cluster" 4 || die "Slurm does not start"

table_of() { h5dump -m '%.17g' -d /trials -d /run -d /state -d /reason "$1/sweep.h5" | tail -n +2 | sha256sum; }
count() { h5dump -d /state "$1/sweep.h5" | grep -o "\"$2" | wc -l; }
# Slurm keeps a requeued job for two minutes before it may start again.
hurry() { squeue --me -r -h -t PD -o '%F_%K %r' | while read -r id why; do [ "$why" != BeginTime ] || scontrol update JobId="$id" StartTime=now || true; done; }

cat >net.yaml <<'YAML'
name: net
seed: 7
data: {format: houses, samples: 12000, validation: 0.2, normalize: standard, normalize_target: standard}
model:
  - dense: {units: 64, activation: relu, name: hidden}
  - dense: {units: 64, activation: relu}
  - dense: {units: 1}
loss: mean_squared_error
metrics: [r2]
optimizer: {adam: {lr: 1e-3}}
train: {epochs: 9, batch: 4}
checkpoint: {every: 1, keep: 1}
sweep:
  method: random
  metric: {name: val_r2}
  trials: 20
  parameters:
    optimizer.adam.lr: {min: 1e-5, max: 1e-2, distribution: log_uniform}
    model.hidden.units: {min: 2, max: 96, distribution: int_uniform}
YAML

expect 0 "$heft" sweep net.yaml --run here
one=$(table_of here)

"$heft" sweep net.yaml --run there --share none --launcher slurm --json >out 2>err </dev/null &
pid=$!
preempted=0
for ((i = 0; i < 150; i++)); do
    kill -0 $pid 2>/dev/null || break
    if ((i % 3 == 1 && preempted < 6)); then
        sbatch --partition=high --ntasks=2 --output=/dev/null --wrap 'sleep 1' >/dev/null
        preempted=$((preempted + 1))
    fi
    sleep 0.5
    hurry
done
status=0
wait $pid || status=$?
[ $status = 0 ] || die "through Slurm: exit status $status"
[ "$(count there finished)" = 20 ] || die "through Slurm: $(count there finished) of 20 finished"
[ "$one" = "$(table_of there)" ] || die "through Slurm: another table"
for run in here/trials/*/; do
    cmp "$(newest "$run")" "$(newest "there/trials/$(basename "$run")")" || die "$run: another checkpoint through Slurm"
done

# begin DIR: a sweep through Slurm, and wait until one of its trials has saved something.
begin() {
    "$heft" sweep net.yaml --run "$1" --share none --launcher slurm -j 4 >out 2>err </dev/null &
    pid=$!
    for _ in $(seq 200); do [ -z "$(ls "$1"/trials/*/checkpoints/latest 2>/dev/null)" ] || break; sleep 0.05; done
}
# Asked to stop: its jobs save and are gone, and the rest goes on here.
begin asked
kill -TERM $pid
status=0
wait $pid || status=$?
[ $status = 75 ] || die "TERM: exit status $status, expected 75"
[ -z "$(squeue --me --noheader)" ] || die "TERM: jobs are left in the queue"
expect 0 "$heft" sweep --resume asked --share none
[ "$one" = "$(table_of asked)" ] || die "stopped and gone on here: another table"

# Killed: not to be gone on with here, since jobs may be at work; with Slurm it is taken over.
begin killed
kill -KILL $pid
wait $pid 2>/dev/null || true
expect 1 "$heft" sweep --resume killed
says err "go on with --launcher slurm"
expect 0 "$heft" sweep --resume killed --share none --launcher slurm
[ "$one" = "$(table_of killed)" ] || die "killed and taken over: another table"

# What sbatch refuses is said in its words.
expect 1 "$heft" sweep net.yaml --run refused --share none --launcher slurm --slurm=--partition=nowhere
says err "sbatch: error: exit code 1"
requeued=$(grep -c 'has been requeued' cluster/slurmctld.log) || die "nothing was preempted: this test saw nothing"
[ ! -e there/slurm/0001 ] || die "a list is left in there/slurm"
if grep -q interrupted err; then die "a job that was put back was taken for lost"; fi
echo "slurm: 20 of 20 trials, $requeued preemptions, the same table and checkpoints"
