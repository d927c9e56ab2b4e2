#!/usr/bin/env python3
"""Writes windows.inc: convolutions and pools of sequences, transposed and depthwise convolution, adaptive pools.

    /usr/bin/python3 windows.py > windows.inc

As layers.py, which see.
"""
from layers import *

CASES.clear()


def sequences(f):
    return lambda x, *w: f(x.permute(0, 2, 1), *w).permute(0, 2, 1)


def ends(time, kernel, stride, padding, dilation=1):    # zeros before and after
    if padding == "same":
        return same(time, kernel, stride, dilation)
    return (dilation * (kernel - 1), 0) if padding == "causal" else padding


def conv1d(stride=1, padding=(0, 0), dilation=1, groups=1):
    def f(x, w, b=None):
        x = F.pad(x, ends(x.shape[2], w.shape[0], stride, padding, dilation))
        return F.conv1d(x, w.permute(2, 1, 0), b, stride, 0, dilation, groups)
    return sequences(f)


def transpose(stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    return images(lambda x, w, b=None: F.conv_transpose2d(x, w.permute(3, 2, 0, 1), b, stride, padding, output_padding,
                                                          groups, dilation))


def cut(f, top, bottom, left, right):                   # PyTorch pads both sides of an axis alike
    return lambda x, w, b: (f(x, w, b * 0)[:, top:, left:][:, :-bottom or None, :-right or None]) + b


def depthwise(stride=(1, 1), padding=None, dilation=(1, 1)):
    def f(x, w, b=None):                                # w [kh, kw, channels, multiplier]
        x = F.pad(x, pads(x, w.shape[:2], stride, padding, dilation))
        w = w.permute(2, 3, 0, 1)
        return F.conv2d(x, w.reshape(-1, 1, *w.shape[2:]), b, stride, 0, dilation, x.shape[1])
    return images(f)


def max_pool1d(size, stride, padding=(0, 0)):
    return sequences(lambda x: F.max_pool1d(F.pad(x, ends(x.shape[2], size, stride, padding), value=-np.inf),
                                            size, stride))


def avg_pool1d(size, stride, padding=(0, 0), include=False):
    def f(x):
        p = ends(x.shape[2], size, stride, padding)
        y = F.avg_pool1d(F.pad(x, p), size, stride)
        return y if include else y / F.avg_pool1d(F.pad(torch.ones_like(x), p), size, stride)
    return sequences(f)


case("conv1d", "{filters: 4, kernel: 3}", [(7, 3)], [(3, 3, 4), (4,)], conv1d())
case("conv1d", "{filters: 3, kernel: 2, stride: 2, bias: false}", [(8, 5)], [(2, 5, 3)], conv1d(2))
case("conv1d", "{filters: 3, kernel: 4, padding: same}", [(7, 2)], [(4, 2, 3), (3,)], conv1d(1, "same"))
case("conv1d", "{filters: 3, kernel: 5, stride: 3, padding: same}", [(8, 2)], [(5, 2, 3), (3,)], conv1d(3, "same"))
case("conv1d", "{filters: 2, kernel: 3, dilation: 2, padding: causal}", [(8, 3)], [(3, 3, 2), (2,)],
     conv1d(1, "causal", 2))
case("conv1d", "{filters: 2, kernel: 4, stride: 2, padding: causal}", [(7, 3)], [(4, 3, 2), (2,)], conv1d(2, "causal"))
case("conv1d", "{filters: 2, kernel: 3, padding: 2}", [(5, 3)], [(3, 3, 2), (2,)], conv1d(1, (2, 2)))
case("conv1d", "{filters: 2, kernel: 3, padding: [1, 3], dilation: 3}", [(6, 3)], [(3, 3, 2), (2,)],
     conv1d(1, (1, 3), 3))
case("conv1d", "{filters: 6, kernel: 3, groups: 2, padding: same}", [(5, 4)], [(3, 2, 6), (6,)],
     conv1d(1, "same", groups=2))
case("conv1d", "{filters: 17, kernel: 1}", [(3, 16)], [(1, 16, 17), (17,)], conv1d())

case("conv_transpose2d", "{filters: 4, kernel: 3}", [(4, 3, 3)], [(3, 3, 4, 3), (4,)], transpose())
case("conv_transpose2d", "{filters: 2, kernel: [2, 3], stride: [2, 3], bias: false}", [(3, 2, 5)], [(2, 3, 2, 5)],
     transpose((2, 3)))
case("conv_transpose2d", "{filters: 2, kernel: 3, stride: 2, padding: 1, output_padding: 1}", [(3, 4, 3)],
     [(3, 3, 2, 3), (2,)], transpose(2, 1, 1))
case("conv_transpose2d", "{filters: 2, kernel: 2, stride: [3, 2], output_padding: [2, 0]}", [(2, 3, 3)],
     [(2, 2, 2, 3), (2,)], transpose((3, 2), 0, (2, 0)))
case("conv_transpose2d", "{filters: 2, kernel: [3, 4], padding: [2, 1], dilation: [2, 1]}", [(4, 4, 3)],
     [(3, 4, 2, 3), (2,)], transpose(1, (2, 1), 0, (2, 1)))
case("conv_transpose2d", "{filters: 4, kernel: 3, stride: 2, groups: 2}", [(3, 2, 6)], [(3, 3, 2, 6), (4,)],
     transpose(2, groups=2))
case("conv_transpose2d", "{filters: 3, kernel: 3, groups: 3, padding: 1}", [(4, 3, 3)], [(3, 3, 1, 3), (3,)],
     transpose(1, 1, groups=3))
case("conv_transpose2d", "{filters: 3, kernel: 3, stride: 2, padding: [1, 0, 0, 2]}", [(3, 3, 2)], [(3, 3, 3, 2), (3,)],
     cut(transpose(2), 1, 0, 0, 2))
case("conv_transpose2d", "{filters: 3, kernel: 4, stride: 2, padding: same}", [(3, 2, 2)], [(4, 4, 3, 2), (3,)],
     cut(transpose(2), 1, 1, 1, 1))
case("conv_transpose2d", "{filters: 3, kernel: [3, 2], stride: 2, padding: same}", [(3, 2, 2)], [(3, 2, 3, 2), (3,)],
     cut(transpose(2), 0, 1, 0, 0))

case("depthwise_conv2d", "{kernel: 3}", [(5, 4, 3)], [(3, 3, 3, 1), (3,)], depthwise())
case("depthwise_conv2d", "{kernel: [2, 3], multiplier: 3, bias: false}", [(4, 5, 2)], [(2, 3, 2, 3)], depthwise())
case("depthwise_conv2d", "{kernel: 3, multiplier: 2, stride: 2, padding: same}", [(5, 6, 3)], [(3, 3, 3, 2), (6,)],
     depthwise((2, 2), "same"))
case("depthwise_conv2d", "{kernel: 3, padding: [0, 1, 2, 0], dilation: [1, 2]}", [(4, 5, 17)], [(3, 3, 17, 1), (17,)],
     depthwise((1, 1), (0, 1, 2, 0), (1, 2)))
case("depthwise_conv2d", "{kernel: 1, multiplier: 4}", [(2, 3, 1)], [(1, 1, 1, 4), (4,)], depthwise())

for name, pool in ("max_pool1d", max_pool1d), ("avg_pool1d", avg_pool1d):
    case(name, "", [(7, 3)], [], pool(2, 2))
    case(name, "{size: 3, stride: 1}", [(6, 17)], [], pool(3, 1))
    case(name, "{size: 3, stride: 2, padding: same}", [(8, 2)], [], pool(3, 2, "same"))
    case(name, "{size: 3, padding: 1}", [(7, 2)], [], pool(3, 3, (1, 1)))
    case(name, "{size: 4, stride: 3, padding: [3, 1]}", [(7, 2)], [], pool(4, 3, (3, 1)))
    case(name, "{size: 2, stride: 3}", [(9, 2)], [], pool(2, 3))
case("avg_pool1d", "{size: 3, stride: 2, padding: 1, count_include_pad: true}", [(7, 2)], [],
     avg_pool1d(3, 2, (1, 1), True))

case("global_max_pool", "", [(3, 4, 5)], [], lambda x: F.adaptive_max_pool2d(x.permute(0, 3, 1, 2), 1).flatten(1))
case("global_max_pool", "", [(6, 17)], [], lambda x: F.adaptive_max_pool1d(x.permute(0, 2, 1), 1).flatten(1))
for name, pool in ("adaptive_avg_pool2d", F.adaptive_avg_pool2d), ("adaptive_max_pool2d", F.adaptive_max_pool2d):
    case(name, "{output_size: 2}", [(6, 4, 3)], [], images(lambda x, pool=pool: pool(x, 2)))
    case(name, "{output_size: [3, 4]}", [(7, 6, 2)], [], images(lambda x, pool=pool: pool(x, (3, 4))))
    case(name, "{output_size: 1}", [(3, 4, 17)], [], images(lambda x, pool=pool: pool(x, 1)))
    case(name, "{output_size: [5, 3]}", [(3, 2, 2)], [], images(lambda x, pool=pool: pool(x, (5, 3))))

if __name__ == "__main__":
    write("windows.py")
