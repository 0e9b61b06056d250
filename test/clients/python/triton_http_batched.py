"""`tritonclient.http` through a route with batching: many callers at once, each with a client of its own."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException

from checks import FACTS, check, equal, raises, run

THREADS = 32
CALLS = 12
ROWS = np.array(FACTS["rows"], dtype=np.float32)
OUTPUTS = ["label", "probabilities"]


def connect(authority=FACTS["authority"]):
    return triton.InferenceServerClient(authority, connection_timeout=30, network_timeout=30)


def tensor(name, datatype, values, binary=True):
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


def rows_of(index):
    """One to three images, other ones for each of 16 indices in a row."""
    return np.take(ROWS, range(index, index + 1 + index % 3), axis=0, mode="wrap")


def classify(client, index, binary=True, model="digits"):
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in OUTPUTS]
    inputs = [tensor("pixels", "FP32", rows_of(index), binary)]
    return client.infer(model, inputs, outputs=outputs, request_id=f"call-{index}")


def answers_alone():
    """By index, from the pod itself, one after the other: what each call has to bring through the mesh, too."""
    with connect(FACTS["podAuthority"]) as pod:
        answers = [classify(pod, index, model=FACTS["podModel"]) for index in range(48)]
    return [[answer.as_numpy(name) for name in OUTPUTS] for answer in answers]


ALONE = answers_alone()


def own(answer, index):
    label, probabilities = ALONE[index % 48]
    equal(answer.get_response()["id"], f"call-{index}")
    np.testing.assert_array_equal(answer.as_numpy("label"), label)
    # Sums of more rows are rounded elsewhere.
    np.testing.assert_allclose(answer.as_numpy("probabilities"), probabilities, rtol=0, atol=1e-6)
    equal(answer.as_numpy("probabilities").dtype, np.dtype(np.float32))


def in_threads(call):
    """`call(client, index)` from all threads at once; this client's sockets belong to one thread."""
    together = threading.Barrier(THREADS)

    def calls(thread):
        with connect() as client:
            together.wait()
            for turn in range(CALLS):
                call(client, thread * CALLS + turn)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(calls, range(THREADS)))


@check("384 calls with binary tensors from 32 threads each bring their own answer and their own id")
def _():
    in_threads(lambda client, index: own(classify(client, index), index))


@check("calls with binary and with JSON tensors at the same time each bring their own answer")
def _():
    in_threads(lambda client, index: own(classify(client, index, index % 2 == 0), index))


@check("calls that the pod refuses fail alone, each with the pod's own words, and their companions do not")
def _():
    def say(client, index):
        texts = np.array([f"text {index}", f"{index}".encode()], np.object_)
        inputs = [tensor("x", "BYTES", texts)]
        outputs = [triton.InferRequestedOutput("y")]
        return client.infer("texts", inputs, outputs=outputs, request_id=f"say-{index}").as_numpy("y")

    def call(client, index):
        if index % 16 == 5:
            # Of the right size, so it joins; not UTF-8, so the pod does not take it.
            bad = tensor("x", "BYTES", np.array([b"fine", b"\xff"], np.object_))
            outputs = [triton.InferRequestedOutput("y")]
            error = raises(InferenceServerException, lambda: client.infer("texts", [bad], outputs=outputs))
            equal(error.status(), "400")
            assert 'input "x": element 1' in error.message(), error.message()
        else:
            equal(say(client, index).tolist(), [f"text {index}".encode(), f"{index}".encode()])

    in_threads(call)


@check("calls that lie about their size are refused alone")
def _():
    def call(client, index):
        if index % 16 != 5:
            own(classify(client, index), index)
            return
        lying = tensor("pixels", "FP32", rows_of(index))
        lying.set_shape([rows_of(index).shape[0] + 1, 64])
        outputs = [triton.InferRequestedOutput(name) for name in OUTPUTS]
        error = raises(
            InferenceServerException, lambda: client.infer("digits", [lying], outputs=outputs)
        )
        equal(error.status(), "400")

    in_threads(call)


@check("128 calls of one asynchronous client each bring their own answer")
def _():
    async def call(client, index):
        outputs = [triton_aio.InferRequestedOutput(name) for name in OUTPUTS]
        made = triton_aio.InferInput("pixels", list(rows_of(index).shape), "FP32")
        made.set_data_from_numpy(rows_of(index))
        own(await client.infer("digits", [made], outputs=outputs, request_id=f"call-{index}"), index)

    async def calls():
        async with triton_aio.InferenceServerClient(FACTS["authority"], conn_limit=32) as client:
            await asyncio.gather(*(call(client, index) for index in range(128)))

    asyncio.run(calls())


run()
