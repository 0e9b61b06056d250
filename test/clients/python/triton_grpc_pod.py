"""`tritonclient.grpc` against an inference pod: every datatype, raw and typed, and what is wrong with it."""

import asyncio
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

from checks import FACTS, check, equal, raises, run

client = triton.InferenceServerClient(FACTS["authority"])
channel = grpc.insecure_channel(FACTS["authority"])
stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
TIMEOUT_S = 30
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
    "FP32": np.array([[0.1], [np.inf]], np.float32),
    "FP64": np.array([[0.1], [-1e300]], np.float64),
    "BYTES": np.array([[""], ["café"]], np.object_),
}
ONE = np.float32([[1]])


def tensor(name, datatype, values):
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values)
    return made


def floats(values, **more):
    return client.infer("floats", [tensor("x", "FP32", values)], **more)


def same(answer, name):
    got, sent = answer.as_numpy(f"{name}_out"), VALUES[name]
    if name == "BYTES":
        equal([item.decode() for item in got.ravel()], list(sent.ravel()))
    else:
        np.testing.assert_array_equal(got, sent)
        equal((got.dtype, got.shape), (sent.dtype, sent.shape))


def contents(name):
    """The elements in the field of their datatype; FP16 has none."""
    made = service_pb2.InferTensorContents()
    flat = VALUES[name].ravel().tolist()
    if name == "BYTES":
        made.bytes_contents.extend(text.encode() for text in flat)
    else:
        narrow = name.rstrip("0123456789") if name[-2:] in ("T8", "16", "32") and "INT" in name else name
        getattr(made, f"{narrow.lower()}_contents").extend(flat)
    return made


def typed(values, **more):
    made = service_pb2.ModelInferRequest(model_name="floats", **more)
    made.inputs.add(name="x", datatype="FP32", shape=[1, len(values)])
    made.inputs[0].contents.fp32_contents.extend(values)
    return made


@check("the server is live and ready, and says what it is")
def _():
    equal((client.is_server_live(), client.is_server_ready()), (True, True))
    metadata = client.get_server_metadata()
    equal(metadata.name, "modelweir")
    equal(list(metadata.extensions), ["model_repository", "statistics", "model_configuration"])


@check("a model is ready, with and without its version")
def _():
    equal(client.is_model_ready("mirror"), True)
    equal(client.is_model_ready("mirror", "1"), True)


@check("metadata and configuration name every tensor with its datatype")
def _():
    metadata = client.get_model_metadata("mirror")
    equal([item.datatype for item in metadata.inputs], FACTS["datatypes"])
    equal([list(item.shape) for item in metadata.outputs], [[-1, -1]] * len(FACTS["datatypes"]))
    config = client.get_model_config("mirror", as_json=True)["config"]
    equal([item["name"] for item in config["input"]], FACTS["datatypes"])
    equal(config["input"][-1]["data_type"], "TYPE_STRING")


@check("every datatype goes out raw and comes back raw")
def _():
    inputs = [tensor(name, name, VALUES[name]) for name in FACTS["datatypes"]]
    answer = client.infer("mirror", inputs, request_id="seven", model_version="1")
    for name in FACTS["datatypes"]:
        same(answer, name)
    equal((answer.get_response().id, answer.get_response().model_version), ("seven", "1"))


@check("an answer has only the outputs that were asked for, in their order")
def _():
    inputs = [tensor(name, name, VALUES[name]) for name in FACTS["datatypes"]]
    wanted = [triton.InferRequestedOutput("INT8_out"), triton.InferRequestedOutput("BOOL_out")]
    answer = client.infer("mirror", inputs, outputs=wanted)
    equal([item.name for item in answer.get_response().outputs], ["INT8_out", "BOOL_out"])
    same(answer, "INT8")
    same(answer, "BOOL")


@check("every datatype but FP16 goes out typed, and comes back typed if that is asked for")
def _():
    # The model has an FP16 input, which makes a request of both kinds impossible: each is a model's only input.
    answer = stub.ModelInfer(typed([0.5, -2]))
    equal(np.frombuffer(answer.raw_output_contents[0], np.float32).tolist(), [0.5, -2])
    request = typed([0.5, -2])
    request.parameters["binary_data_output"].bool_param = False
    answer = stub.ModelInfer(request)
    equal(list(answer.outputs[0].contents.fp32_contents), [0.5, -2])
    equal(len(answer.raw_output_contents), 0)
    for name in FACTS["datatypes"]:
        if name == "FP16":
            continue
        request = service_pb2.ModelInferRequest(model_name=f"only-{name}")
        request.inputs.add(name="x", datatype=name, shape=VALUES[name].shape[:1])
        request.inputs[0].contents.CopyFrom(contents(name))
        request.parameters["binary_data_output"].bool_param = False
        equal(stub.ModelInfer(request).outputs[0].contents, contents(name))


@check("no rows come back as no rows")
def _():
    equal(floats(np.empty((0, 3), np.float32)).as_numpy("y").shape, (0, 3))


@check("a megabyte arrives whole in both directions")
def _():
    values = np.arange(262_144, dtype=np.float32).reshape(4, -1)
    np.testing.assert_array_equal(floats(values).as_numpy("y"), values)


@check("a client shared by 32 threads gets each thread its own answers")
def _():
    def calls(thread):
        for index in range(8):
            values = np.full((1 + index % 3, 4), thread * 8 + index, np.float32)
            np.testing.assert_array_equal(floats(values).as_numpy("y"), values)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(calls, range(32)))


@check("64 asynchronous calls get each their own answer")
def _():
    answers = queue.Queue()
    for index in range(64):
        values = np.full((1, 4), index, np.float32)

        def keep(result, error, index=index):
            answers.put((index, error or result.as_numpy("y").tolist()))

        client.async_infer("floats", [tensor("x", "FP32", values)], callback=keep)
    got = sorted(answers.get(timeout=TIMEOUT_S) for _ in range(64))
    equal(got, [(index, [[float(index)] * 4]) for index in range(64)])


@check("the client for asyncio gets its answers, 64 at a time")
def _():
    async def calls():
        async with triton_aio.InferenceServerClient(FACTS["authority"]) as many:
            rows = [np.full((1, 2), index, np.float32) for index in range(64)]
            made = [triton_aio.InferInput("x", [1, 2], "FP32") for _ in rows]
            for item, row in zip(made, rows):
                item.set_data_from_numpy(row)
            answers = await asyncio.gather(*(many.infer("floats", [item]) for item in made))
            for row, answer in zip(rows, answers):
                np.testing.assert_array_equal(answer.as_numpy("y"), row)

    asyncio.run(calls())


def stream(requests):
    """The answers or errors to a stream of requests that are sent without waiting."""
    answers = queue.Queue()
    with triton.InferenceServerClient(FACTS["authority"]) as streaming:
        streaming.start_stream(lambda result, error: answers.put(error or result))
        for model, index in requests:
            streaming.async_stream_infer(
                model, [tensor("x", "FP32", np.float32([[index]]))], request_id=str(index)
            )
        got = [answers.get(timeout=TIMEOUT_S) for _ in requests]
        streaming.stop_stream()
    return got


@check("a stream answers 500 requests in their order")
def _():
    got = stream([("floats", index) for index in range(500)])
    equal([answer.as_numpy("y").tolist() for answer in got], [[[float(i)]] for i in range(500)])
    equal(got[7].get_response().id, "7")


@check("a stream goes on after a request that is wrong")
def _():
    first, wrong, last = stream([("floats", 1), ("nobody", 2), ("floats", 3)])
    equal((first.as_numpy("y").tolist(), last.as_numpy("y").tolist()), ([[1.0]], [[3.0]]))
    assert "not served here" in wrong.message(), wrong.message()


for algorithm in ("gzip", "deflate"):

    @check(f"a message compressed by {algorithm} is read")
    def _(algorithm=algorithm):
        zeros = np.zeros((1, 4096), np.float32)
        np.testing.assert_array_equal(floats(zeros, compression_algorithm=algorithm).as_numpy("y"), zeros)


@check("a compressed message that is too large when it is not is RESOURCE_EXHAUSTED")
def _():
    zeros = np.zeros((2, 10**6), np.float32)
    error = raises(InferenceServerException, lambda: floats(zeros, compression_algorithm="gzip"))
    equal(error.status(), "StatusCode.RESOURCE_EXHAUSTED")


@check("statistics count the requests and rows of a model")
def _():
    before = client.get_inference_statistics("texts").model_stats[0]
    for _ in range(3):
        client.infer("texts", [tensor("x", "BYTES", np.array(["a", "b"], np.object_))])
    after = client.get_inference_statistics("texts", "1").model_stats[0]
    equal(after.inference_count - before.inference_count, 6)
    equal(after.inference_stats.success.count - before.inference_stats.success.count, 3)
    assert after.inference_stats.success.ns > before.inference_stats.success.ns
    equal(len(client.get_inference_statistics().model_stats) > 3, True)


def state(model):
    index = client.get_model_repository_index().models
    return [item.state for item in index if item.name == model]


@check("a model is unloaded, is NOT_FOUND or UNAVAILABLE then, and is loaded again")
def _():
    equal(state("texts"), ["READY"])
    client.unload_model("texts")
    equal(state("texts"), ["UNAVAILABLE"])
    equal(client.is_model_ready("texts"), False)
    error = raises(
        InferenceServerException,
        lambda: client.infer("texts", [tensor("x", "BYTES", np.array(["a"], np.object_))]),
    )
    equal(error.status(), "StatusCode.UNAVAILABLE")
    client.load_model("texts")
    equal((state("texts"), client.is_model_ready("texts")), (["READY"], True))


@check("loading a model that is not there is NOT_FOUND, and a configuration is not taken from a client")
def _():
    error = raises(InferenceServerException, lambda: client.load_model("nobody"))
    equal(error.status(), "StatusCode.NOT_FOUND")
    error = raises(InferenceServerException, lambda: client.load_model("texts", config="{}"))
    equal(error.status(), "StatusCode.INVALID_ARGUMENT")


def refused(name, status, message, call):
    @check(f"{name}: {status}")
    def _():
        error = raises(InferenceServerException, call)
        equal(error.status(), f"StatusCode.{status}")
        assert message in error.message(), error.message()


def lying(values, shape):
    made = tensor("x", "FP32", values)
    made.set_shape(shape)
    return client.infer("floats", [made])


WRONG = "INVALID_ARGUMENT"
refused("an unknown model", "NOT_FOUND", '"nobody"', lambda: client.infer("nobody", [tensor("x", "FP32", ONE)]))
refused("an unknown version", "NOT_FOUND", "it has 1", lambda: floats(ONE, model_version="9"))
refused("metadata of an unknown model", "NOT_FOUND", '"nobody"', lambda: client.get_model_metadata("nobody"))
refused("an unknown input", WRONG, '"z"', lambda: client.infer("floats", [tensor("z", "FP32", ONE)]))
refused(
    "another datatype",
    WRONG,
    'input "x": datatype is "INT32"',
    lambda: client.infer("floats", [tensor("x", "INT32", np.int32([[1]]))]),
)
refused("another rank", WRONG, 'input "x"', lambda: floats(np.float32([1])))
refused("a shape larger than the bytes", WRONG, 'input "x": has 4 bytes', lambda: lying(ONE, [2, 1]))
refused("a shape that overflows", WRONG, "overflow", lambda: lying(ONE, [2**40, 2**40]))
refused("a shape beyond the limit", "RESOURCE_EXHAUSTED", "--max-elements", lambda: lying(ONE, [2000, 2000]))
refused(
    "a message beyond the limit",
    "RESOURCE_EXHAUSTED",
    "--max-body-bytes",
    lambda: floats(np.zeros((2, 10**6), np.float32)),
)
refused(
    "an input given twice",
    WRONG,
    'input "x" is given twice',
    lambda: client.infer("floats", [tensor("x", "FP32", ONE)] * 2),
)
refused(
    "text that is not UTF-8",
    WRONG,
    'input "x": element 0',
    lambda: client.infer("texts", [tensor("x", "BYTES", np.array([b"\xff"], np.object_))]),
)
refused("an unknown output", WRONG, '"z"', lambda: floats(ONE, outputs=[triton.InferRequestedOutput("z")]))
refused(
    "an output as a classification, which would be read as something else",
    WRONG,
    "classification",
    lambda: floats(ONE, outputs=[triton.InferRequestedOutput("y", class_count=2)]),
)
refused("a name that no trailer could carry", "NOT_FOUND", "...", lambda: client.infer("日" * 9000, []))
refused(
    "shared memory",
    "UNIMPLEMENTED",
    "shared memory is not supported",
    lambda: client.register_system_shared_memory("r", "/r", 8),
)
refused("settings of the log", "UNIMPLEMENTED", "--log-level", lambda: client.get_log_settings())


SLOW = tensor("x", "FP32", np.ones((64, 256), np.float32))


@check("a deadline that passes while the model runs: DEADLINE_EXCEEDED")
def _():
    error = raises(
        InferenceServerException, lambda: client.infer("slow", [SLOW], client_timeout=0.01)
    )
    equal(error.status(), "StatusCode.DEADLINE_EXCEEDED")


@check("a call that is cancelled ends as CANCELLED, and the pod answers others")
def _():
    ended = threading.Event()
    errors = []

    def keep(result, error):
        errors.append(error)
        ended.set()

    client.async_infer("slow", [SLOW], callback=keep).cancel()
    assert ended.wait(TIMEOUT_S)
    equal(errors[0].status(), "StatusCode.CANCELLED")
    np.testing.assert_array_equal(floats(ONE).as_numpy("y"), ONE)


@check("health is serving, and watching says so at once")
def _():
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", "inference.GRPCInferenceService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=TIMEOUT_S)
        equal(answer.status, health_pb2.HealthCheckResponse.SERVING)
    watching = health.Watch(health_pb2.HealthCheckRequest(service=""))
    equal(next(watching).status, health_pb2.HealthCheckResponse.SERVING)
    watching.cancel()
    unknown = health_pb2.HealthCheckRequest(service="nobody")
    error = raises(grpc.RpcError, lambda: health.Check(unknown, timeout=TIMEOUT_S))
    equal(error.code(), grpc.StatusCode.NOT_FOUND)


@check("a client that knows nothing but reflection finds the services, and infers")
def _():
    database = ProtoReflectionDescriptorDatabase(channel)
    services = set(database.get_services())
    assert {"inference.GRPCInferenceService", "grpc.health.v1.Health"} <= services, services
    pool = descriptor_pool.DescriptorPool(database)
    service = pool.FindServiceByName("inference.GRPCInferenceService")
    method = service.FindMethodByName("ModelInfer")
    request = message_factory.GetMessageClass(method.input_type)(model_name="floats")
    request.inputs.add(name="x", datatype="FP32", shape=[1, 2]).contents.fp32_contents.extend([3, 4])
    call = channel.unary_unary(
        f"/{service.full_name}/{method.name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )
    answer = call(request, timeout=TIMEOUT_S)
    equal(np.frombuffer(answer.raw_output_contents[0], np.float32).tolist(), [3, 4])


@check("our services have the names and numbers of tritonclient's own")
def _():
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    service = pool.FindServiceByName("inference.GRPCInferenceService")
    theirs = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    seen = set()

    def compare(ours, other):
        if ours.name in seen:
            return
        seen.add(ours.name)
        for field in ours.fields:
            match = other.fields_by_name[field.name]
            equal((field.number, field.type), (match.number, match.type))
            if field.message_type:
                compare(field.message_type, match.message_type)

    for method in service.methods:
        other = theirs.methods_by_name[method.name]
        compare(method.input_type, other.input_type)
        compare(method.output_type, other.output_type)


@check("the pod still answers after all that")
def _():
    np.testing.assert_array_equal(floats(ONE).as_numpy("y"), ONE)


run()
