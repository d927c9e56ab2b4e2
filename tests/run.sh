#!/bin/bash
# run.sh [PRESET]: install what is missing, build, run every test.
#
# PRESET: release (the default), debug, asan, tsan or coverage.  The last line is "N passed, N failed", counting test
# programs and scripts; a build that fails counts as one.  Exit status 0 only if nothing failed.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}
packages=(shellcheck curl python3)
case $preset in
    release) build=build ;;
    debug | asan) build=build-$preset ;;
    tsan) build=build-tsan packages+=(clang-14 libomp-14-dev libclang-rt-14-dev) ;;
    coverage) build=build-coverage packages+=(gcovr) ;;
    *) echo "run.sh: error: unknown preset '$preset'; presets are release, debug, asan, tsan, coverage" >&2; exit 2 ;;
esac

summary="0 passed, 1 failed"
# shellcheck disable=SC2317  # called by the trap
report() {
    status=$?
    [ "$status" = 0 ] || echo "tests/run.sh $preset failed"
    echo "$summary"
    exit "$status"
}
trap report EXIT

experiments/install.sh "${packages[@]}"
cmake --preset "$preset" -DHEFT_TESTS=ON
cmake --build "$build"

# libomp loads Archer by itself, which tells ThreadSanitizer of OpenMP's barriers; libraries that were not built for it
# would make false reports.
if [ "$preset" = tsan ]; then
    export TSAN_OPTIONS="ignore_noninstrumented_modules=1 halt_on_error=1 die_after_fork=0 ${TSAN_OPTIONS:-}"
fi
if [ "$preset" = asan ]; then
    export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp print_suppressions=0 ${LSAN_OPTIONS:-}"
fi
# Tests run side by side: a thread that waits must leave its core to others.
export OMP_WAIT_POLICY=passive

log=$build/ctest.log
status=0
ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)" </dev/null 2>&1 | tee "$log" || status=$?
read -r failed total < <(sed -n 's/.* tests passed, \([0-9]*\) tests\{0,1\} failed out of \([0-9]*\).*/\1 \2/p' "$log") || exit 1
summary="$((total - failed)) passed, $failed failed"
if [ "$preset" = coverage ]; then
    # Left out: lines that give up where memory for a few bytes is refused (the fault kit refuses it, but such a process writes no counts).
    gcovr --root . --filter framework/ --filter plugins/ --object-directory "$build" --exclude-unreachable-branches --exclude-throw-branches \
        --exclude-lines-by-pattern '.*memory_exhausted\(.*' --print-summary >"$build/coverage.txt" ||
        echo "run.sh: the tests ran, but gcovr failed" >&2
    cat "$build/coverage.txt"
fi
exit "$status"
