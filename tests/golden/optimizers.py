#!/usr/bin/env python3
"""Twenty steps of each optimizer in double, by PyTorch or, where it has none, by the papers' formulas.

    /usr/bin/python3 tests/golden/optimizers.py > tests/golden/optimizers.inc
    /usr/bin/python3 tests/golden/optimizers.py whole > tests/golden/optimizers_whole.inc
    /usr/bin/python3 tests/golden/optimizers.py iterate > tests/golden/optimizers_iterate.inc
"""
import sys
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



class Formula:
    """An optimizer from one function: update(x, g, t, lr, state), x changed in place."""

    def __init__(self, p, lr, update):
        self.p, self.update, self.param_groups, self.t, self.state = p[0], update, [{"lr": lr}], 0, {}

    def step(self):
        self.t += 1
        with torch.no_grad():
            self.update(self.p, self.p.grad, self.t, self.param_groups[0]["lr"], self.state)


def of(kind, **options):
    return lambda p, lr: kind(p, lr=lr, **options)


def decoupled(kind, weight_decay, **options):
    """As PyTorch's later decoupled_weight_decay."""
    class Decoupled(kind):
        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    p.data.mul_(1 - group["lr"] * weight_decay)
            super().step()
    return of(Decoupled, **options)


def lion(beta1=0.9, beta2=0.99, weight_decay=0.0):
    def update(x, g, t, lr, state):
        m = state.get("m", torch.zeros_like(x))
        x -= lr * (weight_decay * x + torch.sign(beta1 * m + (1 - beta1) * g))
        state["m"] = beta2 * m + (1 - beta2) * g
    return lambda p, lr: Formula(p, lr, update)


def elementwise():
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
    case("adam", "{amsgrad: true}", adam(amsgrad=True), 0.05, 9)
    case("adam", "{amsgrad: true, beta2: 0.7, weight_decay: 0.1}", adam(amsgrad=True, betas=(0.9, 0.7), weight_decay=0.1), 0.05, 0)
    case("adamw", "{amsgrad: true, beta2: 0.7}", adamw(amsgrad=True, betas=(0.9, 0.7)), 0.05, 0)
    o = torch.optim
    case("rmsprop", "", of(o.RMSprop), 0.01, 0)
    case("rmsprop", "{alpha: 0.9, momentum: 0.8}", of(o.RMSprop, alpha=0.9, momentum=0.8), 0.01, 7)
    case("rmsprop", "{centered: true, eps: 1e-3}", of(o.RMSprop, centered=True, eps=1e-3), 0.01, 0)
    case("rmsprop", "{alpha: 0.8, centered: true, momentum: 0.5, weight_decay: 0.1, eps: 1e-2}",
         of(o.RMSprop, alpha=0.8, centered=True, momentum=0.5, weight_decay=0.1, eps=1e-2), 0.02, 11)
    case("adagrad", "", of(o.Adagrad), 0.01, 0)
    case("adagrad", "{lr_decay: 0.1, initial: 0.5, weight_decay: 0.2, eps: 1e-3}",
         of(o.Adagrad, lr_decay=0.1, initial_accumulator_value=0.5, weight_decay=0.2, eps=1e-3), 0.1, 5)
    case("adadelta", "", of(o.Adadelta), 1, 0)
    case("adadelta", "{rho: 0.5, eps: 1e-2, weight_decay: 0.1}", of(o.Adadelta, rho=0.5, eps=1e-2, weight_decay=0.1), 0.5, 10)
    case("adamax", "", of(o.Adamax), 2e-3, 0)
    case("adamax", "{beta1: 0.5, beta2: 0.7, eps: 0.1, weight_decay: 0.1}",
         of(o.Adamax, betas=(0.5, 0.7), eps=0.1, weight_decay=0.1), 0.05, 6)
    # foreach: the other one counts mu_t twice in P_t+1, which PyTorch 2.0 mended
    nadam = lambda kind=of, *a, **options: kind(o.NAdam, *a, foreach=True, **options)
    case("nadam", "", nadam(), 2e-3, 0)
    case("nadam", "{momentum_decay: 1}", nadam(momentum_decay=1), 0.05, 0)
    case("nadam", "{momentum_decay: 0, beta2: 0.9, weight_decay: 0.1}",
         nadam(momentum_decay=0, betas=(0.9, 0.9), weight_decay=0.1), 0.02, 8)
    case("nadam", "{beta1: 0.1, eps: 1e-2, weight_decay: 0.3, decoupled_weight_decay: true}",
         nadam(decoupled, 0.3, betas=(0.1, 0.999), eps=1e-2), 0.02, 8)
    case("radam", "", of(o.RAdam), 1e-3, 0)
    case("radam", "{beta2: 0.9, eps: 1e-3, weight_decay: 0.1}", of(o.RAdam, betas=(0.9, 0.9), eps=1e-3, weight_decay=0.1), 0.02, 13)
    case("radam", "{weight_decay: 0.2, decoupled_weight_decay: true}", decoupled(o.RAdam, 0.2), 0.05, 0)
    case("radam", "{beta2: 0.5}", of(o.RAdam, betas=(0.9, 0.5)), 0.01, 0)               # never rectified
    case("lion", "", lion(), 1e-3, 0)
    case("lion", "{beta1: 0.5, beta2: 0.8, weight_decay: 0.3}", lion(0.5, 0.8, 0.3), 0.02, 9)
    case("rprop", "", of(o.Rprop), 0.01, 0)
    case("rprop", "{eta_minus: 0.3, eta_plus: 2, step_min: 0.005, step_max: 0.05}",
         of(o.Rprop, etas=(0.3, 2), step_sizes=(0.005, 0.05)), 0.01, 4)
    print("};")


# Tensors of several axes, one after the other; a vector and a scalar among them, and one that starts at 0.
SHAPES = ((6, 4), (4,), (3, 8), (2, 3, 2, 5), (), (1, 5), (5, 1), (3,))


def lamb(beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.0, vectors=True):
    def update(x, g, t, lr, state):
        m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g * g
        r = m / (1 - beta1 ** t) / ((v / (1 - beta2 ** t)).sqrt() + eps) + weight_decay * x
        ratio = (x.norm() / r.norm()).item() if x.norm() > 0 and r.norm() > 0 and (vectors or x.dim() > 1) else 1
        x -= lr * ratio * r
    return update


def lars(momentum=0.9, trust=1e-3, weight_decay=0.0, vectors=True):
    def update(x, g, t, lr, state):
        q = 1
        if x.norm() > 0 and g.norm() > 0 and (vectors or x.dim() > 1):
            q = trust * x.norm() / (g.norm() + weight_decay * x.norm() + 1e-8)
        state["b"] = momentum * state.get("b", 0) + q * (g + weight_decay * x)
        x -= lr * state["b"]
    return update


def muon(momentum=0.95, nesterov=True, steps=5, scale="match_rms_adamw", weight_decay=0.1, beta1=0.9, beta2=0.999, eps=1e-8):
    """K. Jordan's zeropower_via_newtonschulz5, on the transposed: PyTorch's matrices are [outputs, inputs]."""
    def orthogonal(u):
        z = u / max(u.norm().item(), 1e-7)
        flip = z.shape[0] > z.shape[1]
        z = z.T if flip else z
        for _ in range(steps):
            a = z @ z.T
            z = 3.4445 * z + (-4.7750 * a + 2.0315 * a @ a) @ z
        return z.T if flip else z

    def update(x, g, t, lr, state):
        x *= 1 - lr * weight_decay
        if x.dim() < 2:
            m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
            v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g * g
            x -= lr * m / (1 - beta1 ** t) / ((v / (1 - beta2 ** t)).sqrt() + eps)
            return
        m = state["m"] = momentum * state.get("m", 0) + (1 - momentum) * g
        u = (momentum * m + (1 - momentum) * g if nesterov else m).reshape(-1, x.shape[-1]).T
        outputs, inputs = u.shape
        s = max(1, outputs / inputs) ** 0.5 if scale == "original" else 0.2 * max(outputs, inputs) ** 0.5
        x -= lr * s * orthogonal(u).T.reshape(x.shape)
    return update


def whole():
    rng = np.random.default_rng(22)
    sizes = [int(np.prod(s)) for s in SHAPES]
    n = sum(sizes)
    start = rng.normal(0, 1, n).astype(np.float32)
    start[-3:] = 0
    gradient = rng.normal(0, 1, (STEPS, n)).astype(np.float32)
    gradient[:, sizes[0]:sizes[0] + 4] = 0              # a tensor without gradient
    print("/* Written by optimizers.py whole (torch %s); see there. */" % torch.__version__.split("+")[0])
    print("enum { N = %d, STEPS = %d, N_SHOWN = %d };" % (n, STEPS, len(SHOWN)))
    print("static const int shown[N_SHOWN] = { %s };" % ", ".join(map(str, SHOWN)))
    print("static const heft_shape shapes[] = {\n  %s };" % ",\n  ".join(
        "{ HEFT_F32, %d, { %s } }" % (len(s), ", ".join(map(str, s)) or "0") for s in SHAPES))
    print("static const float start[N] = {\n  %s };" % numbers(start))
    print("static const float gradient[STEPS][N] = {\n  %s };" % ",\n  ".join("{ " + numbers(g) + " }" for g in gradient))
    print("static const struct { const char *name, *options; double lr; int halved; float x[N_SHOWN][N]; } golden[] = {")

    def case(name, options, update, lr, halved):
        x = [torch.tensor(p.reshape(s), dtype=torch.float64) for p, s in zip(np.split(start, np.cumsum(sizes)[:-1]), SHAPES)]
        state, rows = [{} for _ in x], []
        for t in range(1, STEPS + 1):
            lr = lr / 2 if t == halved else lr
            for p, g, s in zip(x, np.split(gradient[t - 1], np.cumsum(sizes)[:-1]), state):
                update(p, torch.tensor(g, dtype=torch.float64).reshape(p.shape), t, lr, s)
            if t in SHOWN:
                rows.append("{ " + ", ".join(numbers(p.numpy()) for p in x) + " }")
        print('{ "%s", "%s", %g, %d,\n    { %s } },' % (name, options, lr * (2 if halved else 1), halved, ",\n      ".join(rows)))

    case("lamb", "", lamb(), 1e-3, 0)
    case("lamb", "{beta1: 0.5, beta2: 0.9, eps: 1e-3, weight_decay: 0.1, scale_vectors: false}",
         lamb(0.5, 0.9, 1e-3, 0.1, False), 0.02, 9)
    case("lars", "", lars(), 0.1, 0)
    case("lars", "{momentum: 0.5, trust: 0.1, weight_decay: 0.2, scale_vectors: false}", lars(0.5, 0.1, 0.2, False), 0.3, 6)
    case("muon", "", muon(), 1e-3, 0)
    case("muon", "{scale: original, nesterov: false, ns_steps: 3, momentum: 0.8, weight_decay: 0.3, beta1: 0.5, beta2: 0.9, eps: 1e-3}",
         muon(0.8, False, 3, "original", 0.3, 0.5, 0.9, 1e-3), 0.02, 8)
    print("};")


def iterate():
    """Optimizers that evaluate by themselves.  L-BFGS with max_iter 1: an iteration a step; differences go where the gradient goes.  The mean of log cosh d + d^2 / 2, d = A x - b, which no first try makes worse."""
    rng = np.random.default_rng(31)
    rows, n, steps = 40, 16, 20
    a, b, x0 = (rng.normal(0, 1, d).astype(np.float32) for d in ((rows, n), (rows,), (n,)))
    b /= 4
    print("/* Written by optimizers.py iterate (torch %s); see there. */" % torch.__version__.split("+")[0])
    print("enum { ROWS = %d, N = %d, STEPS = %d };" % (rows, n, steps))
    print("static const float a[ROWS][N] = {\n  %s };" % ",\n  ".join("{ " + numbers(r) + " }" for r in a))
    print("static const float b[ROWS] = { %s };\nstatic const float x0[N] = { %s };" % (numbers(b), numbers(x0)))
    print("static const struct { const char *name, *options; double lr; int evaluations; float x[STEPS][N]; double loss[STEPS]; } golden[] = {")
    def quasi_newton(history):
        return lambda p, lr: torch.optim.LBFGS(p, lr=lr, max_iter=1, history_size=history, tolerance_grad=0, tolerance_change=0)
    for name, options, make, lr, evaluations in (
            ("lbfgs", "", quasi_newton(10), 0.7, 2), ("lbfgs", "{history: 3}", quasi_newton(3), 0.6, 2),
            ("lbfgs", "{history: 1}", quasi_newton(1), 0.3, 2), ("finite_difference", "", sgd(), 0.1, 2 * n + 1),
            ("finite_difference", "{h: 4e-3}", sgd(), 0.02, 2 * n + 1)):
        ta, tb = (torch.tensor(v, dtype=torch.float64) for v in (a, b))
        x = torch.nn.Parameter(torch.tensor(x0, dtype=torch.float64))
        loss = lambda: (torch.log(torch.cosh(ta @ x - tb)) + (ta @ x - tb) ** 2 / 2).mean()
        o = make([x], lr)

        def closure():
            o.zero_grad()
            f = loss()
            f.backward()
            return f
        path, losses = [], []
        for _ in range(steps):
            before = loss().item()
            o.step(closure)
            assert loss().item() <= before * (1 - 1e-9), (len(path), before, loss().item())
            path.append("{ " + numbers(x.detach().numpy()) + " }")
            losses.append("%.12g" % loss().item())
        print('{ "%s", "%s", %g, %d,\n  { %s },\n  { %s } },' % (name, options, lr, evaluations, ",\n    ".join(path), ", ".join(losses)))
    print("};")


{"whole": whole, "iterate": iterate}.get(sys.argv[-1], elementwise)()
