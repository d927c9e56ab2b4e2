#!/usr/bin/env python3
"""Recurrent layers in both directions by PyTorch's bidirectional=True, in double, for tests/model/test_bidirectional.c.

    /usr/bin/python3 tests/golden/bidirectional.py > tests/golden/bidirectional.inc

Inputs, targets and weights are those of value(), the same in C.  The loss is the mean of squares.
"""
import torch

N, TIME, IN, UNITS = 3, 5, 4, 2


def value(kind, shape):                                 # numbers [-0.5, 0.5) of each kind: 0 inputs, 1 targets, 2.. weights in heft's order
    n = 1
    for d in shape:
        n *= d
    return torch.tensor([((i * 7 + kind * 13) % 23) / 23 - 0.5 for i in range(n)], dtype=torch.float64).reshape(shape)


def rows(v):
    return "{ " + ", ".join("%.9g" % x for x in v.flatten().tolist()) + " }"


print("/* Written by bidirectional.py with PyTorch %s; see there. */" % torch.__version__)
print("enum { N = %d, TIME = %d, IN = %d, UNITS = %d };" % (N, TIME, IN, UNITS))
print("static const struct { const char *type, *options; bool sequences; int gates; double loss, y[N * TIME * 2 * UNITS], dw[2][IN * 4 * UNITS]; } golden[] = {")
for name, layer, gates in ("lstm", torch.nn.LSTM, 4), ("gru", torch.nn.GRU, 3), ("simple_rnn", torch.nn.RNN, 1):
    for sequences in False, True:
        net = layer(IN, UNITS, batch_first=True, bidirectional=True).double()
        with torch.no_grad():
            kind = 2
            for end in "", "_reverse":
                getattr(net, "weight_ih_l0" + end).copy_(value(kind, (IN, gates * UNITS)).T)
                getattr(net, "weight_hh_l0" + end).copy_(value(kind + 1, (UNITS, gates * UNITS)).T)
                getattr(net, "bias_ih_l0" + end).copy_(value(kind + 2, (gates * UNITS,)))
                getattr(net, "bias_hh_l0" + end).copy_(value(kind + 3, (gates * UNITS,)))
                kind += 4
        y, last = net(value(0, (N, TIME, IN)))
        if not sequences:                               # the last states of both: of time TIME - 1, and of time 0
            h = last[0] if name == "lstm" else last
            y = torch.cat([h[0], h[1]], 1)
        loss = (y - value(1, y.shape)).square().mean()
        loss.backward()
        print('    { "%s", "recurrent_bias: true", %s, %d, %.12g,\n      %s,\n      { %s,\n        %s } },' % (
            name, "true" if sequences else "false", gates, loss.item(), rows(y.detach()),
            rows(net.weight_ih_l0.grad.T.contiguous()), rows(net.weight_ih_l0_reverse.grad.T.contiguous())))
print("};")
