"""KServe's V1 protocol by Python's own library: there is no small client for it."""

import http.client
import json
import urllib.error
import urllib.request

from checks import FACTS, check, equal, raises, run

TIMEOUT_S = 30


def post(path, body):
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(FACTS["url"] + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return json.load(answer)


@check("a prediction goes to the model that the path names")
def _():
    equal(post("/v1/models/double:predict", {"instances": [1, 2.5, -3]}), {"predictions": [2, 5, -6]})


@check("a prediction is found whatever the name's spelling in the path")
def _():
    equal(post("/v1/models/d%6Fuble:predict", {"instances": [4]}), {"predictions": [8]})


@check("a prediction whose body comes in chunks, without a length, arrives whole")
def _():
    connection = http.client.HTTPConnection(FACTS["authority"], timeout=TIMEOUT_S)
    body = json.dumps({"instances": list(range(50_000))}).encode()
    pieces = (body[at : at + 10_000] for at in range(0, len(body), 10_000))
    connection.request("POST", "/v1/models/double:predict", pieces, encode_chunked=True,
                       headers={"transfer-encoding": "chunked"})
    answer = connection.getresponse()
    equal(answer.status, 200)
    equal(json.load(answer)["predictions"][-1], 99_998)
    connection.close()


@check("an explanation goes the same way")
def _():
    equal(post("/v1/models/double:explain", {"instances": [1]}), {"explanations": ["twice 1"]})


@check("an unknown model is a 404 with its name")
def _():
    error = raises(urllib.error.HTTPError, lambda: post("/v1/models/nobody:predict", {}))
    equal(error.code, 404)
    equal(json.load(error), {"error": "the model 'nobody' does not exist"})


run()
