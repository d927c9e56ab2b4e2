#!/bin/bash
# long.sh BUILD_DIR [KILLS] [FUZZ_DIR FUZZ_SECONDS]: the long form of the fault tests, and a table of what they came to.
#
# BUILD_DIR: of the preset release.  KILLS: 2000.  FUZZ_DIR: of the preset fuzz, 1800 seconds for each target.  Rows are those of
# docs/reliability.md.  A row takes minutes to an hour; its details go to BUILD_DIR/fault.log.  Exit status 1 after a finding.
set -uo pipefail
build=$(realpath "$1") kills=${2:-2000} fuzz=${3:-} fuzz_seconds=${4:-1800}
here=$(realpath "$(dirname "$0")")
kit=$build/tests/fault heft=$build/heft log=$build/fault.log
export OMP_WAIT_POLICY=passive
: >"$log"
status=0

# row NAME COMMAND...: its findings on the screen are one line; the log has all.
row() {
    local name=$1 line
    shift
    line=$("$@" 2>>"$log") || status=1
    printf '%-4s %s\n' "$name" "$(tail -1 <<<"$line")" | tee -a "$log"
}
drive() { "$kit/drive" "$heft" "$kit/shim.so" "$@"; }

row F1 drive kills "$kills"
for s in train resume recover; do row F1 drive loop $s io how=signal signal=9; done
row F2 "$kit/replay" "$heft" "$kit/shim.so" trials=20
for s in train resume recover predict show check; do
    for on in 0 1; do row F3 drive loop $s io on=$on errno=28; done
    row F3 drive loop $s io under=0
done
row F3 drive loop train write how=short
row F3 drive loop train io how=delay stride=5
for s in train resume predict show check; do
    for on in 0 1; do row F5 drive loop $s alloc who=ours distinct=8 on=$on; done
done
for s in train resume show; do row F5l drive loop $s alloc who=theirs distinct=4; done
row F6 "$build/tests/fault_test_damage"
if [ -n "$fuzz" ]; then
    for t in yaml override idx csv cifar hdf5 checkpoint descriptor sweep; do row F8 "$here/fuzz.sh" "$fuzz" "$fuzz_seconds" $t; done
fi
row F9 "$build/tests/config_test_parse"
row F11 "$build/tests/run_test_checkpoint"
for s in train resume; do
    for signal in 2 10 15 24; do row F12 drive loop $s io how=signal signal=$signal; done
    row F12 drive loop $s io how=signal signal=2 on=1
done
row F15 "$build/tests/plugin_test_loader"
row F16 "$here/../end_to_end/crash.sh" "$build" "$here/../.."
# A fault while another is recovered from.
for on in 0 1; do row F20 drive loop recover alloc who=ours distinct=8 on=$on; done
exit $status
