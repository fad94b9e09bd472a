"""MeZO's two-sided step in PyTorch around any forward pass, timed: what torch_mnist.py and torch_llama.py share."""

import argparse
import json
import time

try:
    import torch
except ImportError:
    torch = None

EPSILON = 1e-3
RATE = 1e-6


def move(tensors, seed, scale):
    """p += scale z, z drawn anew for each tensor from the seed."""
    torch.manual_seed(seed)
    for p in tensors:
        p.add_(torch.normal(mean=0, std=1, size=p.shape, dtype=p.dtype), alpha=scale)


def step(tensors, seed, loss):
    """Four passes over the tensors and two forward passes. Returns the seconds in the first."""
    begin = time.perf_counter()
    move(tensors, seed, EPSILON)
    moved = time.perf_counter()
    above = loss()
    forwarded = time.perf_counter()
    move(tensors, seed, -2 * EPSILON)
    moved_again = time.perf_counter()
    below = loss()
    forwarded_again = time.perf_counter()
    move(tensors, seed, EPSILON)
    move(tensors, seed, -RATE * (above - below) / (2 * EPSILON))
    end = time.perf_counter()
    return (moved - begin) + (moved_again - forwarded) + (end - forwarded_again)


def measure(program, variant, tensors, draw, loss, steps, threads):
    """Mean time of a step, of loss(batch) with batch = draw(); the batch is drawn outside it."""
    torch.set_num_threads(threads)
    seconds = passes = 0.0
    for seed in range(-2, steps):  # two to warm up
        batch = draw()
        begin = time.perf_counter()
        in_passes = step(tensors, seed + 2, lambda: loss(batch).item())
        if seed >= 0:
            seconds += time.perf_counter() - begin
            passes += in_passes
    result = {
        "name": f"torch_{program}_{variant}/threads:{threads}",
        "step_ms": 1e3 * seconds / steps,
        "passes_share": passes / seconds,
        "threads": threads,
        "variant": variant,
    }
    print(f"{result['name']:34} {result['step_ms']:8.2f} ms a step, {100 * result['passes_share']:.1f} % of it in the passes", flush=True)
    return result


def blas():
    """The library of matrix products. NumPy may have loaded one of its own: so what was built in comes first."""
    if "USE_MKL=ON" in torch.__config__.show():
        return "MKL"
    with open("/proc/self/maps", encoding="utf-8") as file:
        return "OpenBLAS" if "openblas" in file.read() else "an unknown BLAS"


def run(description, program, data, steps, measure_all):
    """The command line. measure_all(folder, threads, steps) yields results, the first of them {"loss": ...}, that of the weights as they came."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=data, help="folder of the model and its data (default: %(default)s)")
    parser.add_argument("--out", help="writes the figures as JSON")
    parser.add_argument("--threads", type=int, action="append", help="may be given several times (default: 1)")
    parser.add_argument("--steps", type=int, default=steps)
    options = parser.parse_args()
    if torch is None:
        print("torch: this python3 has no PyTorch; its rows are left out")
        return
    context = {"torch": torch.__version__, "blas": blas()}
    print(f"PyTorch {context['torch']}, {context['blas']}")
    with torch.no_grad():
        results = list(measure_all(options.data, options.threads or [1], options.steps))
    context.update(results.pop(0))
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump({"context": context, "benchmarks": results}, file, indent=1)
