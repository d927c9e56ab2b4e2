#!/usr/bin/env python3
"""Means weighted by sample and their gradients by PyTorch, in double, for tests/model/test_sample_weights.c.

    /usr/bin/python3 tests/golden/sample_weights.py > tests/golden/sample_weights.inc

Logits are x W, W the unit matrix.  The mean is sum_i w_i loss_i / sum_i w_i of a loss with reduction='none'.
"""
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import f1_score

N, K = 70, 3
rng = np.random.default_rng(4)
x = rng.normal(size=(N, K)).astype(np.float32)
label = rng.integers(0, K, N)
weight = rng.choice([0, 0.5, 1, 2.25], N).astype(np.float32)


def floats(v):
    return ", ".join("%.9gf" % f if "." in "%.9g" % f or "e" in "%.9g" % f else "%.9g.f" % f for f in np.ravel(v))


def rows(v, width=10):
    v = list(np.ravel(v))
    return ",\n    ".join(floats(v[i:i + width]) for i in range(0, len(v), width))


print("/* Written by sample_weights.py with PyTorch %s; see there. */" % torch.__version__)
print("enum { N = %d, K = %d };" % (N, K))
print("static const float x[N * K] = {\n    %s };" % rows(x))
print("static const int32_t label[N] = {\n    %s };" % ", ".join(map(str, label)))
print("static const float weight[N] = {\n    %s };" % rows(weight))
print("static const struct { const char *loss; bool classes; int n; double mean, accuracy, f1, dw[K][K]; } golden[] = {")


def case(text, classes, n, per_sample, within=None):
    """within: what the loss weighs a sample of a class by itself."""
    w = torch.eye(K, dtype=torch.float64, requires_grad=True)
    tx, s = torch.tensor(x[:n], dtype=torch.float64), torch.tensor(weight[:n], dtype=torch.float64)
    y = tx @ w
    all = s * (within[torch.tensor(label[:n])] if within is not None else 1)
    mean = (s * per_sample(y, tx, torch.tensor(label[:n]))).sum() / all.sum()
    mean.backward()
    right = (y.argmax(1) == torch.tensor(label[:n])).double()
    f1 = f1_score(label[:n], y.argmax(1), average="macro", sample_weight=weight[:n])
    print('    { "%s", %s, %d, %.12g, %.12g, %.12g,\n      { %s } },' % (
        text, "true" if classes else "false", n, mean.item(), ((s * right).sum() / s.sum()).item(), f1,
        ",\n        ".join("{ " + ", ".join("%.12g" % v for v in row) + " }" for row in w.grad.tolist())))


for n in (N, 33):
    case("softmax_cross_entropy", True, n, lambda y, t, k: F.cross_entropy(y, k, reduction="none"))
    case("{softmax_cross_entropy: {label_smoothing: 0.1}}", True, n,
         lambda y, t, k: F.cross_entropy(y, k, label_smoothing=0.1, reduction="none"))
    case("mean_squared_error", False, n, lambda y, t, k: F.mse_loss(y, t.flip(1), reduction="none").mean(1))
    case("{huber: {delta: 0.5}}", False, n, lambda y, t, k: F.huber_loss(y, t.flip(1), delta=0.5, reduction="none").mean(1))
cw = torch.tensor([1, 0.25, 3], dtype=torch.float64)
for n in (N, 33):
    case("{softmax_cross_entropy: {class_weights: [1, 0.25, 3]}}", True, n,
         lambda y, t, k: F.cross_entropy(y, k, weight=cw, reduction="none"), cw)
    case("{softmax_cross_entropy: {ignore_index: 1}}", True, n, lambda y, t, k: F.cross_entropy(y, k, ignore_index=1, reduction="none"),
         torch.tensor([1, 0, 1], dtype=torch.float64))
print("};")
