"""Time one Adam step of the sparse autoencoder beside PyTorch, and train on planted features.

Every step starts from the same parameters, computes the same loss (averaged over tokens, decoder norms included) in
float32 on all cores, and updates with Adam; they take turns, so that a busy machine slows all of them, with a pause before
each, because PyTorch's threads go on spinning for some milliseconds after its step.  "torch, by hand" is PyTorch with the
gradients written out; "matmuls" are the five products of matrices that no step can do without.

Memory is by how much three steps raise the peak of a fresh process, buffers included, beyond the parameters and Adam's
two means; the batch and a tiny step came before (Linux alone).

Run: ``python bench/training.py`` (``--quick`` for shorter trainings and fewer rounds).
"""

import os
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

for old in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # settings for another machine would choose its slower kernels
    os.environ.pop(old, None)
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np  # noqa: E402

from ae_train import (  # noqa: E402
    _FastStep,
    _PlainStep,
    dead_features,
    explained_variance,
    l0,
    max_cosine_similarities,
    planted_features,
    train_sparse_autoencoder,
)
from ae_variants import BatchTopK, BiasSubtracted, Gated, JumpReLU, Matryoshka, Standard, TopK  # noqa: E402

SIZES = ((3, 6, 5, 300), (32, 256, 1024, 60), (64, 512, 4096, 40), (384, 3072, 4096, 5))
"""(d, features, batch, rounds)"""
L1 = 0.2


def numpy_step(make, d, m, n, x):
    variant = Standard(L1)
    step = make(variant, variant.start(np.random.default_rng(0), d, m), n, np.float32, 100)
    return lambda: step.take(x, x, 1e-3, 1.0)


def torch_parameters(torch, d, m, grad):
    start = Standard(L1).start(np.random.default_rng(0), d, m)
    arrays = start["W_enc"].T, start["b_enc"], start["W_dec"].T, start["b_dec"]  # tokens are rows there
    return [torch.tensor(np.ascontiguousarray(a), dtype=torch.float32).requires_grad_(grad) for a in arrays]


def torch_step(d, m, n, x):
    import torch

    parameters = torch_parameters(torch, d, m, True)
    W_enc, b_enc, W_dec, b_dec = parameters
    x = torch.tensor(x.T)
    adam = torch.optim.Adam(parameters, lr=1e-3)

    def run():
        adam.zero_grad()
        features = torch.relu(x @ W_enc + b_enc)
        error = features @ W_dec + b_dec - x
        loss = error.pow(2).sum(1).mean() + L1 * (features * W_dec.norm(dim=1)).sum(1).mean()
        loss.backward()
        adam.step()
        return loss.item()

    return run


def torch_step_by_hand(d, m, n, x):
    import torch

    parameters = torch_parameters(torch, d, m, True)
    W_enc, b_enc, W_dec, b_dec = parameters
    x = torch.tensor(x.T)
    adam = torch.optim.Adam(parameters, lr=1e-3)

    @torch.no_grad()
    def run():
        features = torch.relu_(torch.addmm(b_enc, x, W_enc))
        error = torch.addmm(b_dec, features, W_dec).sub_(x)
        norms, totals = W_dec.norm(dim=1), features.sum(0)
        loss = error.pow(2).sum() / n + L1 * totals.dot(norms) / n
        error.mul_(2 / n)
        d_features = torch.addmm(L1 / n * norms, error, W_dec.T).mul_(features > 0)
        W_dec.grad = features.T @ error + W_dec * (L1 / n * totals / norms)[:, None]
        b_dec.grad = error.sum(0)
        W_enc.grad = x.T @ d_features
        b_enc.grad = d_features.sum(0)
        adam.step()
        return loss.item()

    return run


def matmuls(d, m, n, x):
    """The five products, tokens as rows, which is the quicker layout."""
    rng = np.random.default_rng(0)
    W_enc, W_dec = (rng.standard_normal((m, d)).astype(np.float32) for _ in range(2))
    f, g, e = (np.empty((n, columns), np.float32) for columns in (m, m, d))
    d_W_enc, d_W_dec = np.empty_like(W_enc), np.empty_like(W_dec)

    def run():
        np.matmul(x.T, W_enc.T, out=f)
        np.matmul(f, W_dec, out=e)
        np.matmul(e, W_dec.T, out=g)
        np.matmul(f.T, e, out=d_W_dec)
        np.matmul(g.T, x.T, out=d_W_enc)

    return run


STEPS = {
    "numpy, fast": partial(numpy_step, _FastStep),
    "numpy, plain": partial(numpy_step, _PlainStep),
    "matmuls": matmuls,
    "torch eager": torch_step,
    "torch, by hand": torch_step_by_hand,
}


def time_in_turns(functions, rounds):
    """Give the milliseconds of each call, one figure a round; the functions take turns."""
    times = {name: [] for name in functions}
    for _ in range(rounds + 2):
        for name, function in functions.items():
            sleep(0.005)
            start = perf_counter()
            function()
            times[name].append((perf_counter() - start) * 1e3)
    return {name: figures[2:] for name, figures in times.items()}  # the first rounds only warm up


def measure_memory(name, d, m, n):
    """Print the megabytes; called in a process of its own."""

    def peak():
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6

    make = STEPS[name]
    tiny = np.ones((256, 32), np.float32).T
    make(32, 128, 256, tiny)()  # libraries and their threads take what they need
    x = np.random.default_rng(1).standard_normal((n, d), np.float32).T
    before = peak()
    run = make(d, m, n, x)
    for _ in range(3):
        run()
    print(peak() - before - 3 * 4 * (2 * d * m + d + m) / 1e6)


def memory_of(name, d, m, n):
    command = [sys.executable, __file__, "--memory", name, str(d), str(m), str(n)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def print_steps(has_torch, quick):
    print(f"One Adam step, float32, ms{'':<31} {'median':>9} {'min':>9} | {'of torch':>9} {'of matmuls':>10} (minima) | extra MB")
    for d, m, n, rounds in SIZES:
        x = np.random.default_rng(1).standard_normal((n, d)).astype(np.float32).T  # in memory a token is a row
        functions = {name: make(d, m, n, x) for name, make in STEPS.items() if has_torch or "torch" not in name}
        times = time_in_turns(functions, max(3, rounds // 4) if quick else rounds)
        for name, figures in times.items():
            over = []
            for other in ("torch eager", "matmuls"):
                theirs = times.get(other)
                over.append(f"{median(figures) / median(theirs):.2f} ({min(figures) / min(theirs):.2f})" if theirs else "")
            memory = f"{memory_of(name, d, m, n):.1f}" if n == 4096 and Path("/proc/self/status").exists() else ""
            title = f"({d}, {m}, {n})"
            print(f"{title:<20} {name:<36} {median(figures):>9.3f} {min(figures):>9.3f} | {over[0]:>13} {over[1]:>13} | {memory:>8}")


METHODS = {
    "L1, lambda 0.2": ({"l1_coefficient": 0.2}, 1.5e-2),
    "bias-subtracted": ({"activation": BiasSubtracted(0.2)}, 1e-2),
    "TopK, k = 4": ({"activation": TopK(4)}, 1.2e-2),
    "BatchTopK, k = 4": ({"activation": BatchTopK(4)}, 1.2e-2),
    "JumpReLU": ({"activation": JumpReLU(0.06)}, 1.2e-2),
    "Gated": ({"activation": Gated(0.6)}, 3e-3),
    "Matryoshka, k = 4": ({"activation": Matryoshka(4, prefixes=(16, 32))}, 3e-3),
}


def print_planted(seeds, steps, methods=METHODS):
    print(f"\n64 features planted in 32 dimensions, {steps} steps of 1024")
    print(f"{'':<20} {'seed':>4} {'MMCS':>7} {'rec90':>6} {'EV':>6} {'L0':>6} {'dead':>5} {'seconds':>8}")
    for name, (settings, learning_rate) in methods.items():
        for seed in seeds:
            planted = planted_features(64, 32, seed=seed)
            start = perf_counter()
            model = train_sparse_autoencoder(
                planted, 64, **settings, steps=steps, batch_size=1024, learning_rate=learning_rate, seed=seed
            ).model
            seconds = perf_counter() - start
            x = planted(np.random.default_rng(1000 + seed), 50_000)
            forward = model.forward(x)
            found = max_cosine_similarities(model.W_dec, planted.directions)
            figures = f"{found.mean():>7.4f} {(found > 0.9).mean():>6.3f} {explained_variance(x, forward.reconstruction):>6.3f}"
            dead = dead_features(forward.features)
            print(f"{name:<20} {seed:>4} {figures} {l0(forward.features):>6.2f} {dead:>5} {seconds:>8.1f}", flush=True)


def main():
    if "--memory" in sys.argv:
        name, *size = sys.argv[2:]
        return measure_memory(name, *map(int, size))
    quick, has_torch = "--quick" in sys.argv, find_spec("torch") is not None
    if not has_torch:
        print("PyTorch is not installed: no ratios.")
    print_steps(has_torch, quick)
    print_planted(range(1) if quick else range(3), 500 if quick else 2000)


if __name__ == "__main__":
    main()
