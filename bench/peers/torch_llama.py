#!/usr/bin/env python3
"""The program finetune's step in PyTorch: stories260K.bin on tinyshakespeare, 16 windows of 128 tokens, two-sided, Gaussian directions.

Attention three ways: plain (keys and values repeated for each head, mask, softmax); grouped (the heads of a key together, the mask
added by the product); sdpa (scaled_dot_product_attention, from PyTorch 2.0).
usage: torch_llama.py [--data FOLDER] [--out FILE] [--threads N] [--steps N]     FOLDER holds stories260K/ and text/
"""

import heapq
import math
import struct

from torch_step import measure, run, torch

BATCH = 16
LENGTH = 128
TEXT = "text/tinyshakespeare.txt"


class Tokenizer:
    """llama2.c's: pairs are merged, the best score first."""

    def __init__(self, path, vocabulary):
        with open(path, "rb") as file:
            data = file.read()
        self.pieces, self.scores, at = [], [], 4
        for _ in range(vocabulary):
            score, length = struct.unpack_from("<fi", data, at)
            self.pieces.append(data[at + 8 : at + 8 + length])
            self.scores.append(score)
            at += 8 + length
        self.ids = {piece: token for token, piece in enumerate(self.pieces)}

    def encode(self, text):
        """Of ASCII bytes; a space comes first."""
        tokens = [self.ids.get(bytes([byte]), 3 + byte) for byte in b" " + text]
        previous, following, heap = list(range(-1, len(tokens) - 1)), list(range(1, len(tokens) + 1)), []

        def consider(left):
            if left < 0 or following[left] >= len(tokens):
                return
            right = tokens[following[left]]
            merged = self.ids.get(self.pieces[tokens[left]] + self.pieces[right])
            if merged is not None:
                heapq.heappush(heap, (-self.scores[merged], left, tokens[left], right, merged))

        for left in range(len(tokens)):
            consider(left)
        while heap:
            _, left, first, second, merged = heapq.heappop(heap)
            right = following[left]
            if tokens[left] != first or right >= len(tokens) or tokens[right] != second:
                continue
            tokens[left], tokens[right], following[left] = merged, -1, following[right]
            if following[left] < len(tokens):
                previous[following[left]] = left
            consider(previous[left])
            consider(left)
        return torch.tensor([token for token in tokens if token >= 0])


class Llama:
    """A checkpoint of llama2.c's legacy layout, its classifier tied."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = bytearray(file.read())
        self.dim, self.hidden, self.layers, self.heads, self.kv_heads, self.vocabulary, self.sequence = struct.unpack_from("<7i", data)
        self.head = self.dim // self.heads
        kv_dim = self.kv_heads * self.head
        at = 28

        def take(*shape):
            nonlocal at
            count = math.prod(shape)
            tensor = torch.frombuffer(data, dtype=torch.float32, count=count, offset=at).reshape(shape).clone()
            at += 4 * count
            return tensor

        def per_layer(*shape):
            return [take(*shape) for _ in range(self.layers)]

        self.embedding = take(self.vocabulary, self.dim)
        self.attention_norm = per_layer(self.dim)
        self.wq = per_layer(self.dim, self.dim)
        self.wk = per_layer(kv_dim, self.dim)
        self.wv = per_layer(kv_dim, self.dim)
        self.wo = per_layer(self.dim, self.dim)
        self.ffn_norm = per_layer(self.dim)
        self.w1 = per_layer(self.hidden, self.dim)
        self.w2 = per_layer(self.dim, self.hidden)
        self.w3 = per_layer(self.hidden, self.dim)
        self.final_norm = take(self.dim)
        angles = torch.arange(LENGTH)[:, None] * 10000.0 ** (-torch.arange(0, self.head, 2, dtype=torch.float64) / self.head)
        self.cosines, self.sines = angles.cos().float()[:, None], angles.sin().float()[:, None]
        self.seen = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
        self.bias = torch.zeros(LENGTH, LENGTH).masked_fill(~self.seen, -math.inf)

    def tensors(self):
        kinds = (self.attention_norm, self.wq, self.wk, self.wv, self.wo, self.ffn_norm, self.w1, self.w2, self.w3)
        return [self.embedding, *(tensor for kind in kinds for tensor in kind), self.final_norm]

    def loss(self, tokens, attention):
        """Mean negative log-likelihood of tokens [sequences, inputs + 1]."""
        linear = torch.nn.functional.linear
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
        sequences, length = inputs.shape
        x = self.embedding[inputs]
        for layer in range(self.layers):
            normalized = norm(x, self.attention_norm[layer])
            q = linear(normalized, self.wq[layer]).view(sequences, length, self.heads, self.head)
            k = linear(normalized, self.wk[layer]).view(sequences, length, self.kv_heads, self.head)
            v = linear(normalized, self.wv[layer]).view(sequences, length, self.kv_heads, self.head)
            q, k = self.turned(q), self.turned(k)
            result = attention(self, q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
            x = x + linear(result.transpose(1, 2).reshape(sequences, length, self.dim), self.wo[layer])
            normalized = norm(x, self.ffn_norm[layer])
            gate = torch.nn.functional.silu(linear(normalized, self.w1[layer])) * linear(normalized, self.w3[layer])
            x = x + linear(gate, self.w2[layer])
        logits = linear(norm(x, self.final_norm), self.embedding)
        return torch.nn.functional.cross_entropy(logits.view(-1, self.vocabulary), targets.reshape(-1))

    def turned(self, x):
        """RoPE, of pairs (2i, 2i + 1)."""
        even, odd = x[..., ::2], x[..., 1::2]
        cosines, sines = self.cosines[: x.shape[1]], self.sines[: x.shape[1]]
        return torch.stack((even * cosines - odd * sines, odd * cosines + even * sines), -1).flatten(-2)


def norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * weight


# q [sequences, heads, length, head], k and v [sequences, kv_heads, length, head]; the result is as q.


def plain(model, q, k, v):
    times, length = model.heads // model.kv_heads, q.shape[2]
    k, v = k.repeat_interleave(times, 1), v.repeat_interleave(times, 1)
    scores = q @ k.transpose(2, 3) / math.sqrt(model.head)
    return scores.masked_fill(~model.seen[:length, :length], -math.inf).softmax(-1) @ v


def grouped(model, q, k, v):
    times, (sequences, heads, length, head) = model.heads // model.kv_heads, q.shape
    q = q.reshape(sequences * model.kv_heads, times * length, head)
    k, v = k.reshape(-1, length, head), v.reshape(-1, length, head)
    bias = model.bias[:length, :length].repeat(times, 1)
    scores = torch.baddbmm(bias.expand(len(q), -1, -1), q, k.transpose(1, 2), alpha=1 / math.sqrt(head))
    return torch.bmm(scores.softmax(-1), v).view(sequences, heads, length, head)


def sdpa(model, q, k, v):
    times = model.heads // model.kv_heads
    return torch.nn.functional.scaled_dot_product_attention(q, k.repeat_interleave(times, 1), v.repeat_interleave(times, 1), is_causal=True)


def measure_all(folder, threads, steps):
    model = Llama(f"{folder}/stories260K/stories260K.bin")
    tokenizer = Tokenizer(f"{folder}/stories260K/tok512.bin", model.vocabulary)
    with open(f"{folder}/{TEXT}", "rb") as file:
        text = file.read()
    cut = len(text) // 10 * 9 + len(text) % 10 * 9 // 10
    evaluated = tokenizer.encode(text[cut:])
    chunks = evaluated[: len(evaluated) // LENGTH * LENGTH].view(-1, LENGTH)
    variants = [plain, grouped] + ([sdpa] if hasattr(torch.nn.functional, "scaled_dot_product_attention") else [])
    losses = [model.loss(chunks, attention).item() for attention in variants]
    print(f"loss {losses[0]:.4f} on the last tenth of {TEXT}")
    if max(losses) - min(losses) > 1e-4:
        raise SystemExit(f"the variants disagree: {losses}")
    yield {"loss": losses[0]}
    trained = tokenizer.encode(text[: len(text) // 10])
    generator = torch.Generator().manual_seed(1)

    def draw():
        begins = torch.randint(len(trained) - LENGTH, (BATCH, 1), generator=generator)
        return trained[begins + torch.arange(LENGTH + 1)]

    tensors = model.tensors()
    for count in threads:
        for attention in variants:
            yield measure("llama", attention.__name__, tensors, draw, lambda batch: model.loss(batch, attention), steps, count)


if __name__ == "__main__":
    run(__doc__, "llama", "../shared/data", 10, measure_all)
