#!/bin/bash
# verbs.sh BUILD_DIR SOURCE_DIR: every verb on built-in data: results, streams, exit codes.
. "$(dirname "$0")/lib.bash"

cat >small.yaml <<'YAML'
name: small
seed: 3
data: {format: houses, samples: 600, test: 100, validation: 0.1, normalize: standard, normalize_target: standard}
model:
  - dense: {units: 8, activation: tanh, name: hidden}
  - dense: {units: 1, name: price}
loss: mean_squared_error
metrics: [r2]
optimizer: {adam: {lr: 1e-2}}
train: {epochs: 3, batch: 32, threads: 2}
checkpoint: {best: val_r2}
YAML

# help
expect 2 "$heft"
says err "usage: heft VERB"
expect 0 "$heft" help
for verb in train resume eval predict check show plugins gradcheck; do
    says out "  $verb "
    expect 0 "$heft" $verb --help
    says out "usage: heft $verb"
    silent err
    expect 0 "$heft" help $verb
    says out "usage: heft $verb"
    expect 2 "$heft" $verb --no-such-option
    says err "unknown option '--no-such-option'"
    expect 0 "$heft" help
done
expect 0 "$heft" --version
says out "heft "
expect 2 "$heft" trian small.yaml
says err "unknown verb 'trian' (did you mean 'train'?)"
expect 2 "$heft" train
says err "1 argument expected, found 0"

# What is allowed and hardly meant is told, by check and by train.
cat >twice.yaml <<'YAML'
data: {format: digits, samples: 64}
model: [{dense: {units: 10, activation: softmax}}]
loss: softmax_cross_entropy
optimizer: adam
train: {epochs: 1}
YAML
for verb in check train; do
    expect 0 "$heft" $verb twice.yaml
    says err "warning: loss: softmax_cross_entropy takes logits and has a softmax of its own; behind that of layer 'dense_1_softmax'"
done
rm -r runs

# check
expect 0 "$heft" check small.yaml
silent err
says out "small.yaml: ok"
says out "hidden"
[ ! -e runs ] || die "check made runs/"
expect 0 "$heft" check small.yaml model.hidden.units=9 --json
says out '"name": "hidden", "type": "dense"'
says out '"output_shape": [9]'
expect 2 "$heft" check small.yaml model.hidden.unit=9 train.epoch=4 optimizer.adam.beta=1
for word in units epochs beta1; do says err "did you mean '$word'"; done
silent out
expect 2 "$heft" check small.yaml data.normalise=standard
says err "did you mean 'normalize'"
expect 2 "$heft" check no-such.yaml
says err "no-such.yaml"

# train
expect 0 "$heft" train small.yaml
[ "$(cat out)" = runs/small-0001 ] || die "stdout is not the run's directory"
[ "$(grep -c '^epoch [123]/3 .* val_r2 ' err)" = 3 ] || die "not one line an epoch"
if grep -q '^epoch [12]/3 .* test_r2 ' err; then die "test data before the end"; fi
grep -q '^epoch 3/3 .* test_r2 ' err || die "no test data at the end"
for f in experiment.yaml metrics.h5 log.txt provenance.json checkpoints/latest checkpoints/best; do
    [ -s runs/small-0001/$f ] || die "no $f"
done

# A metric that is no number, since all prices held out are above 0.5, is printed; that it is watched in vain is told once.
cat >none.yaml <<'YAML'
seed: 3
data: {format: houses, samples: 200, validation: 0.1}
model: [{dense: {units: 1}}]
loss: mean_absolute_error
metrics: [{auc: {binary: true}}]
optimizer: {adam: {lr: 1e-2}}
train: {epochs: 2, stop: {monitor: val_auc, patience: 5}}
checkpoint: {best: val_auc}
YAML
expect 0 "$heft" train none.yaml
[ "$(grep -c '^epoch [12]/2 .* val_auc nan ' err)" = 2 ] || die "no nan"
says err "warning: checkpoint.best: val_auc is not a number after epoch 1; no checkpoint is kept as the best by an epoch where it is none"
says err "warning: train.stop.monitor: val_auc is not a number after epoch 1; an epoch where it is none counts as no improvement"
[ "$(grep -c warning err)" = 2 ] || die "told twice"
[ ! -e "$(cat out)/checkpoints/best" ] || die "a best of nothing"
expect 0 "$heft" train none.yaml 'checkpoint={}' 'train.stop={monitor: val_loss, patience: 5}' 'optimizer={adam: {lr: {plateau: {initial: 1e-2, monitor: val_auc}}}}'
says err "warning: plateau.monitor: val_auc is not a number after epoch 1; an epoch where it is none counts as no improvement"
[ "$(grep -c warning err)" = 1 ] || die "plateau is told of twice, or of what is a number"

expect 0 "$heft" train small.yaml train.epochs=1
[ "$(cat out)" = runs/small-0002 ] || die "a second run is not runs/small-0002"
expect 2 "$heft" train small.yaml --run runs/small-0001
says err "runs/small-0001"
expect 2 "$heft" train small.yaml optimizer.adam.lr=fast
says err "lr"
expect 1 "$heft" train small.yaml optimizer='{sgd: {lr: 1000}}' --run diverged
says err "loss"

# The experiment in the run trains the same run again, from anywhere.
mkdir elsewhere
expect 0 "$heft" train runs/small-0001/experiment.yaml --run elsewhere/again
cmp "$(newest runs/small-0001)" "$(newest elsewhere/again)" || die "the resolved experiment trains another run"

# eval
expect 0 "$heft" eval runs/small-0001
says out "r2"
expect 0 "$heft" eval runs/small-0001 --json
grep -q '^{.*"loss": [0-9.e-]*, "r2": [0-9.]*}$' out || die "no JSON from eval"
expect 0 "$heft" eval "$(newest runs/small-0001)"
expect 2 "$heft" eval runs/small-0001 --split tset
says err "test"
expect 2 "$heft" eval runs/none
says err "runs/none"

# predict
expect 0 "$heft" predict runs/small-0001 --input 5
[ "$(wc -l <out)" = 6 ] || die "not a heading and 5 rows"
cp out five.csv
expect 0 "$heft" predict runs/small-0001 --input 5 --output made.csv
silent out
cmp made.csv five.csv || die "the file is not what the terminal showed"
expect 0 "$heft" predict runs/small-0001 --input 5 --output made.h5
h5ls made.h5 >listed
says listed "predictions"
expect 2 "$heft" predict runs/small-0001
says err "--input"
expect 2 "$heft" predict runs/small-0001 --input no-such.csv
says err "no-such.csv"

# show, plugins, gradcheck
expect 0 "$heft" show runs/small-0001
says out "hidden"
expect 0 "$heft" plugins
says out "dense"
expect 0 "$heft" plugins dense
says out "units"
expect 2 "$heft" plugins dens
says err "did you mean 'dense'?"
expect 0 "$heft" gradcheck small.yaml
says out "agrees"

# resume: nothing left; more epochs; the same as in one go.
expect 0 "$heft" resume runs/small-0001
expect 0 "$heft" resume runs/small-0002 train.epochs=3
# (The row of epoch 1 has test columns, as the run was to end there.)
weights_of() { h5dump -m '%.17g' -g /layers -g /optimizer -g /trainer "$1" | tail -n +2 | sha256sum; }
[ "$(weights_of "$(newest runs/small-0002)")" = "$(weights_of "$(newest runs/small-0001)")" ] || die "1 + 2 epochs are not 3 epochs"
expect 0 "$heft" train small.yaml --run runs/small-0001 --resume
expect 0 "$heft" train small.yaml --run fresh --resume

# train --resume goes on with the experiment as it is now, or says why it cannot.
expect 0 "$heft" train small.yaml --run fresh --resume optimizer.adam.lr=5e-3 train.epochs=4
says err "optimizer.adam.lr: 5e-3 from here on (1e-2 before)"
says err "train.epochs: 4 from here on (3 before)"
expect 1 "$heft" show --diff fresh runs/small-0001
says out "optimizer.adam.lr  5e-3  1e-2"
[ "$(h5dump -d /metrics/epochs "$(newest fresh)" | grep -c '([0-9]*): {')" = 4 ] || die "not gone on to epoch 4"
expect 2 "$heft" train small.yaml --run fresh --resume seed=4
says err "seed: the run was trained with 3 and cannot go on with 4"
expect 2 "$heft" train small.yaml --run fresh --resume
says err "train.epochs: the run has done 4 epochs and cannot go on to 3"
expect 2 "$heft" train nowhere.yaml --run fresh --resume
says err "nowhere.yaml"
# One that has saved nothing yet is begun again, and only as it was.
mkdir young
cp fresh/experiment.yaml young
expect 2 "$heft" train small.yaml --run young --resume optimizer.adam.lr=5e-3
says err "optimizer.adam.lr: the run was begun with 1e-2, and not with 5e-3; nothing of it is saved, so it can be removed"
expect 0 "$heft" train small.yaml --run young --resume train.threads=1
expect 1 "$heft" show --diff runs/small-0001 young
says out "train.threads  2  1"
! grep -q /layers out || die "another number of threads, other weights"
expect 0 "$heft" show --verify runs/small-0001 young
expect 2 "$heft" resume elsewhere
says err "elsewhere"

# A result that cannot be written is a failure.
if [ -w /dev/full ]; then
    status=0
    "$heft" plugins >/dev/full 2>err || status=$?
    [ $status = 1 ] || die "exit status $status though stdout was full"
fi
echo "verbs: ok"
