"""Writes scores.golden.json: what scikit-learn says of labels and answers, weird ones among them.

python3 -m venv /tmp/scores-venv
/tmp/scores-venv/bin/pip install scikit-learn==1.9.1
/tmp/scores-venv/bin/python test/unit/cli/reference/make_scores.py
"""

import json
import pathlib
import random

from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

SEED = 20


def case(name, labels, answers):
    classes = sorted(set(labels) | set(answers))
    figures = {"zero_division": 0, "labels": classes}
    precision, recall, f1, support = precision_recall_fscore_support(labels, answers, **figures)
    macro = precision_recall_fscore_support(labels, answers, average="macro", **figures)
    return {
        "name": name,
        "labels": [str(label) for label in labels],
        "answers": [str(answer) for answer in answers],
        "classes": [str(one) for one in classes],
        "accuracy": float(accuracy_score(labels, answers)),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "macro": {"precision": float(macro[0]), "recall": float(macro[1]), "f1": float(macro[2])},
        "confusion": confusion_matrix(labels, answers, labels=classes).tolist(),
    }


def noisy(draw, classes, count, right):
    labels = [draw.choice(classes) for _ in range(count)]
    return labels, [label if draw.random() < right else draw.choice(classes) for label in labels]


def cases():
    draw = random.Random(SEED)
    yield case("ten numbers, mostly right", *noisy(draw, list(range(10)), 500, 0.9))
    yield case("twelve numbers, which sort by value and not as text", *noisy(draw, list(range(12)), 300, 0.5))
    yield case("negative numbers", *noisy(draw, [-10, -2, 0, 3], 80, 0.6))
    yield case("words", *noisy(draw, ["cat", "dog", "Eel", "ant"], 120, 0.7))
    yield case("words beyond ASCII", *noisy(draw, ["été", "zebra", "Ärger", "日本"], 60, 0.7))
    yield case("two classes", *noisy(draw, [0, 1], 50, 0.8))
    yield case("a very rare class", [0] * 99 + [1], [0] * 100)
    yield case("everything wrong", [0, 1, 2, 0, 1, 2], [1, 2, 0, 2, 0, 1])
    yield case("everything right", [2, 2, 7], [2, 2, 7])
    yield case("a class that is never answered", [0, 0, 1, 2], [0, 0, 1, 1])
    yield case("an answer that is no label", [0, 0, 1, 1], [0, 5, 1, 9])
    yield case("labels and answers that share nothing", [0, 0, 1], [2, 3, 3])
    yield case("one class only", [4, 4, 4], [4, 4, 4])
    yield case("one row, wrong", [1], [0])
    yield case("many classes, few rows", *noisy(draw, list(range(40)), 60, 0.3))


if __name__ == "__main__":
    file = pathlib.Path(__file__).with_name("scores.golden.json")
    file.write_text("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in cases()) + "\n]\n", encoding="utf8")
