"""A decoder-only transformer of the usual kind (normalise first, sine positions, tied output), and its
training. Plain functions on a dictionary of weights, so that the ONNX graph can be written beside it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

WIDTH = 64
HEADS = 4
LAYERS = 2
HIDDEN = 192


def new_weights(vocabulary, seed):
    random = np.random.default_rng(seed)

    def normal(*shape):
        return random.normal(0, shape[0] ** -0.5, shape).astype(np.float32)

    weights = {"embedding": random.normal(0, 0.1, (vocabulary, WIDTH)).astype(np.float32)}
    for layer in range(LAYERS):
        weights |= {
            f"{layer}.query": normal(WIDTH, WIDTH), f"{layer}.key": normal(WIDTH, WIDTH),
            f"{layer}.value": normal(WIDTH, WIDTH), f"{layer}.out": normal(WIDTH, WIDTH),
            f"{layer}.up": normal(WIDTH, HIDDEN), f"{layer}.down": normal(HIDDEN, WIDTH),
            f"{layer}.norm1": np.ones(WIDTH, np.float32), f"{layer}.norm2": np.ones(WIDTH, np.float32),
        }
    return weights | {"norm": np.ones(WIDTH, np.float32)}


def frequencies():
    """Of the sines and cosines that say where a token stands."""
    return (10_000.0 ** (-np.arange(WIDTH // 2) / (WIDTH // 2))).astype(np.float32)


def normalise(x, scale):
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * scale


def forward(weights, ids):
    """ids (N,S) -> logits (N,S,V); every token sees those before it."""
    rows, length = ids.shape
    angles = jnp.arange(length)[:, None] * frequencies()
    x = weights["embedding"][ids] + 0.1 * jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], -1)
    allowed = jnp.tril(jnp.ones((length, length), bool))
    for layer in range(LAYERS):
        at = functools.partial("{}.{}".format, layer)
        normal = normalise(x, weights[at("norm1")])
        query, key, value = ((normal @ weights[at(name)]).reshape(rows, length, HEADS, -1)
                             for name in ("query", "key", "value"))
        scores = jnp.einsum("nqhd,nkhd->nhqk", query, key) * (WIDTH // HEADS) ** -0.5
        shares = jax.nn.softmax(jnp.where(allowed, scores, -1e9), -1)
        x += jnp.einsum("nhqk,nkhd->nqhd", shares, value).reshape(rows, length, WIDTH) @ weights[at("out")]
        normal = normalise(x, weights[at("norm2")])
        x += jax.nn.relu(normal @ weights[at("up")]) @ weights[at("down")]
    return normalise(x, weights["norm"]) @ weights["embedding"].T


def loss(weights, ids, counted):
    """Mean cross-entropy of the tokens that count."""
    logs = jax.nn.log_softmax(forward(weights, ids[:, :-1]))
    each = -jnp.take_along_axis(logs, ids[:, 1:, None], -1)[..., 0]
    return (each * counted[:, 1:]).sum() / counted.sum()


@jax.jit
def step(weights, first, second, ids, counted, number, rate):
    """One step of Adam."""
    value, gradient = jax.value_and_grad(loss)(weights, ids, counted)
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
    second = jax.tree.map(lambda v, g: 0.99 * v + 0.01 * g * g, second, gradient)
    weights = jax.tree.map(
        lambda w, m, v: w - rate * (m / (1 - 0.9**number)) / (jnp.sqrt(v / (1 - 0.99**number)) + 1e-8),
        weights, first, second)
    return weights, first, second, value


def train(weights, batches, steps, peak_rate):
    """`batches` gives (ids, counted) of one shape. The rate warms up, and falls to zero as a cosine."""
    first = second = jax.tree.map(np.zeros_like, weights)
    for number in range(1, steps + 1):
        rate = peak_rate * min(1, number / 100) * 0.5 * (1 + np.cos(np.pi * number / steps))
        weights, first, second, value = step(weights, first, second, *next(batches), number, rate)
        if number % 200 == 0:
            print(f"step {number}: loss {value:.4f}", flush=True)
    return jax.tree.map(np.asarray, weights)
