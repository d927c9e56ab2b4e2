#!/bin/bash
# quickstart.sh: from a bare Debian 12 to two trained models, and a look at what they left behind.
#
# Installs what is missing, builds into build/, trains on the two built-in data sets into runs/.  May be run again.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }
run()  { printf '\n$ %s\n' "$*"; "$@"; }

step "Install what is missing, and build"
experiments/install.sh
cmake --preset release >/dev/null
cmake --build build --target heft plugins/all                # without the tests
heft=build/heft

# The next free directory, so that this may be run again.
free() { local i=1; while [ -e "$(printf 'runs/%s-%04d' "$1" $i)" ]; do i=$((i + 1)); done; printf 'runs/%s-%04d' "$1" $i; }
houses=$(free houses)
digits=$(free digits)

step "Prices of houses: a linear model, whose weights are known"
run "$heft" check experiments/houses.yaml
run "$heft" train experiments/houses.yaml --run "$houses"
run "$heft" show "$houses"

step "Pictures of digits: a small convolutional net"
run "$heft" train experiments/digits.yaml --run "$digits"
run "$heft" eval "$digits"

step "What a run is: plain HDF5 and text"
run ls "$digits" "$digits/checkpoints"
run h5ls -r "$digits/metrics.h5"
run h5dump -d /epochs -s 0 -c 2 "$digits/metrics.h5"
run h5ls -r "$digits/checkpoints/$(cat "$digits/checkpoints/latest")"

step "Predict: five new pictures on the terminal, five new houses into a file"
run "$heft" predict "$digits" --input 5
run "$heft" predict "$houses" --input 5 --output "$houses/prices.csv"
run head -6 "$houses/prices.csv"

step "Next"
cat <<TEXT
another learning rate:           $heft train experiments/digits.yaml optimizer.adam.lr=3e-3 train.epochs=3
go on with a finished run:       $heft resume $digits train.epochs=12
layers, losses, optimizers:      $heft plugins
real data, 99 % of MNIST:        export HEFT_DATA=\$PWD/data; experiments/fetch_data.sh mnist; $heft train experiments/mnist_cnn.yaml
the tests:                       tests/run.sh
TEXT
