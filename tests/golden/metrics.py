#!/usr/bin/env python3
"""Metrics by scikit-learn, in double, for tests/losses/test_metrics.c.

    /usr/bin/python3 tests/golden/metrics.py > tests/golden/metrics.inc
"""
import textwrap
import warnings
import numpy as np
import sklearn
from sklearn import metrics as m

warnings.simplefilter("ignore")
print("/* Written by metrics.py (scikit-learn %s); see there. */" % sklearn.__version__)
rng = np.random.default_rng(30)
f32 = np.float32


def number(v):
    if np.isnan(v):
        return "NAN"
    if np.isinf(v):
        return "INFINITY" if v > 0 else "-INFINITY"
    s = "%.9g" % f32(v)
    return s + ("f" if "." in s or "e" in s else ".f")


def wrapped(text):
    return "\n".join(textwrap.wrap(text, 113, subsequent_indent="    ", break_long_words=False))


def shape(v, limit):
    dims = v.shape[1:]
    text = "%d, { %s }" % (len(dims), ", ".join(map(str, dims)) or "0")
    return "{ HEFT_F32, %s }" % text if limit is None else "{ HEFT_I32, %s, %d }" % (text, limit)


def case(name, options, x, t, limit, value, error=1e-6, w=None):
    """limit: of labels; None: the target is numbers.  error: what the value may be off by.  w: what each sample weighs."""
    x, t = np.asarray(x, f32), np.asarray(t, f32 if limit is None else np.int64)
    if limit is None:
        target = ".t = (const float[]){ %s }" % ", ".join(number(v) for v in t.ravel())
    else:
        target = ".labels = (const int32_t[]){ %s }" % ", ".join(map(str, t.ravel()))
    rows = ['{ "%s", "%s", %d' % (name, options, len(x)), ".shape = { %s, %s }" % (shape(x, None), shape(t, limit)),
            ".x = (const float[]){ %s }" % ", ".join(number(v) for v in x.ravel()), target,
            ".value = %s, .error = %g" % (number(value), error)]
    if w is not None:
        rows.insert(-1, ".w = (const float[]){ %s }" % ", ".join(number(v) for v in w))
    print(",\n  ".join(wrapped(r) for r in rows) + " },")


def normal(*dims):
    return rng.standard_normal(dims).astype(f32)


def labels(k, *dims):
    return rng.integers(0, k, dims)


def leaning(t, k, by):
    """Logits that lean towards the labels."""
    return normal(*t.shape, k) + f32(by) * np.eye(k, dtype=f32)[t]


scores = {"precision": m.precision_score, "recall": m.recall_score, "f1": m.f1_score}
for name, score in scores.items():
    t = labels(2, 31)
    x = normal(31, 1) + t[:, None] - f32(0.5)
    case(name, "", x, t[:, None], 2, score(t, x[:, 0] > 0))
    case(name, "{average: macro}", x, t[:, None], 2, score(t, x[:, 0] > 0))           # one class: yes
    x = leaning(t, 2, 1)
    case(name, "", x, t, 2, score(t, x.argmax(1)))
    case(name, "{average: macro}", x, t, 2, score(t, x.argmax(1), average="macro"))
    case(name, "", -np.abs(normal(9, 1)), labels(2, 9, 1), 2, 0)                        # nothing found
    t = labels(4, 40)
    x = leaning(t, 5, 1.5)
    x[:, 4] -= 100                                      # the fifth class does not occur
    for average in ("macro", "micro", "weighted"):
        case(name, "{average: %s}" % average, x, t, 5, score(t, x.argmax(1), average=average))
    case(name, "", x, t, 5, score(t, x.argmax(1), average="macro"))
    t[t == 3] = 0                                       # the fourth one only as an answer
    case(name, "", x, t, 5, score(t, x.argmax(1), average="macro"))
    t = labels(3, 7, 6)
    x = leaning(t, 3, 1)
    case(name, "", x, t, 3, score(t.ravel(), x.argmax(-1).ravel(), average="macro"))
    t = labels(2, 21, 3)
    x = normal(21, 3) + t - f32(0.5)
    for average in ("macro", "micro", "weighted"):
        case(name, "{average: %s}" % average, x, t, 2, score(t, x > 0, average=average))
    case(name, "{binary: true}", x, t, None, score(t, x > 0, average="macro"))
    t[:, 1], x[:, 1] = 0, -1                            # an output that is neither meant nor given counts as 0
    case(name, "", x, t, 2, score(t, x > 0, average="macro"))
    t = rng.dirichlet(np.ones(4), 12)
    x = normal(12, 4)
    case(name, "", x, t, None, score(t.astype(f32).argmax(1), x.argmax(1), average="macro"))

t = labels(7, 50)
x = leaning(t, 7, 1)
for k in (1, 2, 5, 7):
    case("top_k", "" if k == 5 else "{k: %d}" % k, x, t, 7, m.top_k_accuracy_score(t, x, k=k, labels=range(7)))
t = labels(3, 5, 4)
x = leaning(t, 3, 1)
case("top_k", "{k: 2}", x, t, 3, m.top_k_accuracy_score(t.ravel(), x.reshape(-1, 3), k=2, labels=range(3)))

t = labels(2, 200)
x = normal(200, 1) + t[:, None]
for options, error in (("", 5e-4), ("{bins: 100000}", 1e-4), ("{bins: 50}", 1e-2)):
    case("auc", options, x, t[:, None], 2, m.roc_auc_score(t, x[:, 0]), error)
case("auc", "", np.round(2 * x) / 2, t[:, None], 2, m.roc_auc_score(t, np.round(2 * x[:, 0]) / 2))      # many are equal
case("auc", "", 30 * x, t[:, None], 2, m.roc_auc_score(t, x[:, 0]), 5e-3)
case("auc", "", x, 1 - t[:, None], None, 1 - m.roc_auc_score(t, x[:, 0]), 5e-4)
x = leaning(t, 2, 0.7)
case("auc", "{bins: 100000}", x, t, 2, m.roc_auc_score(t, x[:, 1] - x[:, 0]), 1e-4)
t = labels(4, 150)
x = leaning(t, 4, 1)
p = np.exp(x.astype(float)) / np.exp(x.astype(float)).sum(1, keepdims=True)
case("auc", "{bins: 100000}", x, t, 4, m.roc_auc_score(t, p, multi_class="ovr"), 1e-4)
case("auc", "", x, t, 4, m.roc_auc_score(t, p, multi_class="ovr"), 5e-4)
t = labels(2, 60, 3)
x = normal(60, 3) + t
case("auc", "{bins: 100000}", x, t, 2, m.roc_auc_score(t, x), 1e-4)
case("auc", "{binary: true, bins: 100000}", x, t, None, m.roc_auc_score(t, x), 1e-4)
t[:, 1] = 1                                             # a column without a no
case("auc", "{bins: 100000}", x, t, 2, m.roc_auc_score(t[:, ::2], x[:, ::2]), 1e-4)
case("auc", "", normal(5, 1), np.ones((5, 1), int), 2, float("nan"))
case("auc", "", np.array([[np.nan], [np.inf], [1e30], [-np.inf], [-1e30]]), np.array([[1], [1], [1], [0], [0]]), 2, 5 / 6)

t = labels(5, 70)
x = leaning(t, 5, 2)
case("confusion_matrix", "", x, t, 5, m.confusion_matrix(t, x.argmax(1)).trace() / 70)

for dims in ((30, 1), (30,), (12, 4), (5, 3, 2)):
    t = (3 * normal(*dims) + 1).astype(f32)
    x = t + normal(*dims)
    flat = t.reshape(len(t), -1).astype(float), x.reshape(len(t), -1).astype(float)
    case("rmse", "", x, t, None, m.mean_squared_error(flat[0].ravel(), flat[1].ravel()) ** 0.5)
    case("mean_absolute_percentage_error", "", x, t, None, m.mean_absolute_percentage_error(*flat), 1e-5)
    case("explained_variance", "", x + 5, t, None, m.explained_variance_score(*flat))
t = np.full((9, 1), 0.1, f32)
case("explained_variance", "", t + f32(0.5), t, None, m.explained_variance_score(t, t + f32(0.5)))
case("explained_variance", "", t + normal(9, 1), t, None, 0)
case("explained_variance", "", normal(1, 1), normal(1, 1), None, float("nan"))

for k, dims in ((4, (33,)), (6, (5, 8))):
    t = labels(k, *dims)
    x = leaning(t, k, 1)
    p = np.exp(x.astype(float)) / np.exp(x.astype(float)).sum(-1, keepdims=True)
    loss = m.log_loss(t.ravel(), p.reshape(-1, k), labels=range(k))
    case("perplexity", "", x, t, k, np.exp(loss))
    keep = t.ravel() != 1
    case("perplexity", "{ignore_index: 1}", x, t, k, np.exp(m.log_loss(t.ravel()[keep], p.reshape(-1, k)[keep], labels=range(k))))

for k, dims in ((3, (20,)), (5, (6, 7))):
    t = labels(k, *dims)
    x = leaning(t, k, 1)
    keep = t != 1
    case("accuracy", "{ignore_index: 1}", x, t, k, m.accuracy_score(t[keep], x.argmax(-1)[keep]))
t = labels(4, 8, 3)                                     # the fourth label is none of the output's classes, and ignored
x = normal(8, 3, 3)
case("accuracy", "{ignore_index: 3}", x, t, 4, m.accuracy_score(t[t < 3], x.argmax(-1)[t < 3]))


# ---- samples that do not weigh the same ----

def weights(n):
    return rng.choice([0.25, 0.5, 1, 2.25, 4], n).astype(f32)


for name, score in scores.items():
    t, w = labels(2, 31), weights(31)
    x = normal(31, 1) + t[:, None] - f32(0.5)
    case(name, "", x, t[:, None], 2, score(t, x[:, 0] > 0, sample_weight=w), w=w)
    t, w = labels(4, 40), weights(40)
    x = leaning(t, 4, 1.5)
    for average in ("macro", "micro", "weighted"):
        case(name, "{average: %s}" % average, x, t, 4, score(t, x.argmax(1), average=average, sample_weight=w), w=w)
    t, w = labels(2, 21, 3), weights(21)
    x = normal(21, 3) + t - f32(0.5)
    case(name, "{average: macro}", x, t, 2, score(t, x > 0, average="macro", sample_weight=w), w=w)
    t, w = labels(3, 7, 6), weights(7)
    x = leaning(t, 3, 1)
    case(name, "", x, t, 3, score(t.ravel(), x.argmax(-1).ravel(), average="macro", sample_weight=w.repeat(6)), w=w)

t, w = labels(7, 50), weights(50)
x = leaning(t, 7, 1)
case("top_k", "{k: 2}", x, t, 7, m.top_k_accuracy_score(t, x, k=2, labels=range(7), sample_weight=w), w=w)
case("accuracy", "", x, t, 7, m.accuracy_score(t, x.argmax(1), sample_weight=w), w=w)
keep = t != 1
case("accuracy", "{ignore_index: 1}", x, t, 7, m.accuracy_score(t[keep], x.argmax(1)[keep], sample_weight=w[keep]), w=w)
case("confusion_matrix", "", x, t, 7, m.confusion_matrix(t, x.argmax(1), sample_weight=w).trace() / w.sum(), w=w)
p = np.exp(x.astype(float)) / np.exp(x.astype(float)).sum(1, keepdims=True)
case("perplexity", "", x, t, 7, np.exp(m.log_loss(t, p, labels=range(7), sample_weight=w)), w=w)
case("perplexity", "{ignore_index: 1}", x, t, 7, np.exp(m.log_loss(t[keep], p[keep], labels=range(7), sample_weight=w[keep])), w=w)
t, w = labels(2, 200), weights(200)
x = normal(200, 1) + t[:, None]
case("auc", "{bins: 100000}", x, t[:, None], 2, m.roc_auc_score(t, x[:, 0], sample_weight=w), 1e-4, w=w)
t, w = labels(4, 150), weights(150)
x = leaning(t, 4, 1)
p = np.exp(x.astype(float)) / np.exp(x.astype(float)).sum(1, keepdims=True)
case("auc", "{bins: 100000}", x, t, 4, np.mean([m.roc_auc_score(t == k, p[:, k], sample_weight=w) for k in range(4)]), 1e-4, w=w)
for dims in ((30, 1), (12, 4)):
    t, w = (3 * normal(*dims) + 1).astype(f32), weights(dims[0])
    x = t + normal(*dims)
    flat = t.astype(float), x.astype(float)
    case("rmse", "", x, t, None, m.mean_squared_error(*flat, sample_weight=w) ** 0.5, w=w)
    case("mean_absolute_error", "", x, t, None, m.mean_absolute_error(*flat, sample_weight=w), w=w)
    case("mean_squared_error", "", x, t, None, m.mean_squared_error(*flat, sample_weight=w), w=w)
    case("mean_absolute_percentage_error", "", x, t, None, m.mean_absolute_percentage_error(*flat, sample_weight=w), 1e-5, w=w)
    case("explained_variance", "", x + 5, t, None, m.explained_variance_score(*flat, sample_weight=w), w=w)
    case("r2", "", x, t, None, m.r2_score(*flat, sample_weight=w), w=w)

# Rows that do not count.
for name, score in scores.items():
    t = labels(4, 6, 9)
    x, keep = leaning(t, 4, 1), t != 2
    case(name, "{ignore_index: 2}", x, t, 4, score(t[keep], x.argmax(-1)[keep], average="macro"))
    t, w = labels(4, 40), weights(40)
    x, keep = leaning(t, 4, 1)[:, :3], t < 3
    case(name, "{ignore_index: 3, average: weighted}", x, t, 4, score(t[keep], x.argmax(1)[keep], average="weighted", sample_weight=w[keep]), w=w)
    t = labels(3, 20, 2)
    x = normal(20, 2) + (t == 1)
    case(name, "{ignore_index: 2, average: macro}", x, t, 3, np.mean([score(t[t[:, j] < 2, j], x[t[:, j] < 2, j] > 0) for j in range(2)]))
t, w = labels(5, 12, 6), weights(12)
x, keep = leaning(t, 5, 1), t != 0
case("top_k", "{k: 2, ignore_index: 0}", x, t, 5, m.top_k_accuracy_score(t[keep], x[keep], k=2, labels=range(5)))
case("top_k", "{k: 3, ignore_index: 0}", x, t, 5,
     m.top_k_accuracy_score(t[keep], x[keep], k=3, labels=range(5), sample_weight=w.repeat(6).reshape(12, 6)[keep]), w=w)
case("confusion_matrix", "{ignore_index: 0}", x, t, 5, m.accuracy_score(t[keep], x.argmax(-1)[keep]))
case("confusion_matrix", "{ignore_index: 4}", x[..., :4], t, 5, m.accuracy_score(t[t < 4], x[..., :4].argmax(-1)[t < 4]))
t = labels(3, 200, 1)
x = normal(200, 1) + (t == 1)
case("auc", "{bins: 100000, ignore_index: 2}", x, t, 3, m.roc_auc_score(t[t < 2] == 1, x[t < 2]), 1e-4)
case("accuracy", "{ignore_index: 2}", x, t, 3, m.accuracy_score(t[t < 2] == 1, x[t < 2] > 0))
