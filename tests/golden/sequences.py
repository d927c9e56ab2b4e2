#!/usr/bin/env python3
"""Writes sequences.inc: recurrent layers, attention, embedding, norms, gelu.

    /usr/bin/python3 sequences.py > sequences.inc

As layers.py, which see.  Weights are PyTorch's, transposed.
"""
from layers import *

CASES.clear()


def recurrent(kind, units, sequences=False, reverse=False, second=True):
    def f(x, w, r, b, c=None):
        state = torch.zeros(1, x.shape[0], units).double()
        weights = [w.T, r.T, b, c if second else b * 0]
        y = kind(x.flip(1) if reverse else x, (state, state) if kind is torch.lstm else state, weights,
                 True, 1, 0.0, True, False, True)[0]
        return (y.flip(1) if reverse else y) if sequences else y[:, -1]
    return f


def gru_reset_in_front(units, sequences=False, reverse=False):
    def f(x, w, r, b, c=0):
        h, all_h = torch.zeros(x.shape[0], units).double(), []
        for t in range(x.shape[1])[::-1 if reverse else 1]:
            ar, az, an = (x[:, t] @ w + b + c).split(units, 1)
            qr, qz = (h @ r[:, :2 * units]).split(units, 1)
            reset, z = torch.sigmoid(ar + qr), torch.sigmoid(az + qz)
            n = torch.tanh(an + (reset * h) @ r[:, 2 * units:])
            h = (1 - z) * n + z * h
            all_h.append(h)
        return torch.stack(all_h[::-1 if reverse else 1], 1) if sequences else h
    return f


def rows(gates, features, units, second):
    return [(features, gates * units), (units, gates * units), (gates * units,)] + [(gates * units,)] * second


KINDS = ("lstm", torch.lstm, 4, False), ("gru", torch.gru, 3, True), ("simple_rnn", torch.rnn_tanh, 1, False)
for name, kind, gates, second in KINDS:
    other = "recurrent_bias: " + ("false" if second else "true")
    case(name, "{units: 3}", [(5, 4)], rows(gates, 4, 3, second), recurrent(kind, 3, second=second))
    case(name, "{units: 3, return_sequences: true, %s}" % other, [(5, 2)], rows(gates, 2, 3, not second),
         recurrent(kind, 3, True, second=not second))
    case(name, "{units: 2, reverse: true}", [(4, 3)], rows(gates, 3, 2, second), recurrent(kind, 2, False, True, second))
    case(name, "{units: 2, reverse: true, return_sequences: true, recurrent_bias: true}", [(4, 3)], rows(gates, 3, 2, True),
         recurrent(kind, 2, True, True))
    case(name, "{units: 4, return_sequences: true}", [(1, 3)], rows(gates, 3, 4, second),
         recurrent(kind, 4, True, second=second))
    case(name, "{units: 17}", [(3, 2)], rows(gates, 2, 17, second), recurrent(kind, 17, second=second))
case("simple_rnn", "{units: 3, nonlinearity: relu}", [(4, 3)], rows(1, 3, 3, False),
     recurrent(torch.rnn_relu, 3, second=False))
case("simple_rnn", "{units: 3, nonlinearity: relu, reverse: true, return_sequences: true}", [(4, 2)], rows(1, 2, 3, False),
     recurrent(torch.rnn_relu, 3, True, True, second=False))
case("gru", "{units: 3, reset_after: false}", [(5, 4)], rows(3, 4, 3, True), gru_reset_in_front(3))
case("gru", "{units: 3, reset_after: false, recurrent_bias: false, return_sequences: true}", [(5, 2)],
     rows(3, 2, 3, False), gru_reset_in_front(3, True))
case("gru", "{units: 2, reset_after: false, reverse: true, return_sequences: true}", [(4, 3)], rows(3, 3, 2, True),
     gru_reset_in_front(2, True, True))


def attention(heads, causal=False):
    def f(x, qkv, out, qkv_bias=None, out_bias=None):
        q = x.permute(1, 0, 2)
        mask = torch.ones(len(q), len(q)).triu(1).bool() if causal else None
        y, _ = F.multi_head_attention_forward(q, q, q, q.shape[2], heads, qkv.T, qkv_bias, None, None, False, 0, out.T,
                                              out_bias, need_weights=False, attn_mask=mask)
        return y.permute(1, 0, 2)
    return f


def projections(width, bias=True):
    return [(width, 3 * width), (width, width)] + [(3 * width,), (width,)] * bias


case("multi_head_attention", "{heads: 2}", [(5, 4)], projections(4), attention(2))
case("multi_head_attention", "{heads: 1, bias: false}", [(3, 5)], projections(5, False), attention(1))
case("multi_head_attention", "{heads: 3, causal: true}", [(5, 6)], projections(6), attention(3, True))
case("multi_head_attention", "{heads: 4, causal: true, bias: false}", [(4, 4)], projections(4, False),
     attention(4, True))
case("multi_head_attention", "{heads: 2, causal: true}", [(18, 2)], projections(2), attention(2, True))
case("multi_head_attention", "{heads: 2, causal: true}", [(150, 2)], projections(2), attention(2, True))
case("multi_head_attention", "{heads: 2}", [(1, 4)], projections(4), attention(2))

case("embedding", "{units: 3}", [ids(5)], [(5, 3)], lambda x, w: F.embedding(x, w))
case("embedding", "{units: 2}", [ids(4, 6)], [(4, 2)], lambda x, w: F.embedding(x, w))
case("embedding", "{units: 17, vocabulary: 7}", [ids(3, 2)], [(7, 17)], lambda x, w: F.embedding(x, w))
case("position", "", [(4, 5)], [(4, 5)], lambda x, w: x + w)
case("gelu", "", [(4, 9)], [], F.gelu, 6)


def layer_norm(eps=1e-5, gamma=True, beta=True):
    def f(x, *w):
        w = list(w)
        g = w.pop(0) if gamma else None
        return F.layer_norm(x, x.shape[-1:], g, w[0] if beta else None, eps)
    return f


def group_norm(groups, eps=1e-5, gamma=True, beta=True):
    def f(x, *w):
        w = list(w)
        none = torch.ones(x.shape[-1]).double()        # PyTorch 1.13 fails going back without weights
        g = w.pop(0) if gamma else none
        return F.group_norm(x.movedim(-1, 1), groups, g, w[0] if beta else none * 0, eps).movedim(1, -1)
    return f


def rms_norm(eps=1e-6):
    return lambda x, gamma=1: x / torch.sqrt(x.square().mean(-1, keepdim=True) + eps) * gamma


case("layer_norm", "", [(6,)], [(6,), (6,)], layer_norm())
case("layer_norm", "{eps: 1e-3}", [(3, 17)], [(17,), (17,)], layer_norm(1e-3))
case("layer_norm", "{center: false}", [(2, 2, 5)], [(5,)], layer_norm(beta=False))
case("layer_norm", "{scale: false}", [(4, 5)], [(5,)], layer_norm(gamma=False), 32)
case("layer_norm", "{scale: false, center: false}", [(4, 5)], [], layer_norm(gamma=False, beta=False))

case("group_norm", "{groups: 2}", [(3, 2, 6)], [(6,), (6,)], group_norm(2))
case("group_norm", "{groups: 3, eps: 1e-2}", [(4, 6)], [(6,), (6,)], group_norm(3, 1e-2))
case("group_norm", "{groups: 1, center: false}", [(3, 5)], [(5,)], group_norm(1, beta=False))
case("group_norm", "{groups: 2, scale: false}", [(34,)], [(34,)], group_norm(2, gamma=False))
case("group_norm", "{groups: 4, scale: false, center: false}", [(2, 2, 2, 4)], [],
     group_norm(4, gamma=False, beta=False), 32)
case("group_norm", "{groups: channels}", [(3, 4, 5)], [(5,), (5,)],
     images(lambda x, gamma, beta: F.instance_norm(x, weight=gamma, bias=beta)))

case("rms_norm", "", [(6,)], [(6,)], rms_norm())
case("rms_norm", "{eps: 1e-2}", [(3, 17)], [(17,)], rms_norm(1e-2))
case("rms_norm", "{scale: false}", [(2, 2, 5)], [], rms_norm(), 32)


def masked_attention(heads, padding=0, causal=False):   # by PyTorch where it gives numbers
    whole = attention_masked_by_hand(heads, padding, causal)

    def f(x, tokens, qkv, out, qkv_bias=None, out_bias=None):
        keys = tokens == padding
        if causal or keys.all(1).any():
            return whole(x, tokens, qkv, out, qkv_bias, out_bias)
        q = x.permute(1, 0, 2)
        y, _ = F.multi_head_attention_forward(q, q, q, q.shape[2], heads, qkv.T, qkv_bias, None, None, False, 0, out.T,
                                              out_bias, need_weights=False, key_padding_mask=keys)
        return y.permute(1, 0, 2)
    return f


def attention_masked_by_hand(heads, padding, causal):
    def f(x, tokens, qkv, out, qkv_bias, out_bias):
        n, t, w = x.shape
        q, k, v = (z.reshape(n, t, heads, w // heads).transpose(1, 2)
                   for z in (x @ qkv + (0 if qkv_bias is None else qkv_bias)).split(w, 2))
        hidden = (tokens == padding)[:, None, None, :].expand(n, heads, t, t)
        if causal:
            hidden = hidden | torch.ones(t, t).triu(1).bool()
        nothing = hidden.all(3, keepdim=True)
        score = (q @ k.transpose(2, 3) / (w // heads) ** 0.5).masked_fill(hidden & ~nothing, -torch.inf)
        p = torch.softmax(score, 3) * ~nothing
        y = (p @ v).transpose(1, 2).reshape(n, t, w) @ out
        return y if out_bias is None else y + out_bias
    return f


MASKED = ((ids(3, 5), "{heads: 2}", 4, True, 2, 0, False), (ids(4, 6), "{heads: 1, bias: false, padding: 2}", 3, False, 1, 2, False),
          (ids(2, 5), "{heads: 2, causal: true, padding: 1}", 4, True, 2, 1, True), (ids(1, 3), "{heads: 2}", 2, True, 2, 0, False))
for tokens, options, width, bias, heads, padding, causal in MASKED:
    case("multi_head_attention", options, [(tokens.shape[0], width), tokens], projections(width, bias),
         masked_attention(heads, padding, causal))



def embedding_padded(k):                                # PyTorch's vector of padding_idx is 0, and stays so
    def f(x, w):
        return F.embedding(x, w * (torch.arange(len(w)) != k)[:, None], padding_idx=k)
    return f


case("embedding", "{units: 3, padding: 0}", [ids(4, 6)], [(4, 3)], embedding_padded(0))
case("embedding", "{units: 2, padding: 2}", [ids(3, 5)], [(3, 2)], embedding_padded(2))


def mean_masked(k):
    def f(x, tokens):
        kept = (tokens != k).double()[:, :, None]
        return (x * kept).sum(1) / kept.sum(1).clamp(min=1)
    return f


case("global_avg_pool", "", [(5, 3), ids(2, 5)], [], mean_masked(0))
case("global_avg_pool", "{padding: 1}", [(6, 17), ids(3, 6)], [], mean_masked(1))
case("global_avg_pool", "", [(2, 3), ids(1, 2)], [], mean_masked(0))

def packed(layer, x, tokens, k):                        # the states of layer(data, sizes) at what is not k, carried over what is
    kept = tokens != k
    n = kept.sum(1)
    some = n > 0
    order = torch.argsort((~kept).int(), dim=1, stable=True)             # what is kept comes first
    front = torch.gather(x, 1, order[:, :, None].expand_as(x))
    sequence = torch.nn.utils.rnn.pack_padded_sequence(front, n.clamp(min=1), batch_first=True, enforce_sorted=False)
    y, _ = torch.nn.utils.rnn.pad_packed_sequence(layer(sequence), batch_first=True)
    seen = kept.cumsum(1)                               # how many until each time
    states = torch.cat([torch.zeros_like(y[:, :1]), y * some[:, None, None]], 1)
    return torch.gather(states, 1, seen[:, :, None].expand(-1, -1, y.shape[2]))


def masked_recurrent(kind, units, k, sequences=False, reverse=False, second=True):
    def f(x, tokens, w, r, b, c=None):
        def layer(sequence):
            state = torch.zeros(1, x.shape[0], units).double()
            data = kind(sequence.data, sequence.batch_sizes, (state, state) if kind is torch.lstm else state,
                        [w.T, r.T, b, c if second else b * 0], True, 1, 0.0, True, False)[0]
            return sequence._replace(data=data)
        y = packed(layer, x.flip(1) if reverse else x, tokens.flip(1) if reverse else tokens, k)
        return (y.flip(1) if reverse else y) if sequences else y[:, -1]
    return f


def masked_gru_in_front(units, k, reverse=False):       # no PyTorch kernel has it: without what is masked, sample by sample
    def f(x, tokens, *weights):
        whole, out = gru_reset_in_front(units, True, reverse), []
        for i in range(len(x)):
            kept = (tokens[i] != k).nonzero()[:, 0]
            y = whole(x[i:i + 1, kept], *weights)[0]
            ahead = (kept >= torch.arange(x.shape[1])[:, None] if reverse else kept <= torch.arange(x.shape[1])[:, None]).sum(1)
            states = torch.cat([torch.zeros(1, units).double(), y.flip(0) if reverse else y])
            out.append(states[ahead])
        return torch.stack(out)
    return f


for name, kind, gates, second in KINDS:
    case(name, "{units: 3}", [(5, 4), ids(2, 5)], rows(gates, 4, 3, second), masked_recurrent(kind, 3, 0, second=second))
    case(name, "{units: 3, return_sequences: true, padding: 1}", [(6, 2), ids(3, 6)], rows(gates, 2, 3, second),
         masked_recurrent(kind, 3, 1, True, second=second))
    case(name, "{units: 2, reverse: true}", [(4, 3), ids(2, 4)], rows(gates, 3, 2, second),
         masked_recurrent(kind, 2, 0, False, True, second))
    case(name, "{units: 17, reverse: true, return_sequences: true, recurrent_bias: true}", [(4, 3), ids(2, 4)],
         rows(gates, 3, 17, True), masked_recurrent(kind, 17, 0, True, True))
    case(name, "{units: 2}", [(2, 3), ids(1, 2)], rows(gates, 3, 2, second), masked_recurrent(kind, 2, 0, second=second))
case("simple_rnn", "{units: 3, nonlinearity: relu, return_sequences: true}", [(5, 3), ids(2, 5)], rows(1, 3, 3, False),
     masked_recurrent(torch.rnn_relu, 3, 0, True, second=False))
case("gru", "{units: 3, reset_after: false, return_sequences: true}", [(5, 4), ids(2, 5)], rows(3, 4, 3, True),
     masked_gru_in_front(3, 0))
case("gru", "{units: 2, reset_after: false, return_sequences: true, reverse: true}", [(5, 3), ids(2, 5)], rows(3, 3, 2, True),
     masked_gru_in_front(2, 0, True))


def largest_masked(k):
    def f(x, tokens):
        y = x.masked_fill((tokens == k)[:, :, None], -torch.inf).amax(1)
        return torch.where(torch.isinf(y), torch.zeros_like(y), y)
    return f


case("global_max_pool", "", [(5, 3), ids(2, 5)], [], largest_masked(0))
case("global_max_pool", "{padding: 1}", [(6, 17), ids(3, 6)], [], largest_masked(1))
case("global_max_pool", "", [(2, 3), ids(1, 2)], [], largest_masked(0))

if __name__ == "__main__":
    write("sequences.py")
