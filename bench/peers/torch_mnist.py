#!/usr/bin/env python3
"""The program mnist's step in PyTorch: the perceptron 784-500-10, batches of 128 rotated digits, two-sided, Gaussian directions.

usage: torch_mnist.py [--data FOLDER] [--out FILE] [--threads N] [--steps N]     FOLDER as for mnist --data
"""

import gzip
import json
import math

from torch_step import measure, run, torch

BATCH = 128
DEGREES = 45
DIGITS = 10000  # of those to train on, so many


def weights(path):
    """fc1.weight [500, 784], fc1.bias, fc2.weight [10, 500], fc2.bias of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    tensors = []
    for name in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"):
        begin, end = header[name]["data_offsets"]
        tensors.append(torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=begin).reshape(header[name]["shape"]).clone())
    return tensors


def digits(folder, part):
    with gzip.open(f"{folder}/{part}-images-idx3-ubyte.gz") as file:
        images = torch.frombuffer(bytearray(file.read(16 + DIGITS * 784)), dtype=torch.uint8, offset=16).reshape(-1, 784).float() / 255
    with gzip.open(f"{folder}/{part}-labels-idx1-ubyte.gz") as file:
        labels = torch.frombuffer(bytearray(file.read(8 + DIGITS)), dtype=torch.uint8, offset=8).long()
    return rotated(images), labels


def rotated(images):
    """Counter-clockwise about the centre, bilinearly, as mnist does it."""
    padded = torch.nn.functional.pad(images.reshape(-1, 28, 28), (1, 1, 1, 1))
    cosine, sine, centre = math.cos(math.radians(DEGREES)), math.sin(math.radians(DEGREES)), 13.5
    y, x = torch.meshgrid(torch.arange(28, dtype=torch.float64) - centre, torch.arange(28, dtype=torch.float64) - centre, indexing="ij")
    column, row = cosine * x - sine * y + centre, sine * x + cosine * y + centre
    c, r = column.floor(), row.floor()
    right, down = column - c, row - r

    def at(rows, columns):
        return padded[:, (rows + 1).clamp(0, 29).long(), (columns + 1).clamp(0, 29).long()]

    upper = (1 - right) * at(r, c) + right * at(r, c + 1)
    lower = (1 - right) * at(r + 1, c) + right * at(r + 1, c + 1)
    return ((1 - down) * upper + down * lower).float().reshape(-1, 784)


def loss(tensors, images, labels):
    w1, b1, w2, b2 = tensors
    hidden = torch.relu(torch.nn.functional.linear(images, w1, b1))
    return torch.nn.functional.cross_entropy(torch.nn.functional.linear(hidden, w2, b2), labels)


def measure_all(folder, threads, steps):
    tensors = weights(f"{folder}/mlp.safetensors")
    before = loss(tensors, *digits(folder, "t10k")).item()
    print(f"rotated by {DEGREES} degrees: loss {before:.4f} on the test digits")
    yield {"loss": before}
    images, labels = digits(folder, "train")
    generator = torch.Generator().manual_seed(1)

    def draw():
        picks = torch.randint(len(labels), (BATCH,), generator=generator)
        return images[picks], labels[picks]

    for count in threads:
        yield measure("mnist", "plain", tensors, draw, lambda batch: loss(tensors, *batch), steps, count)


if __name__ == "__main__":
    run(__doc__, "mnist", "../shared/data/mnist", 150, measure_all)
