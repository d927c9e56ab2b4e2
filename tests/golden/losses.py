#!/usr/bin/env python3
"""Losses, their gradients and metrics by PyTorch and scikit-learn, in double, for tests/losses/test_losses.c.

    /usr/bin/python3 tests/golden/losses.py > tests/golden/losses.inc
"""
import textwrap
import warnings
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import accuracy_score, r2_score

rng = np.random.default_rng(20)
f32 = np.float32


def number(v):
    if np.isnan(v):
        return "NAN"
    s = "%.9g" % f32(v)
    return s + ("f" if "." in s or "e" in s else ".f")


def wrapped(text):
    return "\n".join(textwrap.wrap(text, 113, subsequent_indent="    ", break_long_words=False))


def floats(v):
    return "(const float[]){ " + ", ".join(number(x) for x in np.ravel(v)) + " }"


def ints(v):
    return "(const int32_t[]){ " + ", ".join(str(int(x)) for x in np.ravel(v)) + " }"


def shape(v, limit=None):
    dims = v.shape[1:]
    text = "{ %s, %d, { %s }" % ("HEFT_F32" if limit is None else "HEFT_I32", len(dims), ", ".join(map(str, dims)) or "0")
    return text + (" }" if limit is None else ", %d }" % limit)


def case(layer, options, x, t, limit, extra):
    rows = [('{ "%s", "%s", %d' % (layer, options, len(x))), ".shape = { %s, %s }" % (shape(x), shape(t, limit)),
            ".x = " + floats(x), (".t = " + floats(t)) if limit is None else (".labels = " + ints(t))] + extra
    print(",\n  ".join(wrapped(r) for r in rows) + " },")


def loss(layer, options, x, t, limit, per_sample):
    """per_sample: the loss of each sample from tensors (x, t); its gradient is taken against a weight of each sample."""
    x = np.asarray(x, f32)
    weight = rng.uniform(-1, 1, len(x)).astype(f32)
    tx = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    tt = torch.tensor(t, dtype=torch.int64 if limit is not None else torch.float64)
    value = per_sample(tx, tt)
    (value * torch.tensor(weight, dtype=torch.float64)).sum().backward()
    case(layer, options, x, t, limit, [".value = " + floats(value.detach().numpy()), ".dvalue = " + floats(weight),
                                       ".dx = " + floats(tx.grad.numpy())])


def normal(*dims, scale=1.0):
    return (scale * rng.standard_normal(dims)).astype(f32)


def probabilities(*dims):
    p = rng.uniform(0, 1, dims)
    return (p / p.sum(-1, keepdims=True)).astype(f32)


def cross_entropy(smoothing, time=False):
    def per_sample(x, t):
        if not time:
            return F.cross_entropy(x, t, reduction="none", label_smoothing=smoothing)
        each = F.cross_entropy(x.flatten(0, -2), t.flatten() if t.dtype == torch.int64 else t.flatten(0, -2),
                               reduction="none", label_smoothing=smoothing)
        return each.reshape(len(x), -1).mean(1)
    return per_sample


def softmax_cross_entropy():
    name = "softmax_cross_entropy"
    labels = lambda classes, *dims: rng.integers(0, classes, dims)
    loss(name, "", normal(5, 4, scale=3), labels(4, 5), 4, cross_entropy(0))
    loss(name, "", normal(5, 2), labels(2, 5), 2, cross_entropy(0))
    loss(name, "", normal(4, 17, scale=2), labels(17, 4), 17, cross_entropy(0))
    loss(name, "", normal(4, 5), labels(3, 4), 3, cross_entropy(0))                    # fewer labels than classes
    loss(name, "", np.array([[1000, -1000, 0], [-1e4, -1e4, -1e4], [88, 89, 90], [1e-30, 0, -200]]), np.array([1, 2, 0, 2]),
         3, cross_entropy(0))
    loss(name, "{label_smoothing: 0.1}", normal(5, 10, scale=2), labels(10, 5), 10, cross_entropy(0.1))
    loss(name, "{label_smoothing: 1}", normal(3, 4), labels(4, 3), 4, cross_entropy(1.0))
    loss(name, "", normal(5, 3, 4), labels(4, 5, 3), 4, cross_entropy(0, True))
    loss(name, "{label_smoothing: 0.2}", normal(3, 6, 5), labels(5, 3, 6), 5, cross_entropy(0.2, True))
    loss(name, "", normal(2, 2, 3, 4), labels(4, 2, 2, 3), 4, cross_entropy(0, True))
    loss(name, "", normal(5, 6, scale=2), probabilities(5, 6), None, cross_entropy(0))
    loss(name, "{label_smoothing: 0.1}", normal(4, 6), probabilities(4, 6), None, cross_entropy(0.1))
    loss(name, "", normal(4, 2, 3), probabilities(4, 2, 3), None, cross_entropy(0, True))
    loss(name, "{label_smoothing: 0.3}", normal(3, 4), rng.uniform(0, 2, (3, 4)).astype(f32), None, cross_entropy(0.3))


def binary_cross_entropy():
    name = "binary_cross_entropy"

    def per_sample(x, t):
        each = F.binary_cross_entropy_with_logits(x, t.to(torch.float64), reduction="none")
        return each.reshape(len(x), -1).mean(1)
    loss(name, "", normal(5, 1, scale=3), rng.uniform(0, 1, (5, 1)).astype(f32), None, per_sample)
    loss(name, "", normal(4), rng.integers(0, 2, 4).astype(f32), None, per_sample)
    loss(name, "", normal(4, 3, scale=2), rng.uniform(0, 1, (4, 3)).astype(f32), None, per_sample)
    loss(name, "", np.array([[100], [-100], [1e4], [-1e4], [0], [20], [-20]]),
         np.array([[1], [1], [0], [0], [1], [1], [0]], f32), None, per_sample)
    loss(name, "", normal(5, 1), rng.integers(0, 2, (5, 1)), 2, per_sample)
    loss(name, "", normal(4, 3), rng.integers(0, 2, (4, 3)), 2, per_sample)
    loss(name, "", normal(2, 2, 17), rng.uniform(0, 1, (2, 2, 17)).astype(f32), None, per_sample)


def differences():
    for name, of in (("mean_squared_error", F.mse_loss), ("mean_absolute_error", F.l1_loss)):
        def per_sample(x, t):
            return of(x, t, reduction="none").reshape(len(x), -1).mean(1)
        for dims in ((5, 1), (4,), (4, 3), (2, 2, 9)):
            x, t = normal(*dims, scale=2), normal(*dims, scale=2)
            x.flat[-1] = t.flat[-1]
            loss(name, "", x, t, None, per_sample)
        loss(name, "", np.array([[2e5, 3.5], [-1e-3, 1e6]]), np.array([[1.9e5, 3.25], [1e-3, 1e6 + 1]], f32), None, per_sample)


def accuracy():
    def metric(options, x, t, limit, per_sample):
        case("accuracy", options, np.asarray(x, f32), t, limit, [".value = " + floats(per_sample)])

    def right(label, guess):
        return np.array([accuracy_score(np.ravel(a), np.ravel(b)) for a, b in zip(label, guess)])
    x, t = normal(7, 4), rng.integers(0, 4, 7)
    metric("", x, t, 4, right(t, x.argmax(-1)))
    x, t = normal(5, 6, 3), rng.integers(0, 3, (5, 6))
    metric("", x, t, 3, right(t, x.argmax(-1)))
    ties = np.array([[1, 1, 0], [0, 1, 1], [2, 2, 2], [2, 2, 2]])
    t = np.array([0, 2, 0, 1])
    metric("", ties, t, 3, right(t, ties.argmax(-1)))
    x, p = normal(6, 4), probabilities(6, 4)
    metric("", x, p, None, right(p.argmax(-1), x.argmax(-1)))
    x, t = normal(6, 1), rng.integers(0, 2, (6, 1))
    metric("", x, t, 2, right(t, x > 0))
    metric("", x, t.astype(f32), None, right(t, x > 0))
    x, t = normal(6), rng.integers(0, 2, 6)
    metric("", x, t, 2, right(t, x > 0))
    x, t = normal(6, 5), rng.integers(0, 2, (6, 5))
    metric("", x, t, 2, right(t, x > 0))
    metric("{binary: true}", x, t.astype(f32), None, right(t, x > 0))
    x = np.array([[0.0], [0.0], [np.nan], [np.nan]], f32)
    metric("", x, np.array([[0], [1], [0], [1]]), 2, np.array([1, 0, 0, 0]))           # 0 is no; NaN is wrong
    x = np.array([[np.nan, 1], [1, np.nan], [np.nan, np.nan], [np.nan, np.nan]], f32)
    metric("", x, np.array([1, 0, 0, 1]), 2, np.array([0, 0, 0, 0]))


def r2():
    def metric(x, t):
        x, t = np.asarray(x, f32), np.asarray(t, f32)
        flat = lambda v: v.reshape(len(v), -1).astype(np.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = r2_score(flat(t), flat(x), multioutput="uniform_average")
        case("r2", "", x, t, None, [".state = " + floats([value])])
    t = normal(40, 1)
    metric(t + 0.3 * normal(40, 1), t)
    metric(normal(40, 1), t)
    t = normal(30)
    metric(0.5 * t, t)
    t = normal(25, 3, scale=4)
    metric(t + normal(25, 3), t)
    t = 2e5 + normal(64, 1, scale=1e4)
    metric(t + normal(64, 1, scale=5e3), t)
    t = 1e4 + normal(64, 1)                             # spread a ten-thousandth of the mean
    metric(t + normal(64, 1, scale=0.5), t)
    t = normal(8, 2)
    metric(t, t)
    constant = np.full((6, 1), 0.1)
    metric(constant, constant)
    metric(constant + normal(6, 1), constant)
    metric(normal(1, 1), normal(1, 1))                  # one sample: undefined


print("/* Written by losses.py (torch %s); see there. */" % torch.__version__.split("+")[0])
softmax_cross_entropy()
binary_cross_entropy()
differences()
accuracy()
r2()
