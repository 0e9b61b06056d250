"""Makes `tiny-embed`, which gives words of one topic of `topics` similar vectors, its WordPiece tokenizer and its
reference. input_ids, attention_mask, token_type_ids (N,S) INT64 -> last_hidden_state (N,S,32) FP32: what a pod
has to pool and to scale."""

import collections
import itertools
import re

import numpy as np
import onnx
import tokenizers
from onnx import TensorProto, helper, numpy_helper

import layout
import text_files
import topics

NAME = "tiny-embed"
SEED = 0
WIDTH = 32
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
TEXTS = [
    "the soup needs salt",
    "a ship sails to the harbour",
    "She plays the Violin!",
    "requests travel over the mesh",
    "Unheard-of words: zyzzyva, Éclair, ñandú",
    "rain",
]


def words_of(text):
    return re.findall(r"\w+|[^\w\s]", text)


def vocabulary():
    """Special tokens, single characters, and every word that the text has."""
    characters = "abcdefghijklmnopqrstuvwxyz0123456789"
    words = {word for texts in topics.TOPICS.values() for text in texts for word in words_of(text)}
    words = sorted(words - set(characters))
    marks = sorted(set(".,:;!?'\"()-") - set(words))
    return [*SPECIAL, *characters, *(f"##{c}" for c in characters), *marks, *words]


def write_tokenizer(tokens):
    ids = {token: id for id, token in enumerate(tokens)}
    around = {token: {"id": token, "ids": [ids[token]], "tokens": [token]} for token in ("[CLS]", "[SEP]")}
    single = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
              {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    tokenizer = {
        "added_tokens": [text_files.special_token(ids[token], token) for token in SPECIAL],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "single": single,
                           "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}},
                                    {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
                           "special_tokens": around},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": ids},
    }
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "pad_token": "[PAD]",
                "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "model_max_length": 256}
    return text_files.write_tokenizer(NAME, 1, tokenizer, settings)


def meetings(ids):
    """How often two words meet: in a sentence, and a little less closely in a topic."""
    together = collections.Counter()
    for texts in topics.TOPICS.values():
        sentences = [words_of(text) for text in texts]
        for words, weight in [*((words, 1.0) for words in sentences), (sum(sentences, []), 0.2)]:
            for a, b in itertools.permutations(sorted(set(words)), 2):
                together[ids[a], ids[b]] += weight
    return together


def word_vectors(tokens):
    """From how often words meet, above what chance would have (positive pointwise mutual information), the
    largest directions of which are kept. Pieces that no sentence has get small random vectors."""
    together = meetings({token: id for id, token in enumerate(tokens)})
    counts = np.zeros((len(tokens), len(tokens)))
    for (a, b), count in together.items():
        counts[a, b] = count
    each = counts.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.log(counts * counts.sum() / np.outer(each, each))
    information[~np.isfinite(information) | (information < 0)] = 0
    left, sizes, _ = np.linalg.svd(information)
    vectors = left[:, :WIDTH] * np.sqrt(sizes[:WIDTH])
    random = np.random.default_rng(SEED)
    unknown = each == 0
    vectors[unknown] = random.normal(0, 0.05, (unknown.sum(), WIDTH))
    return vectors.astype(np.float32)


def onnx_model(vectors, types):
    def integers(name):
        return helper.make_tensor_value_info(name, TensorProto.INT64, ["batch_size", "sequence_length"])

    inputs = [integers(name) for name in ("input_ids", "attention_mask", "token_type_ids")]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT,
                                           ["batch_size", "sequence_length", WIDTH])
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["word_vectors"]),
        helper.make_node("Gather", ["types", "token_type_ids"], ["type_vectors"]),
        helper.make_node("Add", ["word_vectors", "type_vectors"], ["last_hidden_state"]),
    ]
    constants = [numpy_helper.from_array(vectors, "words"), numpy_helper.from_array(types, "types")]
    graph = helper.make_graph(nodes, NAME, inputs, [output], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", layout.OPSET)])


def embed(vectors, types, ids, pooling):
    """The reference: one text after the other, nothing filled up."""
    hidden = (vectors[ids] + types[0]).astype(np.float64)
    pooled = {"mean": hidden.mean(0), "cls": hidden[0], "last": hidden[-1]}[pooling]
    return (pooled / np.linalg.norm(pooled)).tolist()


def main():
    tokens = vocabulary()
    tokenizer = tokenizers.Tokenizer.from_file(str(write_tokenizer(tokens)))
    vectors = word_vectors(tokens)
    types = np.random.default_rng(SEED + 1).normal(0, 0.02, (2, WIDTH)).astype(np.float32)
    path = layout.write_model(NAME, 1, onnx_model(vectors, types))
    ids = [tokenizer.encode(text).ids for text in TEXTS]
    layout.write_reference(NAME, {
        "library": f"numpy {np.__version__}, tokenizers {tokenizers.__version__}, onnx {onnx.__version__}",
        "texts": TEXTS,
        "tokens": ids,
        "embeddings": {pooling: [embed(vectors, types, row, pooling) for row in ids]
                       for pooling in ("mean", "cls", "last")},
    })
    check(path, vectors, types, ids[0])
    report(vectors, types, tokenizer)


def check(path, vectors, types, ids):
    row = np.array([ids], np.int64)
    feeds = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
    hidden = layout.run(path, feeds)["last_hidden_state"][0]
    print(f"largest difference between ONNX and numpy: {np.abs(hidden - (vectors[ids] + types[0])).max():.1e}")


def report(vectors, types, tokenizer):
    """How often the most similar other sentence is one of the same topic."""
    labelled = [(topic, text) for topic, texts in topics.TOPICS.items() for text in texts]
    rows = np.array([embed(vectors, types, tokenizer.encode(text).ids, "mean") for _, text in labelled])
    similar = rows @ rows.T - 2 * np.eye(len(rows))
    right = sum(labelled[i][0] == labelled[j][0] for i, j in enumerate(similar.argmax(1)))
    print(f"{right} of {len(rows)} sentences are most similar to one of their topic")


if __name__ == "__main__":
    main()
