"""`tritonclient.http` against an inference pod: every datatype, in JSON and as bytes, and what is wrong with it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from checks import FACTS, check, equal, raises, run

client = triton.InferenceServerClient(FACTS["authority"], connection_timeout=30, network_timeout=30)
VALUES = {
    "BOOL": np.array([[True], [False]]),
    "UINT8": np.array([[0], [255]], np.uint8),
    "UINT16": np.array([[0], [65535]], np.uint16),
    "UINT32": np.array([[0], [2**32 - 1]], np.uint32),
    "UINT64": np.array([[2**53 + 1], [2**64 - 1]], np.uint64),
    "INT8": np.array([[-128], [127]], np.int8),
    "INT16": np.array([[-(2**15)], [2**15 - 1]], np.int16),
    "INT32": np.array([[-(2**31)], [2**31 - 1]], np.int32),
    "INT64": np.array([[-(2**63)], [2**63 - 1]], np.int64),
    "FP16": np.array([[1 / 3], [-65504]], np.float16),
    "FP32": np.array([[0.1], [-3e38]], np.float32),
    "FP64": np.array([[0.1], [-1e300]], np.float64),
    "BYTES": np.array([[""], ["café"]], np.object_),
}
# The client itself refuses FP16 as JSON.
JSON_DATATYPES = [name for name in FACTS["datatypes"] if name != "FP16"]


def tensor(name, datatype, values, binary):
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


def mirror(binary_inputs, outputs=None):
    inputs = [tensor(name, name, VALUES[name], name in binary_inputs) for name in FACTS["datatypes"]]
    return client.infer("mirror", inputs, outputs=outputs)


def same(answer, name):
    got, sent = answer.as_numpy(f"{name}_out"), VALUES[name]
    if name == "BYTES":
        texts = [item.decode() if isinstance(item, bytes) else item for item in got.ravel()]
        equal(texts, list(sent.ravel()))
    else:
        np.testing.assert_array_equal(got, sent)
        equal((got.dtype, got.shape), (sent.dtype, sent.shape))


def floats(values, **more):
    return client.infer("floats", [tensor("x", "FP32", values, True)], **more)


@check("the metadata lists the extension")
def _():
    extensions = client.get_server_metadata()["extensions"]
    equal([name for name in extensions if name == "binary_tensor_data"], ["binary_tensor_data"])


@check("every datatype goes out as bytes and comes back as bytes, without outputs being named")
def _():
    answer = mirror(FACTS["datatypes"])
    for name in FACTS["datatypes"]:
        same(answer, name)


@check("every datatype goes out as bytes and comes back as JSON where the client reads that")
def _():
    wanted = [triton.InferRequestedOutput(f"{name}_out", binary_data=False) for name in JSON_DATATYPES]
    answer = mirror(FACTS["datatypes"], wanted)
    for name in JSON_DATATYPES:
        same(answer, name)


@check("every datatype but FP16 goes out as JSON and comes back as bytes")
def _():
    wanted = [triton.InferRequestedOutput(f"{name}_out", binary_data=True) for name in FACTS["datatypes"]]
    answer = mirror(["FP16"], wanted)
    for name in FACTS["datatypes"]:
        same(answer, name)


@check("half of the tensors as JSON and half as bytes, in both directions")
def _():
    wanted = [
        triton.InferRequestedOutput(f"{name}_out", binary_data=index % 3 > 0 or name == "FP16")
        for index, name in enumerate(FACTS["datatypes"])
    ]
    answer = mirror([*FACTS["datatypes"][::2], "FP16"], wanted)
    for name in FACTS["datatypes"]:
        same(answer, name)


@check("no rows come back as no rows")
def _():
    equal(floats(np.empty((0, 3), np.float32)).as_numpy("y").shape, (0, 3))


@check("the id comes back with bytes behind it")
def _():
    equal(floats(np.float32([[1]]), request_id="seven").get_response()["id"], "seven")


@check("16 threads, each with a client of its own, get each their own answers")
def _():
    # This client's sockets belong to the thread that opened them, so it cannot be shared.
    def calls(thread):
        with triton.InferenceServerClient(FACTS["authority"]) as own:
            for index in range(8):
                values = np.full((1 + index % 3, 4), thread * 8 + index, np.float32)
                answer = own.infer("floats", [tensor("x", "FP32", values, index % 2 == 0)])
                np.testing.assert_array_equal(answer.as_numpy("y"), values)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(calls, range(16)))


@check("64 asynchronous calls get each their own answer")
def _():
    with triton.InferenceServerClient(FACTS["authority"], concurrency=16) as many:
        rows = [np.full((1, 4), index, np.float32) for index in range(64)]
        waiting = [many.async_infer("floats", [tensor("x", "FP32", row, True)]) for row in rows]
        for row, answer in zip(rows, waiting):
            np.testing.assert_array_equal(answer.get_result().as_numpy("y"), row)


def refused(name, status, message, call):
    @check(f"{name}: {status}")
    def _():
        error = raises(InferenceServerException, call)
        equal(error.status(), str(status))
        assert message in error.message(), error.message()


def lying(values, shape):
    made = tensor("x", "FP32", values, True)
    made.set_shape(shape)
    return client.infer("floats", [made])


def texts(values):
    return client.infer("texts", [tensor("x", "BYTES", values, True)])


ONE = np.float32([[1]])
refused("an unknown input", 400, '"z"', lambda: client.infer("floats", [tensor("z", "FP32", ONE, True)]))
refused(
    "another datatype",
    400,
    'input "x"',
    lambda: client.infer("floats", [tensor("x", "INT32", np.int32([[1]]), True)]),
)
refused("another rank", 400, 'input "x"', lambda: floats(np.float32([1])))
refused("a shape larger than the bytes", 400, 'input "x": has 4 bytes', lambda: lying(ONE, [2, 1]))
refused("a shape that overflows", 400, "overflow", lambda: lying(ONE, [2**40, 2**40]))
refused("a shape beyond the limit", 413, "--max-elements", lambda: lying(ONE, [2000, 2000]))
refused("a body beyond the limit", 413, "--max-body-bytes", lambda: floats(np.zeros((2, 10**6), np.float32)))
refused(
    "an input given twice",
    400,
    'input "x" is given twice',
    lambda: client.infer("floats", [tensor("x", "FP32", ONE, True)] * 2),
)
refused("text that is not UTF-8", 400, 'input "x": element 0', lambda: texts(np.array([b"\xff"], np.object_)))
refused(
    "an unknown output",
    400,
    '"z"',
    lambda: floats(ONE, outputs=[triton.InferRequestedOutput("z")]),
)
refused(
    "an output as a classification, which would be read as something else",
    400,
    "classification",
    lambda: floats(ONE, outputs=[triton.InferRequestedOutput("y", class_count=2)]),
)


@check("the pod still answers after all that")
def _():
    np.testing.assert_array_equal(floats(ONE).as_numpy("y"), ONE)


run()
