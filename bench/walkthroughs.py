"""Time one forward + backward of each walkthrough beside PyTorch eager, and what the book does on top.

Both sides compute the same things in float64 on one thread: a forward pass, the summed loss (for the
sparse autoencoder the penalty with its decoder norms), and every parameter's gradient.  They take turns,
batch by batch.  A busy machine slows PyTorch more than numpy and flatters the ratio of the medians; the
ratio of the minima is what a quiet machine shows.  The PyTorch here is its quickest form: bare tensors;
`torch.nn.Sequential` takes a third longer.

Run: ``python bench/walkthroughs.py``.
"""

import sys
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from ae_core import (
    Autoencoder,
    SparseAutoencoder,
    autoencoder_example,
    autoencoder_walkthrough,
    sparse_autoencoder_example,
    sparse_autoencoder_walkthrough,
)

AIM = 0.15
ROUNDS, BATCH = 200, 20


def time_in_turns(functions, rounds=ROUNDS, batch=BATCH):
    """Give the microseconds of one call of each function, one figure a round; the functions take turns."""
    times = {name: [] for name in functions}
    for _ in range(rounds + 5):
        for name, function in functions.items():
            start = perf_counter()
            for _ in range(batch):
                function()
            times[name].append((perf_counter() - start) / batch * 1e6)
    return {name: figures[5:] for name, figures in times.items()}  # the first rounds only warm up


def torch_autoencoder(torch, model, x):
    """Give a function that does in PyTorch what ``model.gradients(x)`` does."""
    x = torch.tensor(x, dtype=torch.float64)
    weights = [torch.tensor(w, dtype=torch.float64, requires_grad=True) for w in model.weights]
    biases = [torch.tensor(b[:, None], dtype=torch.float64, requires_grad=True) for b in model.biases]

    def run():
        for parameter in (*weights, *biases):
            parameter.grad = None
        activation = x
        for weight, bias in zip(weights, biases, strict=True):
            activation = torch.relu(weight @ activation + bias)
        ((activation - x) ** 2).sum().backward()

    return run


def torch_sparse_autoencoder(torch, model, x, l1_coefficient):
    """Give a function that does in PyTorch what ``model.gradients(x, l1_coefficient)`` does."""
    x = torch.tensor(x, dtype=torch.float64)
    arrays = model.W_enc, model.b_enc[:, None], model.W_dec, model.b_dec[:, None]
    parameters = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in arrays]
    W_enc, b_enc, W_dec, b_dec = parameters

    def run():
        for parameter in parameters:
            parameter.grad = None
        features = torch.relu(W_enc @ x + b_enc)
        reconstruction = W_dec @ features + b_dec
        penalty = l1_coefficient * (features.sum(1) * torch.linalg.vector_norm(W_dec, dim=0)).sum()
        (((reconstruction - x) ** 2).sum() + penalty).backward()

    return run


def print_against_torch(title, forward, gradients, in_torch):
    """Print the times of numpy and of PyTorch, taken in turns, and their ratios."""

    def both():
        forward()
        gradients()

    functions = {"forward(x)": forward, "gradients(x)": gradients, "forward(x) + gradients(x)": both}
    if in_torch:
        functions["PyTorch eager"] = in_torch
    times = time_in_turns(functions)
    for name, figures in times.items():
        ratios = ""
        if in_torch and "gradients" in name:
            theirs = times["PyTorch eager"]
            ratios = f"{median(figures) / median(theirs):>9.3f} {min(figures) / min(theirs):>9.3f}"
        print(f"{title:<20} {name:<26} {median(figures):>9.1f} {min(figures):>9.1f} {ratios}")


def print_steps(title, walkthrough):
    """Print the times of laying the steps out, and of writing the arithmetic of every entry."""
    steps = walkthrough()

    def explain_all():
        return [
            computation.explain(row, column)
            for step in steps
            for computation in step.computations
            for row in range(computation.result.values.shape[0])
            for column in range(computation.result.values.shape[1])
        ]

    functions = {"its steps": walkthrough, f"their {len(explain_all())} explain lines": explain_all}
    for name, figures in time_in_turns(functions, rounds=30, batch=5).items():
        print(f"{title:<20} {name:<26} {median(figures):>9.1f} {min(figures):>9.1f}")


def print_models(torch, numbers, dense, x, sparse, tokens, l1):
    print(f"\n{numbers + ', microseconds':<47} {'median':>9} {'minimum':>9} {'of torch':>9} {'minima':>9}")
    reference = torch and torch_autoencoder(torch, dense, x)
    print_against_torch("autoencoder", lambda: dense.forward(x), lambda: dense.gradients(x), reference)
    reference = torch and torch_sparse_autoencoder(torch, sparse, tokens, l1)
    forward, gradients = lambda: sparse.forward(tokens), lambda: sparse.gradients(tokens, l1)
    print_against_torch("sparse autoencoder", forward, gradients, reference)
    print_steps("autoencoder", lambda: autoencoder_walkthrough(dense, x))
    print_steps("sparse autoencoder", lambda: sparse_autoencoder_walkthrough(sparse, tokens, l1))


def main():
    try:
        import torch

        torch.set_num_threads(1)
    except ImportError:
        torch = None
        print("PyTorch is not installed: no ratios.")
    dense, x = autoencoder_example()
    sparse, tokens, l1 = sparse_autoencoder_example()
    print(f"One forward + backward is gradients(x), which runs its own forward pass; aim: {AIM} of PyTorch's time.")
    print_models(torch, "Whole numbers", dense, x, sparse, tokens, l1)
    dense = Autoencoder([w / 8 for w in dense.weights], [b / 8 for b in dense.biases])
    sparse = SparseAutoencoder(sparse.W_enc / 8, sparse.b_enc / 8, sparse.W_dec / 8, sparse.b_dec / 8)
    print_models(torch, "Fractions", dense, x / 8, sparse, tokens / 8, l1)


if __name__ == "__main__":
    main()
