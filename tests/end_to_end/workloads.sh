#!/bin/bash
# workloads.sh BUILD_DIR SOURCE_DIR: the benchmark experiments give the same bits on any number of threads (R1), in f32 and in
# bf16, and bf16 gives others.
. "$(dirname "$0")/lib.bash"

# same A B: the newest checkpoints of two runs have the same weights and slots.
same() { h5diff -q "$(newest "$1")" "$(newest "$2")" /layers && h5diff -q "$(newest "$1")" "$(newest "$2")" /optimizer; }

for file in "$source_dir"/experiments/bench/*.yaml; do
    name=$(basename "$file" .yaml)
    for precision in f32 bf16; do
        for threads in 1 2 4 8; do
            expect 0 "$heft" train "$file" train.threads=$threads train.precision=$precision train.epochs=2 --run "$precision-$threads"
            same "$precision-1" "$precision-$threads" || die "$name in $precision: $threads threads give other bits than 1"
        done
    done
    same f32-1 bf16-1 && die "$name: bf16 gives the bits of f32"
    rm -r f32-* bf16-*
done
echo "workloads: ok"
