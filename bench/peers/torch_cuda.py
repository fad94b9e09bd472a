#!/usr/bin/env python3
"""What PyTorch takes on a GPU for the traversal of bench_cuda: p.add_(torch.normal(...), alpha) over 4 GB of weights.

The yardstick is a copy of as many bytes within the device's memory, in turn with it; times are the device's, between events.
usage: torch_cuda.py [--out FILE] [--rounds N]     FILE gets what Google Benchmark would write.
"""

import argparse
import json
import statistics

try:
    import torch
except ImportError:
    torch = None

BYTES = 1 << 32


def seconds_of(work):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    work()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


def measure(dtype, rounds):
    size = BYTES // dtype.itemsize
    p = torch.zeros(size, dtype=dtype, device="cuda")

    def copy():
        for _ in range(2):
            p[: size // 2].copy_(p[size // 2 :])

    def move():
        p.add_(torch.normal(mean=0, std=1, size=p.shape, dtype=p.dtype, device=p.device), alpha=1e-3)

    copy(), move()
    copies, moves = [], []
    for _ in range(rounds):
        copies.append(seconds_of(copy))
        moves.append(seconds_of(move))
    seconds, copied = statistics.median(moves), statistics.median(copies)
    quartiles = statistics.quantiles(moves, n=4)
    result = {
        "name": f"torch_cuda/{str(dtype).removeprefix('torch.').replace('float32', 'float')}",
        "run_type": "iteration",
        "iterations": rounds,
        "real_time": 1e3 * seconds,
        "time_unit": "ms",
        "label": f"PyTorch {torch.__version__}",
        "elements": size,
        "ns_element": 1e9 * seconds / size,
        "copy_ns_element": 1e9 * copied / size,
        "x_copy": seconds / copied,
        "spread": (quartiles[2] - quartiles[0]) / seconds,
        "bytes_element": dtype.itemsize,
    }
    print(f"{result['name']:24} {2e-9 * BYTES / seconds:8.0f} GB/s, {result['x_copy']:.2f} copies")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out")
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    if torch is None or not torch.cuda.is_available():
        print("torch: this python3 has no PyTorch, or it finds no CUDA device; its rows on one are left out")
        return
    with torch.no_grad():
        results = [measure(dtype, options.rounds) for dtype in (torch.float32, torch.bfloat16)]
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump({"context": {}, "benchmarks": results}, file, indent=1)


if __name__ == "__main__":
    main()
