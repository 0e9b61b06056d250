"""The `openai` package, synchronous and asynchronous, against an OpenAI backend behind the mesh."""

import asyncio
import hashlib
import io
import json
import random
import urllib.request

import openai

from checks import FACTS, check, equal, raises, run

SETTINGS = {"base_url": FACTS["baseUrl"], "api_key": "unused", "max_retries": 0, "timeout": 30}
client = openai.OpenAI(**SETTINGS)

TEXT = " ".join(f"word{i}" for i in range(50)) + " Grüße 😀"
# 2.5 times what the router holds.
BIG_BYTES = 2_621_440


def ask(content):
    return {"model": "talker", "messages": [{"role": "user", "content": content}]}


def open_gate(name):
    request = urllib.request.Request(f"{FACTS['backendUrl']}/gates/{name}", method="POST")
    urllib.request.urlopen(request, timeout=30).close()


def noise(size):
    return random.Random(7).randbytes(size)


def transcribe(content):
    """What the backend says that it got."""
    upload = {"model": "ear", "file": ("speech.wav", content), "language": "de"}
    answer = client.audio.transcriptions.create(**upload)
    return json.loads(answer.text)


@check("models.list() has the public names, sorted, and no served one")
def _():
    listed = client.models.list()
    equal([model.id for model in listed], ["acme/embedder", "ear", "talker"])
    equal(listed.data[0].object, "model")


@check("models.retrieve() knows a model by its public name")
def _():
    equal(client.models.retrieve("talker").id, "talker")


@check("models.retrieve() knows a model whose name has a slash")
def _():
    equal(client.models.retrieve("acme/embedder").id, "acme/embedder")


@check("models.retrieve() of an unknown model is a NotFoundError")
def _():
    error = raises(openai.NotFoundError, lambda: client.models.retrieve("nobody"))
    equal(error.code, "model_not_found")


@check("a chat is answered in full, with its usage")
def _():
    answer = client.chat.completions.create(**ask(TEXT))
    equal(answer.choices[0].message.content, TEXT)
    equal(answer.choices[0].finish_reason, "stop")
    equal(answer.usage.total_tokens, 104)


@check("a chat with a megabyte of history is answered in full")
def _():
    content = "x" * 1_000_000
    equal(client.chat.completions.create(**ask(content)).choices[0].message.content, content)


@check("a streamed chat comes chunk by chunk, in order, with its usage")
def _():
    stream = client.chat.completions.create(
        **ask(TEXT), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    words = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    equal(words, [*TEXT.replace(" ", "\n ").split("\n"), None])
    equal(chunks[-1].usage.completion_tokens, 52)


@check("the first chunk of a streamed chat is there before the second one is written")
def _():
    stream = client.chat.completions.create(
        **ask("first then last"), stream=True, extra_headers={"x-gate": "python"}
    )
    equal(next(stream).choices[0].delta.content, "first")
    open_gate("python")
    equal("".join(chunk.choices[0].delta.content or "" for chunk in stream), " then last")


@check("a client that leaves a stream early can go on with the next request")
def _():
    with client.chat.completions.create(
        **ask(TEXT), stream=True, extra_headers={"x-gate": "never-opened"}
    ) as stream:
        next(stream)
    equal(client.chat.completions.create(**ask("next")).choices[0].message.content, "next")


@check("embeddings come as floats, in the order of their texts")
def _():
    answer = client.embeddings.create(
        model="acme/embedder", input=["a", "bc"], encoding_format="float"
    )
    equal([item.embedding for item in answer.data], [[1, 97, -0.5, 0.25], [2, 197, -0.5, 0.25]])


@check("embeddings come in the client's own default encoding, base64")
def _():
    answer = client.embeddings.create(model="acme/embedder", input="a")
    equal(list(answer.data[0].embedding), [1, 97, -0.5, 0.25])


@check("the Responses API is answered")
def _():
    equal(client.responses.create(model="talker", input=TEXT).output_text, TEXT)


@check("an upload for transcription arrives with all its bytes and fields")
def _():
    content = noise(300_000)
    got = transcribe(content)
    equal(got["file"]["name"], "speech.wav")
    equal(got["file"]["sha256"], hashlib.sha256(content).hexdigest())
    equal((got["model"], got["language"]), ("ear-large-v3", "de"))


@check("an upload bigger than what the router holds arrives with all its bytes")
def _():
    content = noise(BIG_BYTES)
    equal(transcribe(io.BytesIO(content))["file"]["sha256"], hashlib.sha256(content).hexdigest())


@check("an unknown model is a NotFoundError with code, param and message")
def _():
    question = {**ask("x"), "model": "nobody"}
    error = raises(openai.NotFoundError, lambda: client.chat.completions.create(**question))
    equal((error.status_code, error.code, error.param), (404, "model_not_found", "model"))
    equal(error.body["message"], "the model 'nobody' does not exist")


@check("an unknown model of a stream is a NotFoundError before its first chunk")
def _():
    question = {**ask("x"), "model": "nobody", "stream": True}
    raises(openai.NotFoundError, lambda: client.chat.completions.create(**question))


@check("an unknown model of an upload is a NotFoundError")
def _():
    upload = {"model": "nobody", "file": ("speech.wav", b"x")}
    error = raises(openai.NotFoundError, lambda: client.audio.transcriptions.create(**upload))
    equal(error.code, "model_not_found")


@check("the public name of one model is not the served name of another: it is a NotFoundError")
def _():
    question = {**ask("x"), "model": "talker-32b-instruct-4bit"}
    raises(openai.NotFoundError, lambda: client.chat.completions.create(**question))


async def chat(many, index):
    text = f"request {index}"
    if index % 2 == 0:
        answer = await many.chat.completions.create(**ask(text))
        return answer.choices[0].message.content == text
    stream = await many.chat.completions.create(**ask(text), stream=True)
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == text


@check("32 concurrent requests of the asynchronous client each get their own answer")
def _():
    async def all_of_them():
        async with openai.AsyncOpenAI(**SETTINGS) as many:
            return await asyncio.gather(*[chat(many, index) for index in range(32)])

    equal(asyncio.run(all_of_them()), [True] * 32)


run()
