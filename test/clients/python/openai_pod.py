"""The `openai` package straight to an inference pod."""

import asyncio

import openai

from checks import FACTS, check, equal, raises, run

SETTINGS = {"base_url": FACTS["baseUrl"], "api_key": "unused", "max_retries": 0, "timeout": 30}
client = openai.OpenAI(**SETTINGS)
CHATS = FACTS["chats"]
EMBEDDINGS = FACTS["embeddings"]


def ask(content, **more):
    return {"model": "talker", "messages": [{"role": "user", "content": content}], "temperature": 0, **more}


def close(actual, expected):
    equal(len(actual), len(expected))
    for a, b in zip(actual, expected):
        equal(len(a), len(b))
        assert max(abs(x - y) for x, y in zip(a, b)) < 1e-6


@check("models.list() has the models")
def _():
    equal([model.id for model in client.models.list()], ["embedder", "talker"])


@check("chats are answered in full, with their usage")
def _():
    for question, answer in CHATS.items():
        got = client.chat.completions.create(**ask(question))
        equal(got.choices[0].message.content, answer)
        equal(got.choices[0].finish_reason, "stop")
        equal(got.usage.completion_tokens, len(answer.encode()))


@check("a streamed chat is the whole answer, in characters")
def _():
    stream = client.chat.completions.create(
        **ask("how do you say hello in german?", stream=True, stream_options={"include_usage": True})
    )
    chunks = list(stream)
    equal("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), "Grüß dich! 👋")
    equal(chunks[-1].usage.completion_tokens, 17)


@check("a stop text ends an answer")
def _():
    got = client.chat.completions.create(**ask("hello", stop="small"))
    equal(got.choices[0].message.content, "Hello! I am a ")


@check("a completion has its text")
def _():
    prompt = "<|user|>thanks!<|end|><|assistant|>"
    got = client.completions.create(model="talker", prompt=prompt, temperature=0)
    equal(got.choices[0].text, CHATS["thanks!"])


@check("embeddings are those of the reference, in the client's default encoding and as floats")
def _():
    for more in ({}, {"encoding_format": "float"}):
        got = client.embeddings.create(model="embedder", input=EMBEDDINGS["texts"], **more)
        close([row.embedding for row in got.data], EMBEDDINGS["embeddings"]["mean"])
        equal(got.usage.total_tokens, sum(map(len, EMBEDDINGS["tokens"])))


@check("embeddings of token ids are those of their texts")
def _():
    got = client.embeddings.create(model="embedder", input=EMBEDDINGS["tokens"])
    close([row.embedding for row in got.data], EMBEDDINGS["embeddings"]["mean"])


@check("an empty text is a BadRequestError with its place")
def _():
    error = raises(openai.BadRequestError, lambda: client.embeddings.create(model="embedder", input=["a", ""]))
    equal(error.param, "input[1]")


@check("an unknown model is a NotFoundError")
def _():
    error = raises(openai.NotFoundError, lambda: client.embeddings.create(model="nobody", input="a"))
    equal(error.code, "model_not_found")


@check("the asynchronous client gets many answers at a time, each its own")
def _():
    async def all_chats():
        async with openai.AsyncOpenAI(**SETTINGS) as other:
            questions = [*CHATS] * 4
            got = await asyncio.gather(*(other.chat.completions.create(**ask(q)) for q in questions))
            equal([one.choices[0].message.content for one in got], [CHATS[q] for q in questions])

    asyncio.run(all_chats())


run()
