#!/bin/bash
# cost.sh BUILD_DIR SOURCE_DIR: what a sweep costs beside training.  16 trials of one thread, two at once, take little more than half the
# time they take one after the other; and what a trial takes that trains next to nothing.  The bounds are loose, and the second is of
# processor time, for machines that do other things; STRICT=1 has those of docs/sweeps.md, of wall-clock time on a quiet one.
. "$(dirname "$0")/lib.bash"
! grep -q fsanitize "$1/CMakeCache.txt" || exit 77
[ "$(nproc)" -gt 1 ] || exit 77
ratio=0.9 overhead=65
[ -z "${STRICT:-}" ] || { ratio=0.55 overhead=40; }
TIMEFORMAT='%R %U %S'

# sweep_yaml TRIALS SAMPLES EPOCHS
sweep_yaml() {
    cat <<YAML
name: cost
data: {format: houses, samples: $2, validation: 0.1}
model: [{dense: {units: 64, activation: relu}}, {dense: {units: 1}}]
loss: mean_squared_error
optimizer: {adam: {lr: 1e-3}}
train: {epochs: $3, batch: 64}
checkpoint: {every: $3, keep: 1}
sweep:
  method: random
  metric: {name: val_loss}
  trials: $1
  parameters: {optimizer.adam.lr: {min: 1e-4, max: 1e-2, distribution: log_uniform}}
YAML
}

# seconds FILE J: of a sweep, and of processors.
seconds() {
    rm -rf dir
    { time "$heft" sweep "$1" --run dir -j "$2" --threads 1 --share none >out 2>err </dev/null; } 2>spent || die "$1: failed"
    awk '{ print $1, $2 + $3 }' spent
}
calculate() { awk "BEGIN { printf \"%.3f\", $1 }"; }
below() { awk "BEGIN { exit !($1 < $2) }"; }

sweep_yaml 16 20000 8 >sixteen.yaml
for try in 1 2 3 4 5; do
    read -r one _ <<<"$(seconds sixteen.yaml 1)"
    read -r two _ <<<"$(seconds sixteen.yaml 2)"
    got=$(calculate "$two / $one")
    echo "16 trials: one after the other $one s, two at once $two s: $got of it"
    ! below "$got" "$ratio" || break
    [ $try != 5 ] || die "two trials at once take $got of the time of one after the other; expected at most $ratio"
done

# 44 trials less 4, so that what a sweep itself takes is not in it; the training of one takes less than a millisecond.
sweep_yaml 4 200 1 >few.yaml
sweep_yaml 44 200 1 >many.yaml
for try in 1 2 3 4 5; do
    read -r few few_used <<<"$(seconds few.yaml 1)"
    read -r many many_used <<<"$(seconds many.yaml 1)"
    got=$(calculate "1000 * ($many_used - $few_used) / 40")
    wall=$(calculate "1000 * ($many - $few) / 40")
    echo "overhead of a trial: $wall ms, $got ms of a processor"
    [ -z "${STRICT:-}" ] || got=$wall
    ! below "$got" "$overhead" || break
    [ $try != 5 ] || die "the overhead of a trial is $got ms; expected at most $overhead"
done
