#!/usr/bin/env python3
"""Learning rates by PyTorch's schedulers, for tests/train/test_schedule.c.

    /usr/bin/python3 tests/golden/schedules.py > tests/golden/schedules.inc

A unit (a step or an epoch) is one call of scheduler.step(); the rates are those before each.
"""
import textwrap
import warnings
import torch
from torch.optim.lr_scheduler import (ConstantLR, CosineAnnealingLR, CosineAnnealingWarmRestarts, CyclicLR, ExponentialLR,
                                      LambdaLR, LinearLR, MultiStepLR, OneCycleLR, PolynomialLR, ReduceLROnPlateau, SequentialLR, StepLR)

warnings.simplefilter("ignore")


def optimizer(lr):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def numbers(v):
    text = ["NAN" if x != x else "INFINITY" if x == float("inf") else "%.17g" % x for x in v]
    lines = textwrap.wrap(", ".join(text), 110, break_long_words=False)
    return "(const double[]){\n    " + "\n    ".join(lines) + " }"


def series(text, lr, make, n):
    o = optimizer(lr)
    scheduler = make(o)
    rates = []
    for _ in range(n):
        rates.append(o.param_groups[0]["lr"])
        o.step()
        scheduler.step()
    print('{ "%s", %d, %s },' % (text, n, numbers(rates)))


def warmup_cosine(warmup, total, floor):
    """LinearLR from 1/warmup in warmup - 1 steps to 1, then the cosine from the peak again at step `warmup`."""
    return lambda o: SequentialLR(o, [LinearLR(o, 1 / warmup, 1, warmup - 1),
                                      CosineAnnealingLR(o, total - warmup, floor)], [warmup])


def warm(text, lr, warmup, make, n):
    """LinearLR from 1/warmup in warmup - 1 steps to the rate of the scheduler's step 0, then the scheduler."""
    o = optimizer(lr)
    scheduler = make(o)
    rates = []
    for _ in range(n - warmup):
        rates.append(o.param_groups[0]["lr"])
        o.step()
        scheduler.step()
    rise = [rates[0] * (k + 1) / warmup for k in range(warmup)]
    print('{ "%s", %d, %s },' % (text, n, numbers(rise + rates)))


def plateau(text, lr, mode, metric, **options):
    o = optimizer(lr)
    scheduler = ReduceLROnPlateau(o, mode, threshold_mode="rel", eps=0, **options)
    rates = []
    for m in metric:
        scheduler.step(m)
        rates.append(o.param_groups[0]["lr"])
    print('{ "%s", %d, %d, %s, %s },' % (text, mode == "max", len(metric), numbers(metric), numbers(rates)))


NAN = float("nan")
print("/* Written by schedules.py (torch %s); see there. */" % torch.__version__.split("+")[0])
print("/* Rates before each step or epoch; %s stands for the unit, if there is one. */")
print("static const struct { const char *value; int n; const double *rate; } series[] = {")
series("{step: {initial: 0.1, every: 3, gamma: 0.5, unit: %s}}", 0.1, lambda o: StepLR(o, 3, 0.5), 14)
series("{step: {initial: 0.2, every: 1, unit: %s}}", 0.2, lambda o: StepLR(o, 1), 6)
series("{cosine: {peak: 0.1, unit: %s, steps: 20}}", 0.1, lambda o: CosineAnnealingLR(o, 20), 21)
series("{cosine: {peak: 1, floor: 0.25, unit: %s, steps: 7}}", 1, lambda o: CosineAnnealingLR(o, 7, 0.25), 8)
series("{cosine: {peak: 0.1, warmup: 5, unit: %s, steps: 20}}", 0.1, warmup_cosine(5, 20, 0), 20)
series("{cosine: {peak: 0.3, warmup: 2, floor: 0.03, unit: %s, steps: 9}}", 0.3, warmup_cosine(2, 9, 0.03), 9)
series("{exponential: {initial: 0.1, gamma: 0.9, unit: %s}}", 0.1, lambda o: ExponentialLR(o, 0.9), 20)
series("{exponential: {initial: 2, gamma: 0.25, every: 2, unit: %s}}", 2, lambda o: ExponentialLR(o, 0.5), 12)
series("{multistep: {initial: 0.1, milestones: [2, 3, 9], unit: %s}}", 0.1, lambda o: MultiStepLR(o, [2, 3, 9]), 12)
series("{multistep: {initial: 0.3, milestones: 5, gamma: 0.5, unit: %s}}", 0.3, lambda o: MultiStepLR(o, [5], 0.5), 8)
series("{polynomial: {initial: 0.1, steps: 12, unit: %s}}", 0.1, lambda o: PolynomialLR(o, 12), 16)
series("{polynomial: {initial: 0.5, steps: 9, power: 2.5, unit: %s}}", 0.5, lambda o: PolynomialLR(o, 9, 2.5), 12)
series("{cosine_restarts: {peak: 0.1, period: 5, unit: %s}}", 0.1, lambda o: CosineAnnealingWarmRestarts(o, 5), 17)
series("{cosine_restarts: {peak: 1, floor: 0.1, period: 2, period_factor: 2, unit: %s}}", 1,
       lambda o: CosineAnnealingWarmRestarts(o, 2, 2, 0.1), 31)
series("{one_cycle: {peak: 0.1, steps: 20, unit: %s}}", 0.1, lambda o: OneCycleLR(o, 0.1, 20), 20)
series("{one_cycle: {peak: 1, steps: 17, pct_start: 0.4, div_factor: 10, final_div_factor: 50, anneal: linear, unit: %s}}", 1,
       lambda o: OneCycleLR(o, 1, 17, pct_start=0.4, div_factor=10, final_div_factor=50, anneal_strategy="linear"), 17)
series("{one_cycle: {peak: 0.5, steps: 30, three_phase: true, unit: %s}}", 0.5,
       lambda o: OneCycleLR(o, 0.5, 30, three_phase=True), 30)
series("{cyclic: {base: 0.01, peak: 0.1, up: 4, unit: %s}}", 0.1, lambda o: CyclicLR(o, 0.01, 0.1, 4, cycle_momentum=False), 20)
series("{cyclic: {base: 0.01, peak: 0.1, up: 3, down: 5, mode: triangular2, unit: %s}}", 0.1,
       lambda o: CyclicLR(o, 0.01, 0.1, 3, 5, "triangular2", cycle_momentum=False), 30)
series("{cyclic: {base: 0, peak: 1, up: 5, down: 2, mode: exp_range, gamma: 0.9, unit: %s}}", 1,
       lambda o: CyclicLR(o, 0, 1, 5, 2, "exp_range", 0.9, cycle_momentum=False), 20)
warm("{step: {initial: 0.1, every: 3, gamma: 0.5, warmup: 4, unit: %s}}", 0.1, 4, lambda o: StepLR(o, 3, 0.5), 14)
warm("{polynomial: {initial: 0.1, steps: 12, warmup: 2, unit: %s}}", 0.1, 2, lambda o: PolynomialLR(o, 10), 16)
warm("{exponential: {initial: 0.1, gamma: 0.8, warmup: 1, unit: %s}}", 0.1, 1, lambda o: ExponentialLR(o, 0.8), 6)
warm("{one_cycle: {peak: 0.1, steps: 20, warmup: 5, unit: %s}}", 0.1, 5, lambda o: OneCycleLR(o, 0.1, 15), 20)
series("{constant: {value: 0.3}}", 0.3, lambda o: ConstantLR(o, 1, 0), 5)
series("{piecewise: {boundaries: [3, 5], values: [0.3, 0.2, 0.01], unit: %s}}", 1,
       lambda o: LambdaLR(o, lambda s: (0.3, 0.2, 0.01)[(s >= 3) + (s >= 5)]), 8)
series("{piecewise: {boundaries: 2, values: [0.5, 2], unit: %s}}", 1, lambda o: LambdaLR(o, lambda s: 0.5 if s < 2 else 2), 4)
series("{inverse_time: {initial: 0.5, rate: 0.25, unit: %s}}", 0.5, lambda o: LambdaLR(o, lambda s: 1 / (1 + 0.25 * s)), 12)
series("{inverse_time: {initial: 3, rate: 2, every: 4, power: 0.75, unit: %s}}", 3,
       lambda o: LambdaLR(o, lambda s: (1 + 2 * s / 4) ** -0.75), 12)
warm("{inverse_time: {initial: 1, rate: 1, warmup: 4, unit: %s}}", 1, 4, lambda o: LambdaLR(o, lambda s: 1 / (1 + s)), 9)
print("};")
print("/* Rates after each metric. */")
print("static const struct { const char *value; int maximize, n; const double *metric, *rate; } plateaus[] = {")
flat = [1, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.79, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]
plateau("{plateau: {initial: 0.1, patience: 2}}", 0.1, "min", flat, patience=2)
plateau("{plateau: {initial: 0.1, patience: 2, factor: 0.5, cooldown: 2}}", 0.1, "min", flat,
        patience=2, factor=0.5, cooldown=2)
plateau("{plateau: {initial: 0.1, patience: 0, factor: 0.5, floor: 0.02}}", 0.1, "min", flat,
        patience=0, factor=0.5, min_lr=0.02)
plateau("{plateau: {initial: 1, patience: 1, factor: 0.3, threshold: 0.05}}", 1, "min",
        [1, 0.96, 0.955, 0.94, 0.91, 0.9, 0.89, 0.88, 0.87, 0.5], patience=1, factor=0.3, threshold=0.05)
plateau("{plateau: {initial: 1, patience: 1, factor: 0.3, threshold: 0.05, monitor: val_accuracy}}", 1, "max",
        [0.5, 0.52, 0.524, 0.53, 0.56, 0.57, 0.58, 0.58, 0.7, 0.7], patience=1, factor=0.3, threshold=0.05)
plateau("{plateau: {initial: 1, patience: 1, factor: 0.5}}", 1, "min",
        [NAN, 3, NAN, NAN, 2, float("inf"), 1.9, NAN, NAN, NAN, NAN], patience=1, factor=0.5)
plateau("{plateau: {initial: 1, patience: 1, factor: 0.5}}", 1, "min", [NAN, NAN, NAN, 3, 3, 3, 3, 2], patience=1, factor=0.5)
plateau("{plateau: {initial: 1, patience: 0, factor: 0.5}}", 1, "min", [float("inf"), 2, 3], patience=0, factor=0.5)
plateau("{plateau: {initial: 0.01}}", 0.01, "min", [1] * 25)
print("};")
