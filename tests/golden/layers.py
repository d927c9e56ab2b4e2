#!/usr/bin/env python3
"""Writes layers.inc: what every layer should give, by PyTorch in double precision.

    /usr/bin/python3 layers.py > layers.inc

Inputs, weights and dout are not stored: they are the draws of harness_fill (tests/harness.h), made here by a second
implementation of Philox.  A case's numbers are, in this order: out of a training forward; din of each input; dweight of each
weight; the states after fold; and out of an evaluating forward with those states, where that is another.
"""
import sys
import numpy as np
import torch
import torch.nn.functional as F

N = 4                                                   # samples of every case
TEST = 8                                                # RNG_TEST of base/rng.h
M32 = 0xFFFFFFFF


def philox(key, lo, hi):
    a, b, c, d = lo & M32, lo >> 32 & M32, hi & M32, hi >> 32 & M32
    k0, k1 = key & M32, key >> 32 & M32
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = q >> 32 ^ b ^ k0, q & M32, p >> 32 ^ d ^ k1, p & M32
        k0, k1 = k0 + 0x9E3779B9 & M32, k1 + 0xBB67AE85 & M32
    return a, b, c, d


def rng_key(seed, purpose, a, b):
    w = philox(seed, a, b)
    w = philox(w[1] << 32 | w[0], purpose, seed)
    return w[3] << 32 | w[2]


def stream(key, i):
    w = philox(key, i, 0x73747265616d0000)
    return w[1] << 32 | w[0]


def uniforms(key, n):
    bits = [philox(key, i // 4, 0)[i % 4] >> 8 for i in range(n)]
    return np.array(bits, np.float64) / 2**24


class ids:                                              # integers below limit: an input of tokens or labels
    def __init__(self, limit, *shape):
        self.limit, self.shape = limit, shape


def below(seed, i, limit, n):                           # rng_below, as harness_fill calls it
    key, at, out = rng_key(seed, TEST, 2, i), 0, []
    bits = lambda k: philox(key, k // 4, 0)[k % 4]
    while len(out) < n:
        product = (bits(at) << 32 | bits(at + 1)) * limit
        at += 2
        if product % 2**64 >= 2**64 % limit:
            out.append(product >> 64)
    return out


def draw(seed, shape):                                  # harness_random, [-1, 1): exact in float
    u = uniforms(rng_key(seed, TEST, 1, 0), int(np.prod(shape)))
    return torch.tensor((2 * u - 1).reshape(shape))


# ---- layers: f(inputs, weights) in heft's layout; batch first ----

def images(f):
    return lambda x, *w: f(x.permute(0, 3, 1, 2), *w).permute(0, 2, 3, 1)


def same(n, kernel, stride, dilation=1):                # TensorFlow's
    need = max((-(-n // stride) - 1) * stride + dilation * (kernel - 1) + 1 - n, 0)
    return need // 2, need - need // 2


def pads(x, kernel, stride, padding, dilation=(1, 1)):  # left, right, top, bottom
    h, w = x.shape[2:]
    if padding == "same":
        return (*same(w, kernel[1], stride[1], dilation[1]), *same(h, kernel[0], stride[0], dilation[0]))
    t, b, l, r = padding or (0, 0, 0, 0)
    return l, r, t, b


def conv(stride=(1, 1), padding=None, dilation=(1, 1), groups=1):
    def f(x, w, b=None):
        x = F.pad(x, pads(x, w.shape[:2], stride, padding, dilation))
        return F.conv2d(x, w.permute(3, 2, 0, 1), b, stride, 0, dilation, groups)
    return images(f)


def max_pool(size, stride, padding=None):
    return images(lambda x: F.max_pool2d(F.pad(x, pads(x, size, stride, padding), value=-np.inf), size, stride))


def avg_pool(size, stride, padding=None, include=False):
    def f(x):
        p = pads(x, size, stride, padding)
        y = F.avg_pool2d(F.pad(x, p), size, stride)
        return y if include else y / F.avg_pool2d(F.pad(torch.ones_like(x), p), size, stride)
    return images(f)


def dropout(rate):
    def f(x):
        key, size = rng_key(1, TEST, 0, 0), x[0].numel()
        mask = np.stack([uniforms(stream(key, i), size) >= np.float32(rate) for i in range(N)])
        return x * torch.tensor(mask.reshape(x.shape)) / (1 - rate)
    return f


class batch_norm:
    def __init__(self, channels, eps=1e-5, momentum=0.1, gamma=True, beta=True):
        self.state = [torch.zeros(channels).double(), torch.ones(channels).double()]
        self.eps, self.momentum, self.gamma, self.beta = eps, momentum, gamma, beta

    def __call__(self, x, *w, train=True):
        w = list(w)
        gamma = w.pop(0) if self.gamma else None
        beta = w.pop(0) if self.beta else None
        last = x.dim() - 1
        state = [s.clone() for s in self.state] if train else self.state
        y = F.batch_norm(x.movedim(last, 1), *state, gamma, beta, train, self.momentum, self.eps).movedim(1, last)
        if train:
            self.folded = state
        return y


CASES = []


def case(name, options, shapes, weights, f, scale=1, evaluate=None):
    CASES.append((name, options, shapes, weights, f, scale, evaluate))


lin = lambda x, w, b=0: x @ w + b
flat = lambda x, w, b=0: x.flatten(1) @ w + b
case("dense", "{units: 3}", [(7,)], [(7, 3), (3,)], lin)
case("dense", "{units: 3, bias: false}", [(7,)], [(7, 3)], lin)
case("dense", "{units: 4, axis: last}", [(7,)], [(7, 4), (4,)], lin)
case("dense", "{units: 2}", [()], [(1, 2), (2,)], lambda x, w, b: x[:, None] @ w + b)
case("dense", "{units: 3}", [(6, 4)], [(4, 3), (3,)], lin)
case("dense", "{units: 3, axis: all}", [(6, 4)], [(24, 3), (3,)], flat)
case("dense", "{units: 3}", [(2, 3, 5)], [(30, 3), (3,)], flat)
case("dense", "{units: 3, axis: last, bias: false}", [(2, 3, 5)], [(5, 3)], lin)
case("dense", "{units: 1}", [(2, 3, 2, 2)], [(24, 1), (1,)], flat)

case("conv2d", "{filters: 4, kernel: 3}", [(7, 6, 3)], [(3, 3, 3, 4), (4,)], conv())
case("conv2d", "{filters: 5, kernel: [2, 3], stride: [2, 1], bias: false}", [(7, 6, 2)], [(2, 3, 2, 5)], conv((2, 1)))
case("conv2d", "{filters: 3, kernel: 3, stride: 2, padding: same}", [(8, 7, 2)], [(3, 3, 2, 3), (3,)], conv((2, 2), "same"))
case("conv2d", "{filters: 3, kernel: [4, 2], padding: same}", [(5, 6, 2)], [(4, 2, 2, 3), (3,)], conv((1, 1), "same"))
case("conv2d", "{filters: 3, kernel: 5, stride: 3, padding: same}", [(9, 4, 1)], [(5, 5, 1, 3), (3,)], conv((3, 3), "same"))
case("conv2d", "{filters: 2, kernel: 3, padding: 1}", [(5, 4, 3)], [(3, 3, 3, 2), (2,)], conv(padding=(1, 1, 1, 1)))
case("conv2d", "{filters: 2, kernel: 3, padding: [1, 2]}", [(5, 4, 3)], [(3, 3, 3, 2), (2,)], conv(padding=(1, 1, 2, 2)))
case("conv2d", "{filters: 2, kernel: 3, padding: [0, 1, 2, 0], stride: 2}", [(6, 5, 3)], [(3, 3, 3, 2), (2,)],
     conv((2, 2), (0, 1, 2, 0)))
case("conv2d", "{filters: 3, kernel: 3, dilation: 2}", [(7, 8, 2)], [(3, 3, 2, 3), (3,)], conv(dilation=(2, 2)))
case("conv2d", "{filters: 3, kernel: [3, 2], dilation: [2, 3], padding: same, stride: [1, 2]}", [(6, 7, 2)],
     [(3, 2, 2, 3), (3,)], conv((1, 2), "same", (2, 3)))
case("conv2d", "{filters: 6, kernel: 3, groups: 2, padding: same}", [(4, 5, 4)], [(3, 3, 2, 6), (6,)],
     conv((1, 1), "same", groups=2))
case("conv2d", "{filters: 6, kernel: 3, groups: 3, stride: 2}", [(5, 5, 3)], [(3, 3, 1, 6), (6,)], conv((2, 2), groups=3))
case("conv2d", "{filters: 7, kernel: 1}", [(3, 2, 5)], [(1, 1, 5, 7), (7,)], conv())
case("conv2d", "{filters: 17, kernel: 3, padding: same}", [(3, 3, 16)], [(3, 3, 16, 17), (17,)], conv((1, 1), "same"))

for name, pool in ("max_pool2d", max_pool), ("avg_pool2d", avg_pool):
    case(name, "", [(6, 4, 3)], [], pool((2, 2), (2, 2)))
    case(name, "{size: 3}", [(7, 8, 2)], [], pool((3, 3), (3, 3)))
    case(name, "{size: [3, 2], stride: [1, 2]}", [(5, 5, 17)], [], pool((3, 2), (1, 2)))
    case(name, "{size: 3, stride: 2, padding: same}", [(6, 7, 2)], [], pool((3, 3), (2, 2), "same"))
    case(name, "{size: 3, stride: 2, padding: 1}", [(6, 7, 2)], [], pool((3, 3), (2, 2), (1, 1, 1, 1)))
    case(name, "{size: [2, 3], stride: 1, padding: [1, 0, 2, 1]}", [(4, 4, 1)], [], pool((2, 3), (1, 1), (1, 0, 2, 1)))
case("avg_pool2d", "{size: 3, stride: 2, padding: 1, count_include_pad: true}", [(6, 7, 2)], [],
     avg_pool((3, 3), (2, 2), (1, 1, 1, 1), True))
case("global_avg_pool", "", [(3, 4, 5)], [], lambda x: x.mean((1, 2)))
case("global_avg_pool", "", [(6, 3)], [], lambda x: x.mean(1))

case("batch_norm", "", [(6,)], [(6,), (6,)], batch_norm(6))
case("batch_norm", "{eps: 1e-3, momentum: 0.3}", [(3, 2, 4)], [(4,), (4,)], batch_norm(4, 1e-3, 0.3))
case("batch_norm", "{center: false}", [(4, 3)], [(3,)], batch_norm(3, beta=False))
case("batch_norm", "{scale: false, momentum: 1}", [(4, 3)], [(3,)], batch_norm(3, momentum=1, gamma=False))
case("batch_norm", "{scale: false, center: false}", [(17,)], [], batch_norm(17, gamma=False, beta=False), 64)

case("dropout", "{rate: 0.25}", [(4, 3)], [], dropout(0.25), evaluate=lambda x: x)
case("dropout", "", [(7,)], [], dropout(0.5), evaluate=lambda x: x)
case("dropout", "{rate: 0}", [(7,)], [], lambda x: x)
case("flatten", "", [(3, 2, 4)], [], lambda x: x.flatten(1))
case("reshape", "{shape: [4, -1, 2]}", [(3, 8)], [], lambda x: x.reshape(N, 4, 3, 2))
case("add", "", [(3, 5), (3, 5)], [], lambda a, b: a + b)
case("add", "", [(7,), (7,), (7,), (7,)], [], lambda a, b, c, d: a + b + c + d)
case("concat", "", [(3, 2, 1), (3, 2, 4), (3, 2, 2)], [], lambda *x: torch.cat(x, 3))
case("concat", "{axis: 0}", [(3, 4), (1, 4)], [], lambda *x: torch.cat(x, 1))
case("concat", "{axis: -2}", [(2, 3, 4), (2, 1, 4)], [], lambda *x: torch.cat(x, 2))
case("relu", "", [(37,)], [], F.relu, 8)
case("leaky_relu", "", [(4, 5)], [], F.leaky_relu, 8)
case("leaky_relu", "{slope: 0.3}", [(2, 3, 3)], [], lambda x: F.leaky_relu(x, 0.3), 8)
case("sigmoid", "", [(37,)], [], torch.sigmoid, 16)
case("tanh", "", [(37,)], [], torch.tanh, 4)
case("softmax", "", [(10,)], [], lambda x: F.softmax(x, -1), 16)
case("softmax", "", [(3, 19)], [], lambda x: F.softmax(x, -1), 4)


def run(index, name, options, shapes, weights, f, scale, evaluate):
    seed = index + 1
    whole = [isinstance(s, ids) for s in shapes]
    x = [torch.tensor(below(seed, i, s.limit, N * int(np.prod(s.shape)))).reshape(N, *s.shape) if whole[i]
         else (draw(seed * 100 + i, (N, *s)) * scale).requires_grad_() for i, s in enumerate(shapes)]
    w = [draw(seed * 100 + 30 + i, s).requires_grad_() for i, s in enumerate(weights)]
    out = f(*x, *w)
    out.backward(draw(seed * 100 + 99, tuple(out.shape)))
    results = [out] + [v.grad for v in x + w if v.requires_grad]
    if isinstance(f, batch_norm):
        results += f.folded
        f.state = f.folded
        results.append(f(*x, *w, train=False))
    elif evaluate:
        results.append(evaluate(*x, *w))
    numbers = np.concatenate([r.detach().numpy().ravel() for r in results]).astype(np.float32)
    dims = lambda s: ", ".join(map(str, s)) or "0"
    shape = lambda s: ("{ HEFT_I32, %d, { %s }, %d }" % (len(s.shape), dims(s.shape), s.limit) if isinstance(s, ids)
                       else "{ HEFT_F32, %d, { %s } }" % (len(s), dims(s)))
    print('{ "%s", "%s", %d, { %s }, %d, %d, (const float[]){' % (
        name, options, len(shapes), ", ".join(map(shape, shapes)), scale, len(numbers)))
    print(",".join("%.7g" % v for v in numbers))
    print("} },")


def write(script):                                      # another script's cases: the same code, a table of their own
    print("/* Written by %s with PyTorch %s; see there. */" % (script, torch.__version__))
    for i, c in enumerate(CASES):
        run(i, *c)


if __name__ == "__main__":
    write("layers.py")
