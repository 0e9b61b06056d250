"""`tritonclient.grpc` against a gRPC server of the Open Inference Protocol behind the mesh."""

import queue

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from checks import FACTS, check, equal, raises, run

client = triton.InferenceServerClient(FACTS["authority"])
TIMEOUT_S = 30
SMALL = np.array([[0.5, -1, 3.25, 1e30]], dtype=np.float32)
# 1 MiB of FP32, which is as much as the router holds.
BIG = np.arange(262_144, dtype=np.float32).reshape(1, -1)


def tensor(values, name="IN0"):
    made = triton.InferInput(name, list(values.shape), "FP32")
    made.set_data_from_numpy(values)
    return made


def double(values, model="double", **more):
    return client.infer(model, [tensor(values)], client_timeout=TIMEOUT_S, **more)


def stream(models, count):
    """The first `count` answers or errors to a stream of requests, each sent after the answer before it."""
    answers = queue.Queue()
    got = []
    with triton.InferenceServerClient(FACTS["authority"]) as streaming:
        streaming.start_stream(lambda result, error: answers.put(error or result))
        for index, model in enumerate(models):
            streaming.async_stream_infer(model, [tensor(np.float32([[index]]))])
            if len(got) < count:
                got.append(answers.get(timeout=TIMEOUT_S))
        streaming.stop_stream()
    return got


@check("the server is live and ready, as one of the backends says")
def _():
    equal(client.is_server_live(client_timeout=TIMEOUT_S), True)
    equal(client.is_server_ready(client_timeout=TIMEOUT_S), True)


@check("the server's metadata is one of the backends'")
def _():
    equal(client.get_server_metadata(client_timeout=TIMEOUT_S).name, "doubling")


@check("a model is ready by its public name")
def _():
    equal(client.is_model_ready("double", client_timeout=TIMEOUT_S), True)


@check("a model's metadata has the backend's tensors")
def _():
    metadata = client.get_model_metadata("double", client_timeout=TIMEOUT_S)
    equal([(item.name, item.datatype) for item in metadata.inputs], [("IN0", "FP32")])
    equal([item.name for item in metadata.outputs], ["OUT0"])


@check("raw FP32 goes out and comes back, with the request's id and version")
def _():
    answer = double(SMALL, request_id="seven", model_version="3")
    np.testing.assert_array_equal(answer.as_numpy("OUT0"), SMALL * 2)
    equal((answer.get_response().id, answer.get_response().model_version), ("seven", "3"))


@check("a megabyte of raw FP32 arrives whole in both directions")
def _():
    np.testing.assert_array_equal(double(BIG).as_numpy("OUT0"), BIG * 2)


@check("two tensors in one request keep their bytes apart")
def _():
    first, second = np.float32([[1, 2]]), np.float32([[3, 4, 5]])
    answer = client.infer("double", [tensor(first), tensor(second, "IN1")])
    np.testing.assert_array_equal(answer.as_numpy("OUT0"), first * 2)
    np.testing.assert_array_equal(answer.as_numpy("OUT1"), second * 2)


@check("32 concurrent requests each get their own answer")
def _():
    answers = queue.Queue()
    for index in range(32):
        values = np.float32([[index]])

        def keep(result, error, index=index):
            answers.put((index, error or result.as_numpy("OUT0").tolist()))

        client.async_infer("double", [tensor(values)], callback=keep, client_timeout=TIMEOUT_S)
    got = sorted(answers.get(timeout=TIMEOUT_S) for _ in range(32))
    equal(got, [(index, [[2.0 * index]]) for index in range(32)])


@check("a stream answers each of its requests in order")
def _():
    got = stream(["streamed"] * 20, 20)
    errors = [answer for answer in got if isinstance(answer, Exception)]
    equal(errors, [])
    equal([answer.as_numpy("OUT0").tolist() for answer in got], [[[2.0 * i]] for i in range(20)])


@check("a stream for a model that its backend knows by another name is UNIMPLEMENTED")
def _():
    (error,) = stream(["double"], 1)
    equal(error.status(), "StatusCode.UNIMPLEMENTED")


@check("a stream for an unknown model ends with NOT_FOUND")
def _():
    (error,) = stream(["nobody"], 1)
    equal(error.status(), "StatusCode.NOT_FOUND")


@check("a stream ends with an error when a later request names another model")
def _():
    answer, error = stream(["streamed", "double"], 2)
    equal(answer.as_numpy("OUT0").tolist(), [[0.0]])
    assert isinstance(error, InferenceServerException), error


@check("an unknown model is NOT_FOUND with its name")
def _():
    error = raises(InferenceServerException, lambda: double(SMALL, "nobody"))
    equal(error.status(), "StatusCode.NOT_FOUND")
    equal(error.message(), "the model 'nobody' does not exist")


@check("a big request for an unknown model is NOT_FOUND too")
def _():
    error = raises(InferenceServerException, lambda: double(BIG, "nobody"))
    equal(error.status(), "StatusCode.NOT_FOUND")


@check("an unknown model has no metadata: NOT_FOUND")
def _():
    error = raises(InferenceServerException, lambda: client.get_model_metadata("nobody"))
    equal(error.status(), "StatusCode.NOT_FOUND")


for algorithm in ("gzip", "deflate"):

    @check(f"a message compressed by {algorithm} is UNIMPLEMENTED, and says what to do")
    def _(algorithm=algorithm):
        # Zeros: what does not shrink is sent as it is.
        zeros = np.zeros((1, 4096), dtype=np.float32)
        error = raises(
            InferenceServerException, lambda: double(zeros, compression_algorithm=algorithm)
        )
        equal(error.status(), "StatusCode.UNIMPLEMENTED")
        assert "send it without compression" in error.message(), error.message()


@check("after all these refusals the same channel still infers")
def _():
    np.testing.assert_array_equal(double(SMALL).as_numpy("OUT0"), SMALL * 2)


run()
