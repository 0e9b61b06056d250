"""Where the made files lie, and how they are written so that making them again changes no byte."""

import json
from pathlib import Path

import onnx
import onnxruntime

HERE = Path(__file__).parent
HELDOUT = HERE / "digits-heldout.csv"

# Read by every runtime of the last years, so that the models do not depend on a new one.
OPSET = 17
IR_VERSION = 8


def write_model(name, version, model):
    """Checks a model and writes it to repository/NAME/VERSION/model.onnx."""
    model.ir_version = IR_VERSION
    # skl2onnx keeps these in a set, whose order changes from run to run.
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    onnx.checker.check_model(model, full_check=True)
    path = HERE / "repository" / name / str(version) / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    print(f"wrote {path.relative_to(HERE)} ({path.stat().st_size} bytes)")
    return path


def write_reference(name, reference):
    """Writes what the training library answers, for the test that compares ONNX with it."""
    path = HERE / "reference" / f"{name}.golden.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(reference, sort_keys=True) + "\n")
    print(f"wrote {path.relative_to(HERE)} ({path.stat().st_size} bytes)")


def run(path, feeds):
    """The model's outputs by name, from onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, feeds)))
