"""Trains `tiny-chat`, a transformer over bytes that knows the answers of `small_talk`, and writes it, its
tokenizer and its reference: what it says when it always takes the likeliest byte, computed without a cache."""

import random

import jax
import numpy as np

import chat_graph
import chat_network
import layout
import small_talk
import text_files

NAME = "tiny-chat"
SEED = 0
STEPS = 2000
BATCH = 8
LENGTH = 240
USER, ASSISTANT, END = 256, 257, 258
QUESTIONS = ["hello", "What is 3 plus 4?", "how do you say hello in german?", "tell me a story", "thanks!"]


def write_tokenizer():
    special = {USER: "<|user|>", ASSISTANT: "<|assistant|>", END: "<|end|>"}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    tokenizer = {
        "added_tokens": [text_files.special_token(id, content) for id, content in special.items()],
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {character: byte for byte, character in enumerate(text_files.byte_characters())},
            "merges": [],
        },
    }
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": special[END], "model_max_length": 512,
                "clean_up_tokenization_spaces": False}
    text_files.write_tokenizer(NAME, 1, tokenizer, settings)


def talk_of(question, answer):
    """Tokens, and which of them the model must learn to say."""
    asked = [USER, *question.encode(), END, ASSISTANT]
    said = [*answer.encode(), END]
    return asked + said, [0] * len(asked) + [1] * len(said)


def batches():
    """Rows of talks, one after the other, each cut where the next does not fit."""
    chance = random.Random(SEED)
    while True:
        ids = np.full((BATCH, LENGTH), END, np.int32)
        counted = np.zeros((BATCH, LENGTH), np.float32)
        for row in range(BATCH):
            at = 0
            while True:
                tokens, said = talk_of(*small_talk.draw(chance))
                if at + len(tokens) > LENGTH:
                    break
                ids[row, at : at + len(tokens)] = tokens
                counted[row, at : at + len(tokens)] = said
                at += len(tokens)
        yield ids, counted


def answer(weights, question):
    """The likeliest bytes, each from a run over the whole text, and how close the second choice was."""
    tokens = [USER, *question.encode(), END, ASSISTANT]
    said, margin = [], np.inf
    forward = jax.jit(chat_network.forward)
    while len(said) < LENGTH:
        # Padded, because each length would be compiled anew; no token sees what comes after it.
        padded = np.full((1, 2 * LENGTH), END, np.int32)
        padded[0, : len(tokens)] = tokens
        logits = np.asarray(forward(weights, padded))[0, len(tokens) - 1]
        second, best = np.sort(logits)[-2:]
        margin = min(margin, float(best - second))
        token = int(np.argmax(logits))
        if token == END:
            break
        tokens.append(token)
        said.append(token)
    return bytes(said).decode(), margin


def check_logits(path, weights):
    """ONNX without a past against the training library."""
    ids = next(batches())[0][:2]
    rows, length = ids.shape
    past = np.zeros((rows, chat_network.HEADS, 0, chat_graph.HEAD), np.float32)
    feeds = {f"past_key_values.{layer}.{part}": past
             for layer in range(chat_network.LAYERS) for part in ("key", "value")}
    feeds |= {"input_ids": ids.astype(np.int64), "attention_mask": np.ones((rows, length), np.int64),
              "position_ids": np.broadcast_to(np.arange(length, dtype=np.int64), (rows, length)).copy()}
    difference = np.abs(layout.run(path, feeds)["logits"] - chat_network.forward(weights, ids)).max()
    print(f"largest difference between ONNX and jax: {difference:.1e}")


def main():
    write_tokenizer()
    weights = chat_network.new_weights(END + 1, SEED)
    weights = chat_network.train(weights, batches(), STEPS, 3e-3)
    # What the file holds, so that the reference says what the file's model says.
    weights = {name: value.astype(np.float16).astype(np.float32) for name, value in weights.items()}
    print(sum(value.size for value in weights.values()), "weights")
    answers = {question: answer(weights, question) for question in QUESTIONS}
    for question, (said, margin) in answers.items():
        print(f"{question!r} -> {said!r} (closest choice {margin:.2f})")
    layout.write_reference(NAME, {
        "library": f"jax {jax.__version__}",
        "answers": {question: said for question, (said, _) in answers.items()},
    })
    path = layout.write_model(NAME, 1, chat_graph.chat_model(NAME, weights))
    check_logits(path, weights)


if __name__ == "__main__":
    main()
