#!/bin/bash
# plugin.sh BUILD_DIR SOURCE_DIR: a layer in one file outside the tree, built by one cc line, named in `plugins:`, trains (R4).
. "$(dirname "$0")/lib.bash"

before=$(cd "$source_dir" && find framework plugins experiments -type f -newer "$heft" | wc -l)
mkdir my-plugins
# shellcheck disable=SC2016  # backquotes are Markdown's
c_block 1 "$source_dir/README.md" >my-plugins/swish.c
grep -q heft_plugin my-plugins/swish.c || die "README.md shows no plugin"
cc -std=c17 -O3 -fPIC -shared -fvisibility=hidden -I "$source_dir/framework/include" my-plugins/swish.c -o my-plugins/swish.so

cat >mine.yaml <<'YAML'
name: mine
data: {format: houses, samples: 500, normalize: standard, normalize_target: standard}
model:
  - dense: {units: 8, activation: {swish: {beta: 1.5}}}
  - dense: {units: 1}
loss: mean_squared_error
metrics: [r2]
optimizer: {adam: {lr: 1e-2}}
train: {epochs: 2}
plugins: [my-plugins]
YAML
expect 0 "$heft" gradcheck mine.yaml
expect 0 "$heft" train mine.yaml --run mine
expect 0 "$heft" eval mine
expect 0 "$heft" plugins swish --dir my-plugins
says out "beta"
expect 2 "$heft" check mine.yaml 'plugins=[]'
says err "swish"
expect 2 "$heft" check mine.yaml 'model.0.dense.activation={swish: {bta: 1}}'
says err "did you mean 'beta'"
after=$(cd "$source_dir" && find framework plugins experiments -type f -newer "$heft" | wc -l)
[ "$before" = "$after" ] || die "something in the tree changed"
echo "plugin: ok"
