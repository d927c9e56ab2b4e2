#!/bin/bash
# threads.sh BUILD_DIR SOURCE_DIR: the number of threads changes no bit (R1).
. "$(dirname "$0")/lib.bash"

cat >net.yaml <<'YAML'
name: net
seed: 7
data: {format: digits, samples: 700, test: 100, validation: 0.1}
model:
  - conv2d: {filters: 6, kernel: 3, padding: same}
  - batch_norm: {activation: relu}
  - max_pool2d
  - flatten
  - dropout: {rate: 0.3}
  - dense: {units: 32, activation: relu}
  - dense: {units: 10}
loss: softmax_cross_entropy
metrics: [accuracy]
optimizer: {adam: {lr: 2e-3}}
train: {epochs: 2, batch: 100}
YAML

for threads in 1 2 3 4 7; do
    expect 0 "$heft" train net.yaml train.threads=$threads --run run$threads
    state=$(state_of "$(newest run$threads)")
    [ "$state" = "${first:=$state}" ] || die "$threads threads give another state than 1"
done
expect 0 "$heft" train net.yaml seed=8 --run other
[ "$(state_of "$(newest other)")" != "$first" ] || die "another seed gives the same state: this test sees nothing"
echo "threads: ok"
