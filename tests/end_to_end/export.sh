#!/bin/bash
# export.sh BUILD_DIR SOURCE_DIR: the weights of a run as npz and safetensors, read back by NumPy where there is one.
. "$(dirname "$0")/lib.bash"

cat >net.yaml <<'YAML'
name: net
data: {format: digits, samples: 64, test: 8, size: 8}
model: [conv2d: {filters: 3, kernel: 3, name: edges}, batch_norm, flatten, dense: {units: 10, name: out}]
loss: softmax_cross_entropy
optimizer: {adam: {lr: 1e-2}}
train: {epochs: 2, batch: 16, average: swa}
YAML
expect 0 "$heft" train net.yaml --run net
expect 0 "$heft" show net
says out "The weights are the mean (swa) of 2: the weights after every epoch from epoch 1 on."
expect 0 "$heft" export net --format npz
[ "$(cat out)" = net.npz ] || die "not the name of the run"
expect 0 "$heft" export "$(newest net)" --format safetensors
[ "$(cat out)" = "$(basename "$(newest net)" .h5).safetensors" ] || die "not the name of the checkpoint"
expect 0 "$heft" export net --output weights.safetensors
cmp weights.safetensors "$(basename "$(newest net)" .h5).safetensors" || die "a run is not its checkpoint"
cp net.npz first.npz
expect 0 "$heft" export net --output net.npz
cmp net.npz first.npz || die "the same weights make other bytes"

# What is wrong.
expect 2 "$heft" export net
says err "needs --format"
expect 2 "$heft" export net --output weights.bin
says err "npz, safetensors"
expect 2 "$heft" export net --format npy
says err "--format npy (did you mean 'npz'?): formats are npz, safetensors"
expect 1 "$heft" export none --format npz
says err "none"
expect 1 "$heft" export net --output nowhere/x.npz
says err "nowhere/x.npz"
expect 1 "$heft" export net.yaml --format npz
says err "net.yaml"
cp "$(newest net)" damaged.h5
chmod u+w damaged.h5
printf x | dd of=damaged.h5 bs=1 seek=2000 conv=notrunc status=none
expect 1 "$heft" export damaged.h5 --format npz
says err "damaged.h5"
if compgen -G '*damaged*.npz*' || compgen -G '*.tmp*'; then die "something was written"; fi

python=$(command -v /usr/bin/python3 || command -v python3) || { echo "export: ok (no Python)"; exit 0; }
"$python" -c 'import numpy, h5py' 2>err || { echo "export: ok (no NumPy or h5py)"; exit 0; }
cat >compare.py <<'PY'
import json, struct, sys
import h5py
import numpy as np
checkpoint, npz, safetensors = sys.argv[1:]
want = {}
with h5py.File(checkpoint) as f:
    f["/layers"].visititems(lambda name, x: want.update({name: x[()]}) if isinstance(x, h5py.Dataset) else None)
assert len(want) > 6, want.keys()
with np.load(npz) as f:
    assert set(f.files) == set(want), f.files
    for name in want:
        assert f[name].dtype == np.float32 and f[name].shape == want[name].shape and (f[name] == want[name]).all(), name
raw = open(safetensors, "rb").read()
n, = struct.unpack("<Q", raw[:8])
head = json.loads(raw[8:8 + n])
assert head.pop("__metadata__") == {"format": "heft"} and set(head) == set(want)
for name, x in head.items():
    begin, end = x["data_offsets"]
    v = np.frombuffer(raw[8 + n + begin:8 + n + end], "<f4").reshape(x["shape"])
    assert x["dtype"] == "F32" and v.shape == want[name].shape and (v == want[name]).all(), name
PY
expect 0 "$python" compare.py "$(newest net)" net.npz weights.safetensors
echo "export: ok"
