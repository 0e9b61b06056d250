"""The ONNX graph of `chat_network`, with keys and values of past tokens as inputs and outputs under the names
that Optimum's exporter gives them. Weights are stored as FP16 and read as FP32."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import layout
from chat_network import HEADS, HIDDEN, LAYERS, WIDTH, frequencies

HEAD = WIDTH // HEADS


class Graph:
    """Nodes and constants as they come."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind, inputs, name=None, **attributes):
        name = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def weight(self, name, value):
        half = self.constant(f"{name}.half", value.astype(np.float16))
        return self.add("Cast", [half], name, to=TensorProto.FLOAT)

    def integers(self, *values):
        return self.constant(f"integers_{len(self.constants)}", np.array(values, np.int64))


def allowed_keys(g):
    """(N,1,S,T): whether a query may look at a key: one before it that is no padding."""
    zero, one = g.constant("zero", np.int64(0)), g.constant("one", np.int64(1))
    total = g.add("Gather", [g.add("Shape", ["attention_mask"]), one])
    length = g.add("Gather", [g.add("Shape", ["input_ids"]), one])
    keys = g.add("Range", [zero, total, one])
    queries = g.add("Range", [g.add("Sub", [total, length]), total, one])
    earlier = g.add("LessOrEqual", [keys, g.add("Unsqueeze", [queries, g.integers(1)])])
    real = g.add("Cast", [g.add("Unsqueeze", ["attention_mask", g.integers(1, 2)])], to=TensorProto.BOOL)
    return g.add("And", [earlier, real])


def positions(g):
    numbers = g.add("Unsqueeze", [g.add("Cast", ["position_ids"], to=TensorProto.FLOAT), g.integers(2)])
    angles = g.add("Mul", [numbers, g.constant("frequencies", frequencies())])
    waves = g.add("Concat", [g.add("Sin", [angles]), g.add("Cos", [angles])], axis=-1)
    return g.add("Mul", [waves, g.constant("loudness", np.float32(0.1))])


def attention(g, layer, x, weights, allowed):
    def heads(name):
        flat = g.add("MatMul", [x, g.weight(f"{layer}.{name}", weights[f"{layer}.{name}"])])
        split = g.add("Reshape", [flat, g.integers(0, 0, HEADS, HEAD)])
        return g.add("Transpose", [split], perm=[0, 2, 1, 3])

    query, key, value = heads("query"), heads("key"), heads("value")
    key = g.add("Concat", [f"past_key_values.{layer}.key", key], f"present.{layer}.key", axis=2)
    value = g.add("Concat", [f"past_key_values.{layer}.value", value], f"present.{layer}.value", axis=2)
    scores = g.add("MatMul", [query, g.add("Transpose", [key], perm=[0, 1, 3, 2])])
    scores = g.add("Mul", [scores, g.constant(f"{layer}.scale", np.float32(HEAD**-0.5))])
    masked = g.add("Where", [allowed, scores, g.constant(f"{layer}.never", np.float32(-1e9))])
    seen = g.add("MatMul", [g.add("Softmax", [masked], axis=-1), value])
    joined = g.add("Reshape", [g.add("Transpose", [seen], perm=[0, 2, 1, 3]), g.integers(0, 0, WIDTH)])
    return g.add("MatMul", [joined, g.weight(f"{layer}.out", weights[f"{layer}.out"])])


def chat_model(name, weights):
    g = Graph()

    def normalise(x, key):
        return g.add("LayerNormalization", [x, g.weight(key, weights[key])], axis=-1, epsilon=1e-5)

    embedding = g.weight("embedding", weights["embedding"])
    x = g.add("Add", [g.add("Gather", [embedding, "input_ids"]), positions(g)])
    allowed = allowed_keys(g)
    for layer in range(LAYERS):
        x = g.add("Add", [x, attention(g, layer, normalise(x, f"{layer}.norm1"), weights, allowed)])
        up = g.add("MatMul", [normalise(x, f"{layer}.norm2"), g.weight(f"{layer}.up", weights[f"{layer}.up"])])
        down = g.weight(f"{layer}.down", weights[f"{layer}.down"])
        x = g.add("Add", [x, g.add("MatMul", [g.add("Relu", [up]), down])])
    flipped = g.add("Transpose", [embedding], perm=[1, 0])
    g.add("MatMul", [normalise(x, "norm"), flipped], "logits")
    return model_of(name, g, weights["embedding"].shape[0])


def model_of(name, g, vocabulary):
    def values(kind, length):
        return [helper.make_tensor_value_info(f"{kind}.{layer}.{part}", TensorProto.FLOAT,
                                              ["batch_size", HEADS, length, HEAD])
                for layer in range(LAYERS) for part in ("key", "value")]

    def integers(name, length):
        return helper.make_tensor_value_info(name, TensorProto.INT64, ["batch_size", length])

    total = "past_sequence_length + sequence_length"
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT,
                                           ["batch_size", "sequence_length", vocabulary])
    inputs = [integers("input_ids", "sequence_length"), integers("attention_mask", total),
              integers("position_ids", "sequence_length"), *values("past_key_values", "past_sequence_length")]
    graph = helper.make_graph(g.nodes, name, inputs, [logits, *values("present", total)], g.constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", layout.OPSET)])
