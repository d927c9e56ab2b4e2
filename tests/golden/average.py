#!/usr/bin/env python3
"""Averages along a path of weights by torch.optim.swa_utils.AveragedModel, in float, for tests/train/test_average.c.

    /usr/bin/python3 tests/golden/average.py > tests/golden/average.inc

The path is of N weights and a state (batch_norm's running_mean).  Its points are those of a formula, the same in C.
"""
import torch
from torch.optim.swa_utils import AveragedModel

STEPS, N = 12, 5


class Point(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.zeros(N))
        self.register_buffer("s", torch.zeros(2))

    def move(self, step):
        with torch.no_grad():
            for i in range(N):
                self.w[i] = ((step * 7 + i * 3) % 11) / 8 - 0.5
            for i in range(2):
                self.s[i] = ((step * 5 + i) % 7) / 4


def ema(decay):
    return lambda a, w, n: a + (1 - decay) * (w - a)


print("/* Written by average.py with PyTorch %s; see there. */" % torch.__version__)
print("enum { STEPS = %d, N = %d };" % (STEPS, N))
print("static const struct { const char *yaml; bool epoch; int first, every; float w[N], s[2]; } golden[] = {")
for yaml, epoch, start, every, fn in (
        ("ema", False, 0, 1, ema(0.999)), ("{ema: {decay: 0.5}}", False, 0, 1, ema(0.5)),
        ("{ema: {decay: 0.9, start: 3, every: 2}}", False, 3, 2, ema(0.9)),
        ("{ema: {decay: 0.75, unit: epoch}}", True, 0, 1, ema(0.75)),
        ("swa", True, 0, 1, None), ("{swa: {start: 4, every: 3}}", True, 4, 3, None),
        ("{swa: {unit: step, start: 2}}", False, 2, 1, None)):
    point = Point()
    averaged = AveragedModel(point, avg_fn=fn, use_buffers=True)
    for step in range(1, STEPS + 1):
        point.move(step)
        if step > start and (step - start) % every == 0:
            averaged.update_parameters(point)
    values = ["{ " + ", ".join("%.9gf" % v if "." in "%.9g" % v or "e" in "%.9g" % v else "%.9g.f" % v for v in t.tolist()) + " }"
              for t in (averaged.module.w, averaged.module.s)]
    print('    { "%s", %s, %d, %d, %s, %s },' % (yaml, "true" if epoch else "false", start + every, every, *values))
print("};")
