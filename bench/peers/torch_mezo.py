#!/usr/bin/env python3
"""The passes of a MeZO step in PyTorch: p.add_(z, alpha), z drawn anew for each tensor, over OPT-125M's tensors.

A step is four passes: +eps, -2 eps, +eps, the update. The yardstick is p.add_(c) over the same tensors, in turn with the steps.
usage: torch_mezo.py [--out FILE] [--threads N] [--rounds N]     FILE gets what Google Benchmark would write.
"""

import argparse
import json
import statistics
import time

try:
    import torch
except ImportError:
    torch = None


def opt_125m():
    """Shapes of the trained tensors, 125,239,296 parameters."""
    width = 768
    shapes = [(50272, width), (2050, width)]
    for _ in range(12):
        shapes += 4 * [(width, width), (width,)] + 2 * [(width,)]
        shapes += [(3072, width), (3072,), (width, 3072), (width,)] + 2 * [(width,)]
    return shapes + 2 * [(width,)]


def step(tensors, seed):
    for scale in (1e-3, -2e-3, 1e-3, -1e-6):
        torch.manual_seed(seed)
        for p in tensors:
            p.add_(torch.normal(mean=0, std=1, size=p.shape, dtype=p.dtype), alpha=scale)


def published_step(tensors, seed):
    """As MeZO's code has it: not in place, and the update with a weight decay of its own."""
    for scale in (1, -2, 1):
        torch.manual_seed(seed)
        for p in tensors:
            z = torch.normal(mean=0, std=1, size=p.size(), dtype=p.dtype)
            p.data = p.data + scale * z * 1e-3
    torch.manual_seed(seed)
    for p in tensors:
        z = torch.normal(mean=0, std=1, size=p.size(), dtype=p.dtype)
        p.data = p.data - 1e-6 * (0.5 * z + 0.0 * p.data)


def seconds_of(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(name, step_of, rounds, threads):
    torch.set_num_threads(threads)
    tensors = [torch.full(shape, 0.02) for shape in opt_125m()]
    elements = sum(p.numel() for p in tensors)
    step_of(tensors, 0)
    steps, increments = [], []
    for seed in range(rounds):
        increments.append(seconds_of(lambda: [p.add_(1e-6) for p in tensors]))
        steps.append(seconds_of(lambda: step_of(tensors, seed)))
    seconds, increment = statistics.median(steps), statistics.median(increments)
    result = {
        "name": f"{name}/threads:{threads}",
        "run_type": "iteration",
        "iterations": rounds,
        "real_time": 1e3 * seconds,
        "time_unit": "ms",
        "label": f"PyTorch {torch.__version__}",
        "elements": elements,
        "ns_element": 1e9 * seconds / 4 / elements,
        "increment_ns_element": 1e9 * increment / elements,
        "x_increment": seconds / 4 / increment,
        "step_seconds": seconds,
        "threads": threads,
    }
    print(f"{result['name']:32} {result['ns_element']:6.2f} ns an element and pass, {result['x_increment']:5.1f} increments, {seconds:.2f} s a step")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out")
    parser.add_argument("--threads", type=int, action="append", help="may be given several times (default: 1)")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if torch is None:
        print("torch: this python3 has no PyTorch; its rows are left out")
        return
    results = []
    with torch.no_grad():
        for threads in options.threads or [1]:
            results.append(measure("torch_in_place", step, options.rounds, threads))
        results.append(measure("torch_as_published", published_step, options.rounds, 1))
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump({"context": {}, "benchmarks": results}, file, indent=1)


if __name__ == "__main__":
    main()
