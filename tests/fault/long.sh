#!/bin/bash
# long.sh BUILD_DIR [KILLS] [FUZZ_DIR FUZZ_SECONDS]: the long form of the fault tests, and a table of what they came to.
#
# BUILD_DIR: of the preset release.  KILLS: 2000.  FUZZ_DIR: of the preset fuzz, 1800 seconds for each target.  ROWS="F5 F12" runs these rows
# alone.  Rows are those of docs/reliability.md; one takes seconds to an hour, and its details go to BUILD_DIR/fault.log.  Exit status 1 after
# a finding.
set -uo pipefail
build=$(realpath "$1") kills=${2:-2000} fuzz=${3:-} fuzz_seconds=${4:-1800}
here=$(realpath "$(dirname "$0")")
root=$here/../..
kit=$build/tests/fault heft=$build/heft log=$build/fault.log
export OMP_WAIT_POLICY=passive
: >"$log"
status=0

# row NAME WHAT COMMAND...: its last line, or what it is and whether it passed where it says nothing of use.
row() {
    local name=$1 what=$2 line verdict=ok
    shift 2
    [[ " ${ROWS:-$name} " == *" $name "* ]] || return 0
    echo "== $name $what: $*" >>"$log"
    line=$("$@" 2>>"$log") || verdict=FAILED status=1
    line=$(tail -1 <<<"$line")
    [[ $line == *[0-9]* ]] || line=
    printf '| %-4s | %-6s | %s%s |\n' "$name" $verdict "$what" "${line:+: $line}" | tee -a "$log"
}
drive() { "$kit/drive" "$heft" "$kit/shim.so" "$@"; }
sweeps() { "$kit/sweeps" "$heft" "$kit/shim.so" "$@"; }
hostile() { "$build/tests/config_test_hostile" | grep longest; }
script() { "$root/tests/end_to_end/$1.sh" "$build" "$root"; }

row F1 "killed at any instant" drive kills "$kills"
for s in train resume recover; do row F1 "killed at every call" drive loop $s io how=signal signal=9; done
for v in sweep trial; do row F1 "a sweep, killed at every call" sweeps $v signal=9; done
row F2 "power loss" "$kit/replay" "$heft" "$kit/shim.so" trials=20
for s in train resume recover predict show check; do
    for on in 0 1; do row F3 "I/O fails" drive loop $s io on=$on errno=28; done
    row F3 "I/O fails, on any file" drive loop $s io under=0
done
row F3 "writes cut short" drive loop train write how=short
row F3 "calls delayed" drive loop train io how=delay stride=5
row F4 "limited files, full output" script faults
for s in train resume predict show check; do
    for on in 0 1; do row F5 "no memory" drive loop $s alloc who=ours distinct=8 on=$on; done
done
for s in train resume show; do row F5 "no memory, in libraries" drive loop $s alloc who=theirs distinct=4; done
row F6 "damaged checkpoints" "$build/tests/fault_test_damage"
if [ -n "$fuzz" ]; then
    for t in yaml override idx csv cifar hdf5 checkpoint descriptor sweep; do row F8 "fuzzing" "$here/fuzz.sh" "$fuzz" "$fuzz_seconds" $t; done
fi
row F9 "YAML files that are wrong" "$build/tests/config_test_parse"
row F9 "YAML files made to take long" hostile
row F10 "the same bits on any number of threads" script threads
row F11 "equal runs, equal files" "$build/tests/run_test_checkpoint"
for s in train resume; do
    for signal in 2 10 15 24; do row F12 "asked to stop at every call" drive loop $s io how=signal signal=$signal; done
    row F12 "and asked again" drive loop $s io how=signal signal=2 on=1
done
for signal in 1 2 10 15 24; do
    row F12 "a sweep, asked to stop at every call" sweeps sweep signal=$signal
    row F12 "a trial, asked to stop at every call" sweeps trial signal=$signal
done
row F12 "a sweep, and asked again" sweeps sweep signal=2 on=1
row F12 "a sweep that measures, asked to stop" sweeps sweep signal=15 measured=1 stride=5
row F12 "what it measures with, signalled" sweeps trial signal=15 measured=1 stride=5
row F15 "bad plugins" "$build/tests/plugin_test_loader"
row F16 "two processes on a run" script crash
for on in 0 1; do row F20 "no memory while it recovers" drive loop recover alloc who=ours distinct=8 on=$on; done
exit $status
