#!/bin/bash
# methods.sh BUILD_DIR SOURCE_DIR [SEEDS]: random search, tpe, and tpe with asha on experiments/mnist_sweep.yaml, made smaller (2,000
# pictures to learn from, 2,000 to judge by): the best value and the epochs it took, by seed, and their medians.  Wants MNIST in
# $HEFT_DATA.  No part of the test suite: 20 seeds take half an hour of two cores.
set -euo pipefail
heft=$(realpath "$1/heft")
file=$(realpath "$2/experiments/mnist_sweep.yaml")
seeds=${3:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export OMP_WAIT_POLICY=passive

# The first 4,000 pictures by themselves, since unpacking all of them takes longer than a trial.  (zcat is cut off by head: no pipefail.)
(
    set +o pipefail
    { printf '\0\0\010\003\0\0\017\240\0\0\0\034\0\0\0\034'; zcat "$HEFT_DATA/mnist/train-images-idx3-ubyte.gz" | tail -c +17 | head -c $((4000 * 784)); } >x-idx3-ubyte
    { printf '\0\0\010\001\0\0\017\240'; zcat "$HEFT_DATA/mnist/train-labels-idx1-ubyte.gz" | tail -c +9 | head -c 4000; } >y-idx1-ubyte
)
sed "s|root: mnist.*|root: $work|; s/train-images-idx3-ubyte.gz/x-idx3-ubyte/; s/train-labels-idx1-ubyte.gz/y-idx1-ubyte/" "$file" >asha.yaml
sed 's/^  early_terminate:.*//' asha.yaml >plain.yaml

median() { sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

# run NAME FILE METHOD SEED [WORDS...]: a line "NAME SEED BEST EPOCHS".
run() {
    local name=$1 yaml=$2 method=$3 seed=$4
    shift 4
    "$heft" sweep "$yaml" --run dir --share none data.validation=0.5 sweep.method="$method" seed="$seed" "$@" >/dev/null 2>err </dev/null ||
        { cat err >&2; exit 1; }
    "$heft" runs dir --json >rows
    best=$(head -1 rows | sed 's/.*"val_accuracy": \([0-9.e-]*\), "mean".*/\1/')
    epochs=$(sed 's/.*"epochs": \([0-9]*\),.*/\1/' rows | paste -sd+ | bc)
    rm -rf dir
    echo "$name $seed $best $epochs" | tee -a all
}

for ((seed = 1; seed <= seeds; seed++)); do
    run random plain.yaml random "$seed"
    run tpe plain.yaml tpe "$seed"
    run tpe+asha asha.yaml tpe "$seed"
done
for name in random tpe tpe+asha; do
    echo "$name: median best $(awk -v n=$name '$1 == n { print $3 }' all | median), median epochs $(awk -v n=$name '$1 == n { print $4 }' all | median)"
done
for name in tpe tpe+asha; do
    awk -v name=$name '$1 == "random" { r[$2] = $3 } $1 == name { n++; w += $3 > r[$2]; e += $3 == r[$2] } END { print name " above random in " w " of " n " seeds, level in " e }' all
done
