#!/usr/bin/python3
"""The values of `golden` in tests/base/test_rng.c, from plugin.h's and rng.h's definitions alone."""
M = 0xFFFFFFFF


def philox(key, lo, hi):
    k0, k1 = key & M, key >> 32
    a, b, c, d = lo & M, lo >> 32, hi & M, hi >> 32
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ k0, q & M, (p >> 32) ^ d ^ k1, p & M
        k0, k1 = (k0 + 0x9E3779B9) & M, (k1 + 0xBB67AE85) & M
    return a, b, c, d


def rng_key(seed, purpose, a, b):
    w = philox(seed, a, b)
    w = philox(w[1] << 32 | w[0], purpose, seed)
    return w[3] << 32 | w[2]


class Rng:
    def __init__(self, key):
        self.key, self.n = key, 0

    def bits(self):
        w = philox(self.key, self.n >> 2, 0)[self.n & 3]
        self.n += 1
        return w

    def below(self, bound):
        reject = (1 << 64) % bound
        while True:
            hi, lo = self.bits(), self.bits()
            product = (hi << 32 | lo) * bound
            if product & (1 << 64) - 1 >= reject:
                return product >> 64


def permutation(key, n):
    r, out = Rng(key), list(range(n))
    for i in range(n - 1, 0, -1):
        j = r.below(i + 1)
        out[i], out[j] = out[j], out[i]
    return out


INIT, SHUFFLE = 1, 3
assert philox(0, 0, 0) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
print(hex(rng_key(0, INIT, 0, 0)), hex(rng_key(1, SHUFFLE, 7, 0)))
print(permutation(rng_key(1, SHUFFLE, 0, 0), 10))
