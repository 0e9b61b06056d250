"""Embeddings by the `openai` package, from 16 threads and from 16 tasks at once, through a route with batching."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import openai

from checks import FACTS, check, equal, run

SETTINGS = {"base_url": FACTS["baseUrl"], "api_key": "unused", "max_retries": 0, "timeout": 30}
MODEL = "acme/embedder"


def texts_of(call):
    """One to three that no other call has."""
    return [f"{call} {'é' * (call % 7)} {i}" for i in range(1 + call % 3)]


def vector_of(text):
    """As the backend computes it."""
    return [len(text), sum(map(ord, text)), -0.5, 0.25]


def own(answer, texts):
    """Its part of the tokens."""
    equal([item.embedding for item in answer.data], [vector_of(text) for text in texts])
    equal([item.index for item in answer.data], list(range(len(texts))))
    return answer.usage.total_tokens


def asked(call):
    texts = texts_of(call)
    return {"model": MODEL, "input": texts[0] if len(texts) == 1 else texts}


ALL = sum(len(texts_of(call)) for call in range(160))


@check("160 calls from 16 threads each get their own vectors, and the tokens add up")
def _():
    client = openai.OpenAI(**SETTINGS)

    def call(index):
        return own(client.embeddings.create(**asked(index)), texts_of(index))

    with ThreadPoolExecutor(16) as pool:
        equal(sum(pool.map(call, range(160))), ALL)


@check("160 calls from 16 tasks each get their own vectors, and the tokens add up")
def _():
    async def calls():
        client = openai.AsyncOpenAI(**SETTINGS)
        waiting = iter(range(160))

        async def task():
            return sum([own(await client.embeddings.create(**asked(i)), texts_of(i)) for i in waiting])

        return sum(await asyncio.gather(*(task() for _ in range(16))))

    equal(asyncio.run(calls()), ALL)


run()
