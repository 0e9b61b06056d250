"""The tiny network of the founding article, trained with numpy: 3 inputs, Dense 2 ReLU, Dense 1 sigmoid.

A training framework for nine weights would be a download of hundreds of megabytes, so this file holds the
few lines it takes: Keras' defaults (Glorot uniform weights, zero biases, Adam with learning rate 0.001,
beta 0.9 and 0.999, epsilon 1e-7, batches of 32), binary cross-entropy, and nothing else.
"""

from dataclasses import dataclass

import numpy as np

ROWS = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=np.float64)
LABELS = np.array([[0], [1], [1], [0]], dtype=np.float64)
EPOCHS = 1000


@dataclass
class Network:
    """Weights in the order hidden weights, hidden bias, output weights, output bias."""

    parameters: list

    def hidden(self, rows):
        return np.maximum(rows @ self.parameters[0] + self.parameters[1], 0.0)

    def predict(self, rows):
        """Probabilities of the label 1, shape (len(rows), 1)."""
        return 1.0 / (1.0 + np.exp(-(self.hidden(rows) @ self.parameters[2] + self.parameters[3])))


@dataclass
class Outcome:
    loss: float
    accuracy: float


def glorot_uniform(generator, fan_in, fan_out):
    limit = np.sqrt(6.0 / (fan_in + fan_out))
    return generator.uniform(-limit, limit, (fan_in, fan_out))


def initial(seed):
    generator = np.random.default_rng(seed)
    return Network(
        [glorot_uniform(generator, 3, 2), np.zeros(2), glorot_uniform(generator, 2, 1), np.zeros(1)]
    )


def gradients(network, rows, labels):
    """Of the mean binary cross-entropy, in the order of the parameters."""
    hidden = network.hidden(rows)
    at_output = (network.predict(rows) - labels) / len(rows)
    at_hidden = (at_output @ network.parameters[2].T) * (hidden > 0)
    return [rows.T @ at_hidden, at_hidden.sum(0), hidden.T @ at_output, at_output.sum(0)]


class Adam:
    def __init__(self, parameters, rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7):
        self.rate, self.beta1, self.beta2, self.epsilon = rate, beta1, beta2, epsilon
        self.first = [np.zeros_like(p) for p in parameters]
        self.second = [np.zeros_like(p) for p in parameters]
        self.step = 0

    def apply(self, parameters, slopes):
        self.step += 1
        rate = self.rate * np.sqrt(1 - self.beta2**self.step) / (1 - self.beta1**self.step)
        for p, g, m, v in zip(parameters, slopes, self.first, self.second):
            m += (1 - self.beta1) * (g - m)
            v += (1 - self.beta2) * (g * g - v)
            p -= rate * m / (np.sqrt(v) + self.epsilon)


def train(seed, batch_size=32, epochs=EPOCHS):
    """`epochs` passes over the four rows, shuffled each time; deterministic for a seed."""
    network = initial(seed)
    adam = Adam(network.parameters)
    order = np.random.default_rng([seed, 1])
    for _ in range(epochs):
        shuffled = order.permutation(len(ROWS))
        for start in range(0, len(ROWS), batch_size):
            batch = shuffled[start : start + batch_size]
            adam.apply(network.parameters, gradients(network, ROWS[batch], LABELS[batch]))
    return network


def evaluate(network):
    predicted = np.clip(network.predict(ROWS), 1e-7, 1 - 1e-7)
    loss = -np.mean(LABELS * np.log(predicted) + (1 - LABELS) * np.log(1 - predicted))
    return Outcome(float(loss), float(np.mean((predicted > 0.5) == LABELS)))
