#!/bin/bash
# weights.sh BUILD_DIR SOURCE_DIR: weights of samples, averaged weights, weights from a file, padding and matrices of metrics, as a user
# meets them: trained, stopped and resumed, judged, shown, read from the files.
. "$(dirname "$0")/lib.bash"

mkdir data other
awk 'BEGIN { print "a,b,kind,w"; for (i = 0; i < 160; i++) print i * 7 % 13 "," i * 5 % 11 "," (i * 7 % 13 > i * 5 % 11 ? "more" : "less") "," (i % 4) / 2 }' >data/t.csv
cat >first.yaml <<'YAML'
name: first
data: {format: csv, root: data, train: t.csv, target: kind, weight: w, validation: 0.2, test: 0.2, normalize: standard}
model:
  - dense: {units: 6, activation: relu, name: hidden, init: {weight: {he_normal: {gain: relu}}}}
  - batch_norm
  - dense: {units: 2, name: out, init: {weight: lsuv}}
loss: softmax_cross_entropy
metrics: [accuracy, confusion_matrix]
optimizer: {adam: {lr: 1e-2}}
train: {epochs: 6, batch: 16, average: {ema: {decay: 0.9, start: 10}}}
YAML

# The whole, and the same stopped and resumed: equal state, matrices and averages included.
expect 0 "$heft" check first.yaml
expect 0 "$heft" train first.yaml --run whole
says err "val_confusion_matrix"
expect 75 "$heft" train first.yaml --run parts --until-epoch 2
expect 0 "$heft" resume parts
[ "$(state_of "$(newest whole)")" = "$(state_of "$(newest parts)")" ] || die "a resumed run ends elsewhere"
h5dump -n "$(newest whole)" >names
for name in /trainer/weights/hidden/weight /metrics/matrices/confusion_matrix/validation /metrics/matrices/confusion_matrix/test; do
    says names "$name"
done
h5dump -d /matrices/confusion_matrix/test whole/metrics.h5 >dumped
says dumped "( 2, 2 )"
says dumped 'ATTRIBUTE "epoch"'
h5dump -d /matrices/class_name whole/metrics.h5 >dumped
says dumped '"less", "more"'

# What is judged is what is kept: eval of the run gives the figures of its table; predict goes without weights of samples.
h5dump -d /epochs -y -m '%.6g' whole/metrics.h5 | tr -d ' \n' >table
expect 0 "$heft" eval whole --json
loss=$(sed -n 's/.*"loss": \([0-9.]*\).*/\1/p' out)
says table "$(printf %.6g "$loss")"
cut -d, -f1-3 data/t.csv >data/new.csv
expect 0 "$heft" predict whole --input data/new.csv
[ "$(wc -l <out)" = 161 ] || die "not a prediction for each row"
expect 0 "$heft" eval whole --data data/new.csv
expect 0 "$heft" show whole
says out "The weights are an exponential average (ema, decay 0.9) of 26: the weights after every step from step 11 on."
expect 0 "$heft" show whole --json
says out '"average": "an exponential average (ema'
expect 0 "$heft" schema
for word in '"average"' '"lsuv"' '"swa"' '"leaky_relu"'; do says out "$word"; done

# Without the weights everything counts the same, and the path is another.
expect 0 "$heft" train first.yaml data.weight=null data.drop=w --run plain
[ "$(state_of "$(newest whole)")" != "$(state_of "$(newest plain)")" ] || die "weights of samples change nothing"

# A second experiment begins with the weights of the first, from wherever its own copy is trained again.
checkpoint=$(newest whole)
cat >second.yaml <<YAML
name: second
base: first.yaml
model:
  - dense: {units: 6, activation: relu, name: hidden, frozen: true, init: {weight: {file: {path: $checkpoint}}, bias: {file: {path: $checkpoint}}}}
  - dense: {units: 2, name: new}
train: {epochs: 1}
YAML
expect 0 "$heft" train second.yaml --run second
h5dump -d /layers/hidden/weight -m '%.9g' -y "$checkpoint" | sed -n '/DATA {/,/}/p' >before
h5dump -d /layers/hidden/weight -m '%.9g' -y "$(newest second)" | sed -n '/DATA {/,/}/p' >after
cmp -s before after || die "frozen weights from a file are others at the end"
h5dump -d /initial/sha256 "$(newest second)" >dumped
says dumped "$(sha256sum "$checkpoint" | cut -d' ' -f1)"
cp second/experiment.yaml other/
(cd other && expect 0 "$heft" train experiment.yaml --run again)
[ "$(state_of "$(newest second)")" = "$(state_of "$(newest other/again)")" ] || die "the resolved experiment trains another run"
mv whole elsewhere
expect 0 "$heft" resume second train.epochs=2
expect 2 "$heft" train second.yaml --run third
says err "second.yaml:4:85: error: layer 'hidden': weight from a file: "
says err "there is no such file"
mv elsewhere whole
expect 2 "$heft" check second.yaml model.hidden.units=7
says err "hidden"

# Mistakes.
expect 2 "$heft" check first.yaml data.weight=ww train.average=emma 'model.hidden.init.weight={he_normal: {gain: relo}}'
says err "has no column ww"
expect 2 "$heft" check first.yaml train.average=emma 'model.hidden.init.weight={he_normal: {gain: relo}}'
says err "there is no 'emma'; ema and swa are known"
says err "did you mean 'relu'"
expect 0 "$heft" check first.yaml 'loss={softmax_cross_entropy: {class_weights: [1, 2]}}' 'metrics=[f1, auc, {accuracy: {ignore_index: 0}}]'

# A metric whose tallies know of no weights is refused beside them.
mkdir mine
cat >mine/once.c <<'C'
#include <heft/plugin.h>
static int plan(void *self, heft_layer_plan *p)
{
    (void)self;
    p->out = (heft_shape){ HEFT_F32, 0 };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "rows", .role = HEFT_TALLY, .shape = { HEFT_F32, 0 } };
    p->tensor[p->n_tensors++] = (heft_tensor){ .name = "value", .role = HEFT_STATE, .shape = { HEFT_F32, 0 } };
    return 0;
}
static void forward(const void *self, const heft_forward *p)
{
    (void)self;
    p->tally[0][0] += (double)p->n;
    for (int64_t i = 0; i < p->n; i++) p->out[i] = 0;
}
static void fold(const void *self, const heft_fold *p) { (void)self; p->state[0][0] = (float)p->total[0][0]; }
HEFT_EXPORT const heft_layer heft_plugin = {
    .head = HEFT_HEAD(heft_layer, HEFT_LAYER, "once", "metric: how many", 0, NULL),
    .min_in = 2, .max_in = 2, .plan = plan, .forward = forward, .fold = fold, .goal = HEFT_MAXIMIZE };
C
cc -std=c17 -O2 -ffp-contract=off -fPIC -shared -fvisibility=hidden -I "$source_dir/framework/include" mine/once.c -o mine/once.so
expect 2 "$heft" check first.yaml 'plugins=[mine]' 'metrics=[once]'
says err "once counts every sample once"
says err "leave out one of the two"
expect 0 "$heft" check first.yaml 'plugins=[mine]' 'metrics=[once]' data.weight=null data.drop=w

# Padding: what stands behind a sentence changes nothing of its prediction.
cat >text.yaml <<'YAML'
data: {format: noise, samples: 64, test: 8, shape: [6], vocabulary: 5, classes: 3}
model:
  - embedding: {units: 8, padding: 0, name: words}
  - multi_head_attention: {heads: 2, inputs: [words, input], name: attention}
  - global_avg_pool: {inputs: [attention, input]}
  - dense: {units: 3}
loss: softmax_cross_entropy
optimizer: adam
train: {epochs: 2, batch: 16}
YAML
expect 0 "$heft" train text.yaml --run text
expect 0 "$heft" gradcheck text.yaml
expect 2 "$heft" check text.yaml 'model.attention.inputs=[words, words]'
says err "needs a second input [6], a token or a number for each position"
echo "weights: ok"
