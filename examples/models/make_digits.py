"""Trains two classifiers of scikit-learn's handwritten digits and writes them, their references and the
held-back rows. pixels (N,64) FP32, each 0..16 -> label (N) INT64, probabilities (N,10) FP32."""

import csv
import warnings

import numpy as np
import sklearn
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

import layout

SEED = 0
HELDOUT_ROWS = 540
REFERENCE_ROWS = 100
# The canary is what a team would try to save compute: a quarter of the hidden units.
HIDDEN_UNITS = {"digits-stable": 256, "digits-canary": 64}


def train(hidden_units, pixels, labels):
    """Scaling is part of the model, so that clients send pixels as they are."""
    classifier = MLPClassifier((hidden_units,), random_state=SEED)
    with warnings.catch_warnings():
        # The default 200 epochs end training; its warning that the loss could still fall is no news.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make_pipeline(MaxAbsScaler(), classifier).fit(pixels, labels)


def name_dimensions(value, sizes):
    """skl2onnx leaves the rows' dimension without a name."""
    shape = value.type.tensor_type.shape
    del shape.dim[:]
    for size in sizes:
        shape.dim.add(**({"dim_param": size} if isinstance(size, str) else {"dim_value": size}))


def onnx_model(name, model):
    exported = to_onnx(
        model,
        name=name,
        initial_types=[("pixels", FloatTensorType([None, 64]))],
        final_types=[
            ("label", Int64TensorType([None])),
            ("probabilities", FloatTensorType([None, 10])),
        ],
        options={"zipmap": False},
        target_opset=layout.OPSET,
    )
    name_dimensions(exported.graph.input[0], ["N", 64])
    name_dimensions(exported.graph.output[0], ["N"])
    name_dimensions(exported.graph.output[1], ["N", 10])
    return exported


def write_heldout(pixels, labels):
    with layout.HELDOUT.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["label", *(f"pixel_{i}" for i in range(64))])
        rows.writerows([label, *row] for label, row in zip(labels.tolist(), pixels.astype(int).tolist()))
    print(f"wrote {layout.HELDOUT.name}: {len(labels)} rows")


def make(name, hidden_units, training, heldout):
    model = train(hidden_units, *training)
    pixels, labels = heldout
    accuracy = model.score(pixels, labels)
    print(f"{name}: {hidden_units} hidden units, {np.sum(model.predict(pixels) == labels)}"
          f" of {len(labels)} held-back rows right ({accuracy:.4f})")
    path = layout.write_model(name, 1, onnx_model(name, model))
    layout.write_reference(
        name,
        {
            "library": f"scikit-learn {sklearn.__version__}",
            "heldoutRows": REFERENCE_ROWS,
            "heldoutAccuracy": accuracy,
            "outputs": {
                "label": model.predict(pixels[:REFERENCE_ROWS]).tolist(),
                "probabilities": model.predict_proba(pixels[:REFERENCE_ROWS]).tolist(),
            },
        },
    )
    seen = layout.run(path, {"pixels": pixels.astype(np.float32)})
    difference = np.abs(seen["probabilities"] - model.predict_proba(pixels)).max()
    print(f"largest difference between ONNX and scikit-learn: {difference:.1e},"
          f" labels that differ: {np.sum(seen['label'] != model.predict(pixels))}")


def main():
    pixels, labels = load_digits(return_X_y=True)
    train_pixels, heldout_pixels, train_labels, heldout_labels = train_test_split(
        pixels, labels, test_size=HELDOUT_ROWS, random_state=SEED, stratify=labels
    )
    write_heldout(heldout_pixels, heldout_labels)
    for name, hidden_units in HIDDEN_UNITS.items():
        make(name, hidden_units, (train_pixels, train_labels), (heldout_pixels, heldout_labels))


if __name__ == "__main__":
    main()
