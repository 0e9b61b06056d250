"""Rows a second of a model in onnxruntime alone, on one thread: what no server can exceed.

Called with the model, the rows of a batch, and seconds; prints rows a second and the share of a core that it had.
"""

import sys
import time

import numpy
import onnxruntime

WARM_UP_SECONDS = 0.3


def main() -> None:
    path, rows, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    [tensor] = session.get_inputs()
    data = numpy.random.default_rng(7).random((rows, tensor.shape[1]), numpy.float32)
    feeds = {tensor.name: data}
    runs_per_second(session, feeds, WARM_UP_SECONDS)
    used = time.process_time()
    rate = runs_per_second(session, feeds, seconds) * rows
    print(rate, (time.process_time() - used) / seconds)


def runs_per_second(session: onnxruntime.InferenceSession, feeds: dict, seconds: float) -> float:
    started = time.perf_counter()
    runs = 0
    while (passed := time.perf_counter() - started) < seconds:
        session.run(None, feeds)
        runs += 1
    return runs / passed


main()
