#!/bin/bash
# methods.sh BUILD_DIR SOURCE_DIR [SEEDS]: random search, tpe, and tpe with asha on experiments/mnist_sweep.yaml, made smaller (2,000 pictures to
# learn from), at 24 trials each: the best value and the epochs it took, by seed, and their medians.  Wants MNIST in
# $HEFT_DATA.  No part of the test suite: 20 seeds take half an hour of two cores.
set -euo pipefail
heft=$(realpath "$1/heft")
file=$(realpath "$2/experiments/mnist_sweep.yaml")
seeds=${3:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export OMP_WAIT_POLICY=passive

sed 's/^  early_terminate:.*//' "$file" >plain.yaml
cp "$file" asha.yaml

median() { sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

# run NAME FILE METHOD SEED: a line "NAME SEED BEST EPOCHS".
run() {
    "$heft" sweep "$2" --run dir data.limit=2000 sweep.method="$3" seed="$4" >/dev/null 2>err </dev/null || { cat err >&2; exit 1; }
    "$heft" runs dir --json >rows
    best=$(head -1 rows | sed 's/.*"val_accuracy": \([0-9.e-]*\), "mean".*/\1/')
    epochs=$(sed 's/.*"epochs": \([0-9]*\),.*/\1/' rows | paste -sd+ | bc)
    rm -rf dir
    echo "$1 $4 $best $epochs" | tee -a all
}

for ((seed = 1; seed <= seeds; seed++)); do
    run random plain.yaml random "$seed"
    run tpe plain.yaml tpe "$seed"
    run tpe+asha asha.yaml tpe "$seed"
done
for name in random tpe tpe+asha; do
    echo "$name: median best $(awk -v n=$name '$1 == n { print $3 }' all | median), median epochs $(awk -v n=$name '$1 == n { print $4 }' all | median)"
done
awk '$1 == "random" { r[$2] = $3 } $1 == "tpe" { n++; w += $3 > r[$2]; e += $3 == r[$2] } END { print "tpe above random in " w " of " n " seeds, level in " e }' all
