#!/usr/bin/env python3
"""Writes light_layers.inc: layers without matrices (activations, merges, shapes, noise), as layers.py says.

    /usr/bin/python3 light_layers.py > light_layers.inc
"""
import layers
from layers import F, N, TEST, case, dropout, images, np, rng_key, stream, torch, uniforms

layers.CASES.clear()                                    # seeds are counted from here


def sequences(f):
    return lambda x: f(x.permute(0, 2, 1)).permute(0, 2, 1)


def draws(shape, f):                                    # f(key of the sample) for each sample
    key = rng_key(1, TEST, 0, 0)
    return torch.tensor(np.stack([f(stream(key, i)) for i in range(N)]).reshape(shape))


def normals(key, n):
    u = uniforms(key, n + n % 2).reshape(-1, 2)
    length, angle = np.sqrt(-2 * np.log(1 - u[:, 0])), 2 * np.pi * u[:, 1]
    return np.stack([length * np.cos(angle), length * np.sin(angle)], 1).ravel()[:n]


def gaussian_noise(stddev):
    return lambda x: x + stddev * draws(x.shape, lambda k: normals(k, x[0].numel()))


def gaussian_dropout(rate):
    return lambda x: x * (1 + (rate / (1 - rate))**0.5 * draws(x.shape, lambda k: normals(k, x[0].numel())))


def spatial_dropout(rate):
    def f(x):
        mask = draws((N, *[1] * (x.dim() - 2), x.shape[-1]), lambda k: uniforms(k, x.shape[-1]) >= np.float32(rate))
        return x * mask / (1 - rate)
    return f


def alpha_dropout(rate):                                # torch/nn/functional.py and ATen/native/Dropout.cpp
    def f(x):
        alpha = 1.7580993408473766
        kept = draws(x.shape, lambda k: uniforms(k, x[0].numel()) >= np.float32(rate)).double()
        a = 1 / ((alpha**2 * rate + 1) * (1 - rate))**0.5
        return x * kept * a + (kept - 1) * alpha * a + alpha * a * rate
    return f


case("elu", "", [(37,)], [], F.elu, 4)
case("elu", "{alpha: 0.3}", [(4, 5)], [], lambda x: F.elu(x, 0.3), 8)
case("selu", "", [(37,)], [], F.selu, 4)
case("silu", "", [(37,)], [], F.silu, 8)
case("mish", "", [(37,)], [], F.mish, 8)
case("mish", "", [(37,)], [], F.mish, 64)
case("softplus", "", [(37,)], [], F.softplus, 8)
case("softplus", "{beta: 3}", [(4, 5)], [], lambda x: F.softplus(x, 3, 1000), 16)
case("softsign", "", [(37,)], [], F.softsign, 8)
case("hard_sigmoid", "", [(37,)], [], F.hardsigmoid, 5)
case("hard_tanh", "", [(37,)], [], F.hardtanh, 2)
case("hard_tanh", "{min: 0.25, max: 3}", [(4, 5)], [], lambda x: F.hardtanh(x, 0.25, 3), 4)
case("relu6", "", [(37,)], [], F.relu6, 10)
case("log_softmax", "", [(10,)], [], lambda x: F.log_softmax(x, -1), 16)
case("log_softmax", "", [(3, 19)], [], lambda x: F.log_softmax(x, -1), 4)
case("prelu", "", [(37,)], [(1,)], lambda x, a: F.prelu(x, a), 4)
case("prelu", "", [(3, 2, 5)], [(1,)], lambda x, a: F.prelu(x, a), 4)
case("prelu", "{shared: false}", [(3, 2, 5)], [(5,)], images(F.prelu), 4)
case("prelu", "{shared: false}", [(19,)], [(19,)], F.prelu, 4)

case("multiply", "", [(3, 5), (3, 5)], [], lambda a, b: a * b)
case("multiply", "", [(7,), (7,), (7,), (7,)], [], lambda a, b, c, d: a * b * c * d, 2)
case("subtract", "", [(3, 7), (3, 7)], [], lambda a, b: a - b)
case("maximum", "", [(3, 7), (3, 7)], [], torch.maximum)
case("maximum", "", [(7,), (7,), (7,)], [], lambda a, b, c: torch.maximum(torch.maximum(a, b), c))
case("minimum", "", [(3, 7), (3, 7)], [], torch.minimum)
case("minimum", "", [(7,), (7,), (7,)], [], lambda a, b, c: torch.minimum(torch.minimum(a, b), c))
case("average", "", [(3, 7), (3, 7)], [], lambda a, b: (a + b) / 2)
case("average", "", [(7,), (7,), (7,)], [], lambda a, b, c: (a + b + c) / 3)
unit = lambda x, axis=-1: F.normalize(x, dim=axis)
case("dot", "", [(9,), (9,)], [], lambda a, b: (a * b).sum(1, keepdim=True))
case("dot", "", [(3, 4), (5, 4)], [], lambda a, b: a @ b.mT)
case("dot", "{axes: [1, 0]}", [(3, 4), (4, 5)], [], lambda a, b: a @ b)
case("dot", "{axes: 0}", [(4, 3), (4, 5)], [], lambda a, b: a.mT @ b)
case("dot", "{axes: [0, 1]}", [(4, 3), (5, 4)], [], lambda a, b: a.mT @ b.mT)
case("dot", "", [(4,), (5, 4)], [], lambda a, b: torch.einsum("nk,njk->nj", a, b))
case("dot", "{axes: [0, -1]}", [(4, 3), (4,)], [], lambda a, b: torch.einsum("nki,nk->ni", a, b))
case("dot", "{normalize: true}", [(9,), (9,)], [], lambda a, b: F.cosine_similarity(a, b, 1)[:, None])
case("dot", "{normalize: true}", [(3, 4), (5, 4)], [], lambda a, b: unit(a) @ unit(b).mT)
case("dot", "{normalize: true, axes: [0, 1]}", [(4, 3), (5, 4)], [], lambda a, b: unit(a, 1).mT @ unit(b).mT)

case("slice", "{begin: 2}", [(7,)], [], lambda x: x[:, 2:])
case("slice", "{axis: 0, begin: -1}", [(4, 3)], [], lambda x: x[:, -1:])
case("slice", "{axis: 1, begin: 1, end: -1}", [(2, 5, 3)], [], lambda x: x[:, :, 1:-1])
case("slice", "{axis: -2, begin: 1, size: 2}", [(2, 2, 4, 3)], [], lambda x: x[:, :, :, 1:3])
case("slice", "{axis: 0, end: 2}", [(3, 2, 2)], [], lambda x: x[:, :2])
for mode in "constant", "reflect", "replicate":
    case("pad", "{mode: %s}" % mode, [(3, 4, 2)], [], images(lambda x, m=mode: F.pad(x, (1, 1, 1, 1), m)))
    case("pad", "{mode: %s, padding: [2, 1]}" % mode, [(3, 4, 2)], [], images(lambda x, m=mode: F.pad(x, (1, 1, 2, 2), m)))
    case("pad", "{mode: %s, padding: [1, 0, 3, 2]}" % mode, [(3, 4, 2)], [], images(lambda x, m=mode: F.pad(x, (3, 2, 1, 0), m)))
    case("pad", "{mode: %s, padding: [0, 3]}" % mode, [(4, 3)], [], sequences(lambda x, m=mode: F.pad(x, (0, 3), m)))
    case("pad", "{mode: %s, padding: 2}" % mode, [(4, 1)], [], sequences(lambda x, m=mode: F.pad(x, (2, 2), m)))
case("pad", "{value: -1.5}", [(2, 2, 1)], [], images(lambda x: F.pad(x, (1, 1, 1, 1), value=-1.5)))
case("permute", "{axes: [1, 0]}", [(3, 4)], [], lambda x: x.permute(0, 2, 1))
case("permute", "{axes: [2, 0, 1]}", [(2, 3, 4)], [], lambda x: x.permute(0, 3, 1, 2))
case("permute", "{axes: [3, 1, 0, 2]}", [(2, 3, 2, 2)], [], lambda x: x.permute(0, 4, 2, 1, 3))
case("repeat", "{times: 3}", [(5,)], [], lambda x: x[:, None].repeat(1, 3, 1))
case("repeat", "{times: 2}", [(2, 2, 2)], [], lambda x: x[:, None].repeat(1, 2, 1, 1, 1))
case("upsample", "", [(2, 3, 2)], [], images(lambda x: F.interpolate(x, scale_factor=2)))
case("upsample", "{size: [3, 1]}", [(2, 3, 2)], [], images(lambda x: F.interpolate(x, scale_factor=(3, 1))))
case("upsample", "{size: 3}", [(4, 2)], [], sequences(lambda x: F.interpolate(x, scale_factor=3)))
for size in (2, 2), (3, 2), (1, 5):
    case("upsample", "{interpolation: bilinear, size: [%d, %d]}" % size, [(3, 2, 2)], [],
         images(lambda x, size=size: F.interpolate(x, scale_factor=size, mode="bilinear", align_corners=False)))
case("upsample", "{interpolation: bilinear, size: 4}", [(3, 2)], [],
     sequences(lambda x: F.interpolate(x, scale_factor=4, mode="linear", align_corners=False)))
case("scale", "", [(3, 4)], [(4,), (4,)], lambda x, g, b: x * g + b)
case("scale", "{center: false}", [(2, 2, 17)], [(17,)], lambda x, g: x * g)
case("scale", "{scale: false}", [(5,)], [(5,)], lambda x, b: x + b)

case("gaussian_noise", "{stddev: 0.7}", [(3, 5)], [], gaussian_noise(0.7), evaluate=lambda x: x)
case("gaussian_noise", "", [(8,)], [], gaussian_noise(0.1), evaluate=lambda x: x)
case("gaussian_dropout", "{rate: 0.2}", [(3, 5)], [], gaussian_dropout(0.2), evaluate=lambda x: x)
case("spatial_dropout", "{rate: 0.3}", [(3, 11)], [], spatial_dropout(0.3), evaluate=lambda x: x)
case("spatial_dropout", "", [(2, 2, 7)], [], spatial_dropout(0.5), evaluate=lambda x: x)
case("alpha_dropout", "{rate: 0.25}", [(3, 5)], [], alpha_dropout(0.25), evaluate=lambda x: x)
case("alpha_dropout", "", [(19,)], [], alpha_dropout(0.5), evaluate=lambda x: x)


def sinusoids(wavelength=10000):
    def f(x):
        t, features = x.shape[1:]
        j = torch.arange(features)
        angle = torch.arange(t)[:, None].double() * wavelength ** (-(j - j % 2).double() / features)
        return x + torch.where(j % 2 == 0, torch.sin(angle), torch.cos(angle))
    return f


case("sinusoidal_position", "", [(9, 6)], [], sinusoids())
case("sinusoidal_position", "{wavelength: 50}", [(40, 5)], [], sinusoids(50))
case("sinusoidal_position", "", [(1, 1)], [], sinusoids())

if __name__ == "__main__":
    layers.write("light_layers.py")
