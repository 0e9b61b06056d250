"""Trains the founding article's network and writes repository/tiny/1/model.onnx and its reference."""

from itertools import product

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import layout
import tiny_network as tiny

ARTICLE = tiny.Outcome(loss=0.0864, accuracy=1.0)
# Seed 0 because it is the first, not because it is good: the spread below says how lucky a seed can be.
SEED = 0
SPREAD = range(20)


def onnx_model(network):
    """x (N,3) FP32 -> y (N,1) FP32, the probability of the label 1."""
    names = ["hidden_weights", "hidden_bias", "output_weights", "output_bias"]
    weights = [
        numpy_helper.from_array(p.astype(np.float32), n) for n, p in zip(names, network.parameters)
    ]
    nodes = [
        helper.make_node("Gemm", ["x", "hidden_weights", "hidden_bias"], ["hidden_sum"]),
        helper.make_node("Relu", ["hidden_sum"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "output_weights", "output_bias"], ["output_sum"]),
        helper.make_node("Sigmoid", ["output_sum"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
        weights,
    )
    opsets = [helper.make_opsetid("", layout.OPSET)]
    return helper.make_model(graph, producer_name="modelweir-examples", opset_imports=opsets)


def print_spread(batch_size, label):
    outcomes = [tiny.evaluate(tiny.train(seed, batch_size)) for seed in SPREAD]
    losses = sorted(o.loss for o in outcomes)
    right = sum(o.accuracy == 1.0 for o in outcomes)
    below = sum(loss <= ARTICLE.loss for loss in losses)
    print(
        f"{label}: {len(losses)} seeds, loss min {losses[0]:.4f} median {np.median(losses):.4f}"
        f" max {losses[-1]:.4f}; {below} reach the article's loss, {right} accuracy 1.0"
    )


def main():
    network = tiny.train(SEED)
    ours = tiny.evaluate(network)
    print(f"ours    (seed {SEED}): loss {ours.loss:.4f} accuracy {ours.accuracy}")
    print(f"article (seed unknown): loss {ARTICLE.loss:.4f} accuracy {ARTICLE.accuracy}")
    print_spread(32, "Keras' defaults (batch 32, used here)")
    print_spread(1, "for comparison, batch 1")

    path = layout.write_model("tiny", 1, onnx_model(network))
    # All inputs of zeros and ones, and values off the grid that reach both sides of the ReLU.
    rows = [*product([0.0, 1.0], repeat=3), (-2.5, 0.5, 3.25), (10.0, -7.5, 0.125), (-1.0, -1.0, -1.0)]
    expected = network.predict(np.array(rows))
    layout.write_reference(
        "tiny", {"library": "numpy float64", "inputs": {"x": rows}, "outputs": {"y": expected.tolist()}}
    )
    seen = layout.run(path, {"x": np.array(rows, dtype=np.float32)})["y"]
    print(f"largest difference between ONNX and numpy: {np.abs(seen - expected).max():.1e}")


if __name__ == "__main__":
    main()
