#!/usr/bin/python3
"""Writes foreign.h5, foreign_chunks.h5 and foreign_paged.h5 beside itself: HDF5 files as other programs make them, with all that heft
reads and refuses.  h5py 3.7, numpy 1.24."""
import os

import h5py
import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
path = os.path.join(here, "foreign.h5")

with h5py.File(path, "w") as f:
    f["x"] = np.arange(15, dtype="f8").reshape(5, 3) / 4
    f["big_endian"] = np.array([1, -2, 300000], dtype=">i4")
    f["half"] = np.array([0.5, -2], dtype="f2")
    f["bool"] = np.array([True, False, True])
    f["small"] = np.array([-128, 127], dtype="i1")
    f["wide"] = np.array([0, 2**64 - 1], dtype="u8")
    f["fraction"] = np.array([1.0, 2.5])
    f["scalar"] = np.float32(7)
    f.create_dataset("packed", data=np.arange(1000, dtype="i4").reshape(100, 10), chunks=(16, 10), compression="gzip",
                     shuffle=True, fletcher32=True)
    f.create_dataset("lzf", data=np.arange(100), chunks=(10,), compression="lzf")
    f.create_dataset("outside", (4,), dtype="i4", external=[("foreign.bin", 0, 16)])
    layout = h5py.VirtualLayout(shape=(5, 3), dtype="f8")
    layout[:] = h5py.VirtualSource(path, "x", shape=(5, 3))
    f.create_virtual_dataset("virtual", layout)
    f["fixed"] = np.array([b"one", b"three"])
    f["varying"] = "a string of varying length"
    f["nothing"] = h5py.Empty("f4")
    f["rank9"] = np.zeros((1,) * 9)
    f["table"] = np.array([(1, 2.5), (2, -1)], dtype=[("epoch", "u4"), ("loss", "f4")])
    f["soft"] = h5py.SoftLink("/x")
    f["external"] = h5py.ExternalLink("other.h5", "/x")
    g = f.create_group("group")
    g["weights"] = f["x"]
    g.attrs["varying"] = "text"
    g.attrs["real"] = 0.5
    f["soft_group"] = h5py.SoftLink("/group")
    f["huge"] = h5py.Empty("f4")
    del f["huge"]
    f.create_dataset("huge", (2**40, 2**30), dtype="f8", chunks=(1, 1024))

with h5py.File(os.path.join(here, "foreign_chunks.h5"), "w") as f:
    f.create_dataset("x", (8, 131072), dtype="f8", chunks=(3, 2))
    f.create_dataset("y", (8, 100), dtype="f8", chunks=(3, 2))           # never written either, but few

with h5py.File(os.path.join(here, "foreign_paged.h5"), "w", fs_strategy="page", fs_persist=False, fs_page_size=512,
               libver="latest") as f:
    f["x"] = np.arange(3.0)
