"""`tritonclient.http` against an inference pod (JSON tensors) and a server of binary tensors, in one mesh."""

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from checks import FACTS, check, equal, raises, run

client = triton.InferenceServerClient(FACTS["authority"], connection_timeout=30, network_timeout=30)
ROWS = np.array(FACTS["rows"], dtype=np.float32)
# 1 MiB of FP32.
BIG = np.arange(262_144, dtype=np.float32).reshape(1, -1)


def tensor(name, values, binary):
    made = triton.InferInput(name, list(values.shape), "FP32")
    made.set_data_from_numpy(values, binary_data=binary)
    return made


def classify(model="digits", **more):
    outputs = [
        triton.InferRequestedOutput(name, binary_data=False) for name in ("label", "probabilities")
    ]
    return client.infer(model, [tensor("pixels", ROWS, False)], outputs=outputs, **more)


def double(values, binary_input, binary_output):
    outputs = [triton.InferRequestedOutput("OUT0", binary_data=binary_output)]
    return client.infer("double", [tensor("IN0", values, binary_input)], outputs=outputs)


@check("the server is live and ready")
def _():
    equal((client.is_server_live(), client.is_server_ready()), (True, True))


@check("the server's metadata is the mesh's")
def _():
    equal(client.get_server_metadata()["name"], "modelweir")


@check("a model is ready by its public name")
def _():
    equal(client.is_model_ready("digits"), True)


@check("an unknown model is not ready, which is no error")
def _():
    equal(client.is_model_ready("nobody"), False)


@check("a model's metadata has its public name and the backend's tensors")
def _():
    metadata = client.get_model_metadata("digits")
    equal(metadata["name"], "digits")
    equal([item["name"] for item in metadata["inputs"]], ["pixels"])
    equal([item["name"] for item in metadata["outputs"]], ["label", "probabilities"])


@check("the repository's index has the public names, sorted, all ready")
def _():
    index = client.get_model_repository_index()
    equal([(item["name"], item["state"]) for item in index], [("digits", "READY"), ("double", "READY")])


@check("JSON tensors are inferred, and the answers are the model's own")
def _():
    answer = classify(request_id="seven")
    equal(answer.as_numpy("label").tolist(), FACTS["labels"])
    np.testing.assert_allclose(answer.as_numpy("probabilities"), FACTS["probabilities"], atol=1e-5)
    equal(answer.get_response()["id"], "seven")


@check("JSON tensors are inferred in a version that the client names")
def _():
    equal(classify(model_version="1").as_numpy("label").tolist(), FACTS["labels"])


@check("16 concurrent requests each get their own answer")
def _():
    outputs = [triton.InferRequestedOutput("label", binary_data=False)]
    with triton.InferenceServerClient(FACTS["authority"], concurrency=16) as many:
        waiting = [
            many.async_infer("digits", [tensor("pixels", ROWS[row : row + 1], False)], outputs=outputs)
            for row in range(16)
        ]
        labels = [answer.get_result().as_numpy("label").tolist() for answer in waiting]
    equal(labels, [[label] for label in FACTS["labels"][:16]])


@check("an unknown model is a 404 with its name")
def _():
    error = raises(InferenceServerException, lambda: classify(model="nobody"))
    equal((error.status(), error.message()), ("404", "the model 'nobody' does not exist"))


@check("the metadata of an unknown model is a 404")
def _():
    error = raises(InferenceServerException, lambda: client.get_model_metadata("nobody"))
    equal(error.status(), "404")


for binary_input, binary_output in ((True, True), (True, False), (False, True), (False, False)):
    kinds = ["binary" if binary else "JSON" for binary in (binary_input, binary_output)]

    @check(f"a tensor goes out as {kinds[0]} and comes back as {kinds[1]}")
    def _(binary_input=binary_input, binary_output=binary_output):
        values = np.array([[0.5, -1, 3.25, 1e30]], dtype=np.float32)
        answer = double(values, binary_input, binary_output)
        np.testing.assert_array_equal(answer.as_numpy("OUT0"), values * 2)


@check("16 concurrent requests with binary tensors are not mixed up")
def _():
    with triton.InferenceServerClient(FACTS["authority"], concurrency=16) as many:
        waiting = [
            many.async_infer("double", [tensor("IN0", np.float32([[index]]), True)])
            for index in range(16)
        ]
        doubled = [answer.get_result().as_numpy("OUT0").tolist() for answer in waiting]
    equal(doubled, [[[2.0 * index]] for index in range(16)])


@check("a megabyte of binary tensor arrives whole in both directions")
def _():
    np.testing.assert_array_equal(double(BIG, True, True).as_numpy("OUT0"), BIG * 2)


@check("two binary tensors in one request keep their bytes apart")
def _():
    first, second = np.float32([[1, 2]]), np.float32([[3, 4, 5]])
    answer = client.infer("double", [tensor("IN0", first, True), tensor("IN1", second, True)])
    np.testing.assert_array_equal(answer.as_numpy("OUT0"), first * 2)
    np.testing.assert_array_equal(answer.as_numpy("OUT1"), second * 2)


run()
