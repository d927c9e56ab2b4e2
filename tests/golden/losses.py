#!/usr/bin/env python3
"""Losses, their gradients and metrics by PyTorch and scikit-learn, in double, for tests/losses/test_losses.c.

    /usr/bin/python3 tests/golden/losses.py > tests/golden/losses.inc
    /usr/bin/python3 tests/golden/losses.py weighted > tests/golden/weighted.inc
"""
import sys
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


def weighted_cross_entropy():
    """Sums over a sample's rows where rows weigh (labels), else means."""
    name = "softmax_cross_entropy"

    def add(options, x, t, limit, smoothing=0.0, **extra):
        weight = extra.pop("weight", None)
        weight = None if weight is None else torch.tensor(weight, dtype=torch.float64)

        def per_sample(x, t):
            flat = t.flatten() if t.dtype == torch.int64 else t.flatten(0, -2)
            each = F.cross_entropy(x.flatten(0, -2), flat, reduction="none", label_smoothing=smoothing, weight=weight, **extra)
            each = each.reshape(len(x), -1)
            return each.sum(1) if limit is not None else each.mean(1)
        loss(name, options, x, t, limit, per_sample)
    labels = lambda classes, *dims: rng.integers(0, classes, dims)
    w = [0.5, 2, 0, 1.25]
    text = "class_weights: [0.5, 2, 0, 1.25]"
    add("{%s}" % text, normal(6, 4, scale=2), labels(4, 6), 4, weight=w)
    add("{%s, label_smoothing: 0.2}" % text, normal(6, 4, scale=2), labels(4, 6), 4, 0.2, weight=w)
    add("{%s, ignore_index: 1}" % text, normal(6, 4), labels(4, 6), 4, weight=w, ignore_index=1)
    add("{ignore_index: 0}", normal(4, 5, 3), labels(3, 4, 5), 3, ignore_index=0)
    add("{ignore_index: 3, label_smoothing: 0.1}", normal(5, 7, 3), labels(4, 5, 7), 4, 0.1, ignore_index=3)    # no class
    add("{%s, ignore_index: 2}" % text, normal(3, 4, 4), labels(4, 3, 4), 4, weight=w, ignore_index=2)
    add("{%s, label_smoothing: 0.3}" % text, normal(4, 4), probabilities(4, 4), None, 0.3, weight=w)
    add("{%s}" % text, normal(3, 2, 4), probabilities(3, 2, 4), None, weight=w)


def weighted_binary_cross_entropy():
    def add(options, x, t, limit, weight):
        def per_sample(x, t):
            each = F.binary_cross_entropy_with_logits(x, t.to(torch.float64), reduction="none",
                                                      pos_weight=torch.tensor(weight, dtype=torch.float64))
            return each.reshape(len(x), -1).mean(1)
        loss("binary_cross_entropy", options, x, t, limit, per_sample)
    add("{pos_weight: 3}", normal(5, 1, scale=3), rng.integers(0, 2, (5, 1)), 2, 3.0)
    add("{pos_weight: 0}", normal(4, 3), rng.uniform(0, 1, (4, 3)).astype(f32), None, 0.0)
    add("{pos_weight: [0.5, 1, 8]}", normal(4, 2, 3, scale=2), rng.uniform(0, 1, (4, 2, 3)).astype(f32), None, [0.5, 1, 8])
    add("{pos_weight: 20}", np.array([[100], [-100], [1e4], [-1e4]]), np.array([[1], [1], [0], [0]], f32), None, 20.0)


def numbers():
    """Losses of numbers: a mean over a sample's outputs of a function of (x, t)."""
    def add(name, options, of, x, t):
        loss(name, options, x, np.asarray(t, f32), None, lambda x, t: of(x, t).reshape(len(x), -1).mean(1))

    def pairs(scale=2):
        for dims in ((5, 1), (4,), (4, 3), (2, 2, 9)):
            yield normal(*dims, scale=scale), normal(*dims, scale=scale)
    far = np.array([[2e5, 3.5], [-1e-3, 1e6]]), np.array([[1.9e5, 3.25], [1e-3, 1e6 + 1]])
    for delta in (1, 0.3, 5):
        for x, t in [*pairs(), far]:
            add("huber", "" if delta == 1 else "{delta: %g}" % delta, lambda x, t: F.huber_loss(x, t, reduction="none", delta=delta), x, t)
    for beta in (1, 0.25, 0):
        for x, t in pairs():
            add("smooth_l1", "" if beta == 1 else "{beta: %g}" % beta,
                lambda x, t: F.smooth_l1_loss(x, t, reduction="none", beta=beta), x, t)
    for x, t in pairs():
        add("log_cosh", "", lambda x, t: torch.log(torch.cosh(x - t)), x, t)
    for x, t in pairs(1):
        t = np.abs(np.round(3 * t))
        rate = np.abs(x).astype(f32) + f32(0.1)
        poisson = lambda log_input, full: lambda x, t: F.poisson_nll_loss(x, t, log_input, full, reduction="none")
        add("poisson", "", poisson(True, False), x, t)
        add("poisson", "{full: true}", poisson(True, True), x, t)
        add("poisson", "{log_input: false}", poisson(False, False), rate, t)
        add("poisson", "{log_input: false, full: true, eps: 1e-3}",
            lambda x, t: F.poisson_nll_loss(x, t, False, True, eps=1e-3, reduction="none"), rate, t)
    for power, name in ((1, "hinge"), (2, "squared_hinge")):
        of = lambda margin: lambda x, t: F.relu(margin - torch.where(t > 0, 1.0, -1.0) * x) ** power
        for x, t in pairs():
            add(name, "", of(1), x, np.sign(t))
            add(name, "{margin: 0.25}", of(0.25), x, t > 0)
        loss(name, "", normal(6, 1), rng.integers(0, 2, (6, 1)), 2, lambda x, t: of(1)(x, t).reshape(len(x), -1).mean(1))


def gaussian_nll():
    def add(options, x, t, variance, full=False):
        def per_sample(x, t):
            mean, s = x.reshape(*x.shape[:-1], 2, -1).unbind(-2)
            v = s.exp() if variance == "log" else s
            return F.gaussian_nll_loss(mean.reshape(t.shape), t, v.reshape(t.shape), full, reduction="none").reshape(len(x), -1).mean(1)
        loss("gaussian_nll", options, x, t, None, per_sample)
    add("", normal(5, 2), normal(5, 1), "log")
    add("{full: true}", normal(5, 2), normal(5), "log", True)
    add("", normal(3, 4, 6), normal(3, 4, 3), "log")
    add("{variance: plain}", np.abs(normal(4, 6)) + 0.1, normal(4, 3), "plain")
    add("{variance: plain, full: true}", np.abs(normal(4, 2)) + 0.1, normal(4), "plain", True)


def vectors():
    def rows(of):
        return lambda x, t: of(x, t).reshape(len(x), -1).mean(1)
    cosine = rows(lambda x, t: 1 - F.cosine_similarity(x, t, dim=-1))
    for dims in ((4, 5), (3, 2, 7), (4, 1)):
        loss("cosine_similarity", "", normal(*dims), normal(*dims), None, cosine)
    of = {"": lambda x, t: F.kl_div(F.log_softmax(x, -1), t, reduction="none").sum(-1),
          "{input: log_probabilities}": lambda x, t: F.kl_div(x, t, reduction="none").sum(-1),
          "{input: probabilities}": lambda x, t: F.kl_div(torch.log(x), t, reduction="none").sum(-1)}
    for options, kl in of.items():
        for dims in ((5, 4), (3, 2, 6)):
            x = normal(*dims, scale=2) if options == "" else probabilities(*dims)
            t = probabilities(*dims)
            t[0, ..., 0] = 0                            # 0 log 0
            loss("kl_divergence", options, np.log(x) if "log" in options else x, t, None, rows(kl))


def categorical_hinge():
    def add(options, margin, x, t, limit):
        def per_sample(x, t):
            y = t if t.dtype == torch.int64 else t.argmax(-1)
            own = x.gather(-1, y[..., None])
            other = x.scatter(-1, y[..., None], -float("inf")).max(-1, keepdim=True).values
            return F.relu(margin + other - own).reshape(len(x), -1).mean(1)
        loss("categorical_hinge", options, x, t, limit, per_sample)
    add("", 1, normal(6, 4), rng.integers(0, 4, 6), 4)
    add("{margin: 0.2}", 0.2, normal(4, 3, 5), rng.integers(0, 5, (4, 3)), 5)
    add("", 1, normal(5, 2), rng.integers(0, 2, 5), 2)
    add("", 1, normal(5, 3), probabilities(5, 3), None)


def focal():
    def binary(alpha, gamma):                           # torchvision.ops.sigmoid_focal_loss
        def per_sample(x, t):
            t = (t > 0.5).to(torch.float64)
            ce = F.binary_cross_entropy_with_logits(x, t, reduction="none")
            p = torch.sigmoid(x)
            p = p * t + (1 - p) * (1 - t)
            return ((alpha * t + (1 - alpha) * (1 - t)) * ce * (1 - p) ** gamma).reshape(len(x), -1).mean(1)
        return per_sample

    def softmax(alpha, gamma):
        def per_sample(x, t):
            y = t if t.dtype == torch.int64 else t.argmax(-1)
            log_p = F.log_softmax(x, -1).gather(-1, y[..., None])
            return (-alpha * (1 - log_p.exp()) ** gamma * log_p).reshape(len(x), -1).mean(1)
        return per_sample
    name = "focal"
    loss(name, "", normal(6, 1, scale=3), rng.integers(0, 2, (6, 1)), 2, binary(0.25, 2))
    loss(name, "{alpha: 0.6, gamma: 0.5}", normal(4, 3), rng.uniform(0, 1, (4, 3)).astype(f32), None, binary(0.6, 0.5))
    loss(name, "{gamma: 0, alpha: 1}", normal(4, 3), rng.integers(0, 2, (4, 3)), 2, binary(1, 0))
    loss(name, "", normal(6, 5, scale=2), rng.integers(0, 5, 6), 5, softmax(0.25, 2))
    loss(name, "{alpha: 1, gamma: 0.5}", normal(3, 4, 3), rng.integers(0, 3, (3, 4)), 3, softmax(1, 0.5))
    loss(name, "{form: softmax, gamma: 3}", normal(4, 3), probabilities(4, 3), None, softmax(0.25, 3))
    loss(name, "{form: softmax, gamma: 0}", normal(4, 3), probabilities(4, 3), None, softmax(0.25, 0))


def smooth_binary_cross_entropy():
    def add(s, x, t, limit):
        def per_sample(x, t):
            return F.binary_cross_entropy_with_logits(x, (1 - s) * t.to(torch.float64) + s / 2, reduction="none").reshape(len(x), -1).mean(1)
        loss("binary_cross_entropy", "{label_smoothing: %g}" % s, x, t, limit, per_sample)
    add(0.1, normal(5, 3, scale=3), rng.integers(0, 2, (5, 3)), 2)
    add(0.5, normal(4, 2), rng.uniform(0, 1, (4, 2)).astype(f32), None)
    add(1, normal(3, 1), rng.integers(0, 2, (3, 1)), 2)


def focal_by_class():
    def softmax(alpha, gamma, ignore):
        def per_sample(x, t):
            log_p = F.log_softmax(x, -1).gather(-1, t.clamp(max=x.shape[-1] - 1)[..., None])[..., 0]
            a = torch.tensor(alpha, dtype=torch.float64)[t.clamp(max=x.shape[-1] - 1)]
            each = torch.where(t == ignore, 0, -a * (1 - log_p.exp()) ** gamma * log_p).reshape(len(x), -1)
            return each.mean(1) if ignore < 0 else each.sum(1)
        return per_sample

    def binary(alpha, gamma, ignore):
        def per_sample(x, t):
            keep, t = t != ignore, (t == 1).to(torch.float64)
            p = torch.sigmoid(x * (2 * t - 1))
            each = torch.where(keep, -(alpha * t + (1 - alpha) * (1 - t)) * (1 - p) ** gamma * p.log(), 0)
            return each.reshape(len(x), -1).sum(1)
        return per_sample
    loss("focal", "{alpha: [0.5, 0.1, 1]}", normal(5, 3), rng.integers(0, 3, 5), 3, softmax([0.5, 0.1, 1], 2, -1))
    loss("focal", "{alpha: [0.5, 0.1, 1], ignore_index: 1, gamma: 1}", normal(4, 6, 3), rng.integers(0, 3, (4, 6)), 3, softmax([0.5, 0.1, 1], 1, 1))
    loss("focal", "{ignore_index: 3}", normal(4, 6, 3), rng.integers(0, 4, (4, 6)), 4, softmax([0.25] * 3, 2, 3))
    loss("focal", "{ignore_index: 2, form: binary}", normal(5, 4), rng.integers(0, 3, (5, 4)), 3, binary(0.25, 2, 2))


def weighted():
    """PyTorch's mean over minibatches of logits x W, W the unit matrix, and its gradient by W: tests/model/test_weighted_loss.c."""
    n, k = 70, 4
    x, t = normal(n, k, scale=2), rng.integers(0, k, n)
    print("/* Written by losses.py weighted (torch %s); see there. */" % torch.__version__.split("+")[0])
    print("enum { N = %d, K = %d };" % (n, k))
    print(wrapped("static const float x[N][K] = { %s };" % ", ".join("{ " + ", ".join(number(v) for v in r) + " }" for r in x)))
    print(wrapped("static const int32_t label[N] = { %s };" % ", ".join(map(str, t))))
    print("static const struct { const char *loss; int n; double mean; float dw[K][K]; } golden[] = {")
    w = [0.5, 2, 0.1, 1.25]
    text = "class_weights: [0.5, 2, 0.1, 1.25]"
    for m in (n, 7):
        for options, extra in (("{%s}" % text, dict(weight=w)), ("{ignore_index: 2}", dict(ignore_index=2)),
                               ("{%s, ignore_index: 0}" % text, dict(weight=w, ignore_index=0)),
                               ("{%s, label_smoothing: 0.1}" % text, dict(weight=w, label_smoothing=0.1))):
            if "weight" in extra:
                extra["weight"] = torch.tensor(extra["weight"], dtype=torch.float64)
            matrix = torch.eye(k, dtype=torch.float64, requires_grad=True)
            mean = F.cross_entropy(torch.tensor(x[:m], dtype=torch.float64) @ matrix, torch.tensor(t[:m]), **extra)
            mean.backward()
            rows = ", ".join("{ " + ", ".join(number(v) for v in r) + " }" for r in matrix.grad.numpy())
            print(wrapped('{ "%s", %d, %.12g, { %s } },' % (options, m, mean.item(), rows)))
    print("};")


def everything():
    print("/* Written by losses.py (torch %s); see there. */" % torch.__version__.split("+")[0])
    softmax_cross_entropy()
    binary_cross_entropy()
    differences()
    accuracy()
    r2()
    weighted_cross_entropy()
    weighted_binary_cross_entropy()
    numbers()
    gaussian_nll()
    vectors()
    categorical_hinge()
    focal()
    smooth_binary_cross_entropy()
    focal_by_class()


weighted() if sys.argv[-1] == "weighted" else everything()
