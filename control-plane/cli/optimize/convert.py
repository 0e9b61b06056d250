"""Writes an FP16 or INT8 copy of an ONNX model with onnxruntime's own tools.

python3 convert.py JOB, where JOB is a JSON object: "source" and "target" (files), "to" ("fp16" or "int8"), and
"calibration": null, or a folder with rows as 0/NAME.npy, 1/NAME.npy and so on, one file an input.
Prints a JSON object in its last line: "sourceBytes" and "external" (names of files that belong to the source),
or "missing" (packages), or "error".
"""

import importlib.util
import json
import os
import sys
import tempfile
from functools import partial

# A protobuf holds 2 GiB; above this the weights go into a file of their own.
MAX_PROTOBUF_BYTES = 1_900_000_000
ARITHMETIC = ["Conv", "ConvTranspose", "Gemm", "MatMul"]


def missing_packages(job):
    needed = ["onnx", "onnxruntime", "numpy"] + (["sympy"] if job["calibration"] else [])
    return [name for name in needed if importlib.util.find_spec(name) is None]


def external_files(path):
    import onnx
    from onnx.external_data_helper import ExternalDataInfo, _get_all_tensors, uses_external_data

    model = onnx.load(path, load_external_data=False)
    return sorted(
        {ExternalDataInfo(tensor).location for tensor in _get_all_tensors(model) if uses_external_data(tensor)}
    )


def to_fp16(job, is_large):
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    # Clients send and get what they did before: inputs and outputs stay as they are.
    model = convert_float_to_float16(onnx.load(job["source"]), keep_io_types=True)
    onnx.save(model, job["target"], save_as_external_data=is_large, location="model.onnx.data")


def to_int8(job, is_large):
    from onnxruntime.quantization import QuantType, quantize_dynamic, quantize_static

    if job["calibration"] is None:
        quantize_dynamic(
            job["source"], job["target"], weight_type=QuantType.QInt8, use_external_data_format=is_large
        )
        return
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        prepared = os.path.join(folder, "prepared.onnx")
        try:
            quant_pre_process(job["source"], prepared, save_as_external_data=is_large)
        except Exception:  # It knows the shapes of few operators beyond the default domain.
            quant_pre_process(
                job["source"], prepared, save_as_external_data=is_large, skip_symbolic_shape=True
            )
        static = partial(quantize_static, prepared, job["target"], use_external_data_format=is_large)
        try:
            static(calibration_rows(job["calibration"]))
        except RuntimeError:  # Where operators of other domains stand between: only where the arithmetic is.
            static(calibration_rows(job["calibration"]), op_types_to_quantize=ARITHMETIC)


def calibration_rows(folder):
    import numpy
    from onnxruntime.quantization import CalibrationDataReader

    class Rows(CalibrationDataReader):
        def __init__(self):
            self.next = 0

        def get_next(self):
            row = os.path.join(folder, str(self.next))
            if not os.path.isdir(row):
                return None
            self.next += 1
            with open(os.path.join(row, "names.json"), encoding="utf8") as names:
                return {name: numpy.load(os.path.join(row, file)) for file, name in json.load(names).items()}

    return Rows()


def main():
    job = json.loads(sys.argv[1])
    missing = missing_packages(job)
    if missing:
        return {"missing": missing}
    try:
        external = external_files(job["source"])
        folder = os.path.dirname(job["source"])
        files = [job["source"]] + [os.path.join(folder, name) for name in external]
        source_bytes = sum(os.path.getsize(file) for file in files)
        convert = to_fp16 if job["to"] == "fp16" else to_int8
        convert(job, source_bytes > MAX_PROTOBUF_BYTES)
        return {"sourceBytes": source_bytes, "external": external}
    except Exception as error:  # Whatever it is, it is told in one line, not as a traceback.
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    print(json.dumps(main()))
