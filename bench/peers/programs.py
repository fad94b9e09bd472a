#!/usr/bin/env python3
"""The programs mnist and finetune against the same steps in PyTorch, in turn; writes the page docs/benchmarks/programs.md.

usage: programs.py --mnist PROGRAM --finetune PROGRAM [--python PYTHON ...] [--data FOLDER] [--rounds N] [--results FILE] [--page FILE]

PYTHON has PyTorch; several may be given. FILE of --results keeps the rounds: those already there count too.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
THREADS = (1, 2)
DIRECTIONS = ("rademacher", "gaussian")
GOALS = {"mnist": (15.0, 3.0), "finetune": (2.0, 2.0)}  # most of a step in the optimizer, in percent; least times as fast as PyTorch
PEERS = {"mnist": "torch_mnist.py", "finetune": "torch_llama.py"}
MNIST = "--estimator two-sided --direction {direction} --forwards 1000 --threads {threads}"
FINETUNE = "--estimator two-sided --direction {direction} --update sgd --forwards 40 --threads {threads}"
VARIANTS = ("plain", "grouped", "sdpa")


def output_of(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def ours_mnist(options, direction, threads):
    text = output_of([options.mnist, "--data", f"{options.data}/mnist", *MNIST.format(direction=direction, threads=threads).split()])
    step, share = re.search(r"([\d.]+) ms a step, ([\d.]+) %", text).groups()
    loss = re.search(r"rotated by .* loss ([\d.]+)", text).group(1)
    return {"step_ms": float(step), "share": float(share), "loss": float(loss)}


def ours_finetune(options, direction, threads):
    folder = f"{options.data}/stories260K"
    with tempfile.TemporaryDirectory() as scratch:
        figures = f"{scratch}/figures.json"
        output_of([options.finetune, "--model", f"{folder}/stories260K.bin", "--tokenizer", f"{folder}/tok512.bin", "--train",
                   f"{options.data}/text/tinyshakespeare.txt", *FINETUNE.format(direction=direction, threads=threads).split(), "--json", figures])
        with open(figures, encoding="utf-8") as file:
            run = json.load(file)
    return {"step_ms": 2e3 * run["seconds"] / run["forward_passes"], "share": 100 * run["optimizer_seconds"] / run["seconds"],
            "loss": run["eval_loss_before"]}


def theirs(options, program, python):
    with tempfile.TemporaryDirectory() as scratch:
        figures = f"{scratch}/figures.json"
        threads = [argument for count in THREADS for argument in ("--threads", str(count))]
        data = f"{options.data}/mnist" if program == "mnist" else options.data
        output_of([python, str(HERE / PEERS[program]), "--data", data, "--out", figures, *threads])
        if not os.path.exists(figures):
            return []
        with open(figures, encoding="utf-8") as file:
            run = json.load(file)
    who = f"PyTorch {run['context']['torch']}, {run['context']['blas']}"
    return [{"program": program, "who": who, "how": result["variant"], "threads": result["threads"], "step_ms": result["step_ms"],
             "share": 100 * result["passes_share"], "loss": run["context"]["loss"]} for result in run["benchmarks"]]


def round_of(options):
    """One of each, alternately ours and theirs."""
    results = []
    for program, ours in (("mnist", ours_mnist), ("finetune", ours_finetune)):
        for direction in DIRECTIONS:
            for threads in THREADS:
                results.append({"program": program, "who": "zeroth", "how": direction, "threads": threads, **ours(options, direction, threads)})
        for python in options.python:
            results += theirs(options, program, python)
    return results


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        name = re.search(r"model name\s*: (.*)", file.read())
    return f"{name.group(1) if name else 'an unknown processor'}, {os.cpu_count()} cores"


def row(*cells):
    return "| " + " | ".join(cells) + " |\n"


def verdict(met, goal, unit=""):
    return f"{goal:.0f}{unit}" + (" met" if met else " **missed**")


class Page:
    """Medians over the rounds, as tables."""

    def __init__(self, rounds):
        self.rounds = rounds
        self.all = [result for one in rounds for result in one]

    def median(self, key, **which):
        values = [result[key] for result in self.all if all(result[name] == value for name, value in which.items())]
        return statistics.median(values) if values else None

    def ours(self):
        text = row("program", "direction", "threads", "ms a step", "of it in the optimizer", "goal") + "|---|---|---:|---:|---:|---:|\n"
        for program, (most, _) in GOALS.items():
            for how in DIRECTIONS:
                for threads in THREADS:
                    which = {"program": program, "who": "zeroth", "how": how, "threads": threads}
                    share = self.median("share", **which)
                    text += row(f"`{program}`", how, str(threads), f"{self.median('step_ms', **which):.2f}", f"{share:.1f} %",
                                verdict(share < most, most, " %"))
        return text

    def theirs(self):
        text = row("program", "PyTorch", "threads", *(f"{how}, ms" for how in VARIANTS), "of the fastest in the passes", "over ours, Rademacher",
                   "goal", "over ours, Gaussian") + "|---|---|" + 8 * "---:|" + "\n"
        for program, (_, least) in GOALS.items():
            for who in sorted({result["who"] for result in self.all if result["who"] != "zeroth"}):
                for threads in THREADS:
                    which = {"program": program, "who": who, "threads": threads}
                    times = {how: self.median("step_ms", how=how, **which) for how in VARIANTS}
                    measured = {how: time for how, time in times.items() if time is not None}
                    fastest = min(measured, key=measured.get)
                    ratios = [measured[fastest] / self.median("step_ms", program=program, who="zeroth", how=how, threads=threads) for how in DIRECTIONS]
                    text += row(f"`{program}`", who, str(threads), *("" if time is None else f"{time:.2f}" for time in times.values()),
                                f"{self.median('share', how=fastest, **which):.0f} %", f"{ratios[0]:.2f}", verdict(ratios[0] >= least, least), f"{ratios[1]:.2f}")
        return text

    def losses(self):
        text = ""
        for program, what in (("mnist", "the rotated test digits"), ("finetune", "the last tenth of the text")):
            found = [f"{who} {self.median('loss', program=program, who=who):.4f}" for who in ["zeroth", *sorted({r["who"] for r in self.all} - {"zeroth"})]]
            text += f"- `{program}`, {what}: {'; '.join(found)}.\n"
        return text

    def text(self):
        return f"""# Programs, measured

{processor()}. Medians of {len(self.rounds)} rounds in which every row had its turn. This page is written by

```console
$ cmake --build build/release --target compare_programs
```

into `build/release/bench/pages/` ([README](README.md)); with several PyTorches, by `bench/peers/programs.py --python PYTHON --python PYTHON ...`.

The programs `mnist` and `finetune` on the pretrained checkpoints, a two-sided step of ZO-SGD with one query:

```console
$ mnist {MNIST.format(direction="rademacher", threads=1)}
$ finetune --model stories260K.bin --tokenizer tok512.bin --train tinyshakespeare.txt \\
    {FINETUNE.format(direction="rademacher", threads=1)}
```

{self.ours()}
The same models, data, batches (128 digits; 16 windows of 128 tokens) and precision (float32) in PyTorch, with MeZO's usual four passes in place,
`p.add_(z, alpha)` with Gaussian z, each generating it anew: `bench/peers/torch_mnist.py` and `bench/peers/torch_llama.py`. Plain, grouped, sdpa: attention
as written out; with the heads of a key together and the mask added by the product; and by `scaled_dot_product_attention`. `mnist` has none of it. The ratio
is that of the fastest to ours.

{self.theirs()}
They compute the same: the loss before training, in nats.

{self.losses()}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", required=True)
    parser.add_argument("--finetune", required=True)
    parser.add_argument("--python", action="append", default=[])
    parser.add_argument("--data", default=os.environ.get("ZEROTH_DATA_DIR", "../shared/data"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results")
    parser.add_argument("--page")
    options = parser.parse_args()
    rounds = []
    if options.results and os.path.exists(options.results):
        with open(options.results, encoding="utf-8") as file:
            rounds = json.load(file)
    for _ in range(options.rounds):
        rounds.append(round_of(options))
        print(f"round {len(rounds)}", flush=True)
        if options.results:
            with open(options.results, "w", encoding="utf-8") as file:
                json.dump(rounds, file, indent=1)
    if not rounds:
        sys.exit("programs.py: no round was measured")
    text = Page(rounds).text()
    if options.page:
        pathlib.Path(options.page).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(options.page).write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
