#!/usr/bin/env python3
"""Twenty steps of each optimizer by PyTorch, in double, for tests/optimizers/test_optimizers.c.

    /usr/bin/python3 tests/golden/optimizers.py > tests/golden/optimizers.inc
"""
import numpy as np
import torch

N, STEPS, SHOWN = 7, 20, (1, 2, 3, 11, 20)
rng = np.random.default_rng(21)
START = np.concatenate([rng.normal(0, 1, N - 2), [0.0, 30.0]]).astype(np.float32)
GRADIENT = (rng.normal(0, 1, (STEPS, N)) * [1, 1, 1e-3, 100, 1, 1, 1]).astype(np.float32)
GRADIENT[:, 4] = 0                                      # a weight without gradient
GRADIENT[5:, 5] = 0                                     # and one that loses it


def numbers(v):
    return ", ".join("%.9g" % np.float32(x) for x in np.ravel(v))


def case(name, options, make, lr, halved):
    """halved: the step from which lr is halved, or 0."""
    x = torch.nn.Parameter(torch.tensor(START, dtype=torch.float64))
    optimizer = make([x], lr)
    shown = []
    for t in range(1, STEPS + 1):
        if t == halved:
            optimizer.param_groups[0]["lr"] = lr / 2
        x.grad = torch.tensor(GRADIENT[t - 1], dtype=torch.float64)
        optimizer.step()
        if t in SHOWN:
            shown.append(x.detach().numpy().copy())
    rows = ",\n      ".join("{ " + numbers(v) + " }" for v in shown)
    print('{ "%s", "%s", %g, %d,\n    { %s } },' % (name, options, lr, halved, rows))


def sgd(**options):
    return lambda p, lr: torch.optim.SGD(p, lr=lr, **options)


def adam(**options):
    return lambda p, lr: torch.optim.Adam(p, lr=lr, **options)


def adamw(**options):
    return lambda p, lr: torch.optim.AdamW(p, lr=lr, **options)


print("/* Written by optimizers.py (torch %s); see there. */" % torch.__version__.split("+")[0])
print("enum { N = %d, STEPS = %d, N_SHOWN = %d };" % (N, STEPS, len(SHOWN)))
print("static const int shown[N_SHOWN] = { %s };" % ", ".join(map(str, SHOWN)))
print("static const float start[N] = { %s };" % numbers(START))
print("static const float gradient[STEPS][N] = {\n  %s };" % ",\n  ".join("{ " + numbers(g) + " }" for g in GRADIENT))
print("static const struct { const char *name, *options; double lr; int halved; float x[N_SHOWN][N]; } golden[] = {")
case("sgd", "", sgd(), 0.1, 0)
case("sgd", "", sgd(), 0.1, 8)
case("sgd", "{weight_decay: 0.05}", sgd(weight_decay=0.05), 0.1, 0)
case("sgd", "{momentum: 0.9}", sgd(momentum=0.9), 0.02, 0)
case("sgd", "{momentum: 0.9}", sgd(momentum=0.9), 0.02, 6)
case("sgd", "{momentum: 0.9, nesterov: true}", sgd(momentum=0.9, nesterov=True), 0.02, 6)
case("sgd", "{momentum: 0.8, dampening: 0.3}", sgd(momentum=0.8, dampening=0.3), 0.02, 0)
case("sgd", "{momentum: 0.9, nesterov: true, weight_decay: 0.1}", sgd(momentum=0.9, nesterov=True, weight_decay=0.1), 0.01, 0)
case("sgd", "{momentum: 0.5, dampening: 0.5, weight_decay: 0.1}", sgd(momentum=0.5, dampening=0.5, weight_decay=0.1), 0.05, 9)
case("adam", "", adam(), 1e-3, 0)
case("adam", "", adam(), 0.1, 10)
case("adam", "{beta1: 0.5, beta2: 0.9, eps: 0.01}", adam(betas=(0.5, 0.9), eps=0.01), 0.05, 0)
case("adam", "{weight_decay: 0.1}", adam(weight_decay=0.1), 0.01, 0)
case("adam", "{beta1: 0, beta2: 0.99}", adam(betas=(0, 0.99)), 0.01, 0)
case("adamw", "", adamw(), 1e-3, 0)
case("adamw", "{weight_decay: 0.3}", adamw(weight_decay=0.3), 0.05, 12)
case("adamw", "{beta1: 0.8, beta2: 0.95, eps: 1e-4, weight_decay: 0}",
     adamw(betas=(0.8, 0.95), eps=1e-4, weight_decay=0), 0.02, 0)
print("};")
