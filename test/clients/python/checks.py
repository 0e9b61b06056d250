"""Runs a client's checks in order and prints one line of JSON for each; python-checks.ts reads them."""

import json
import sys
import traceback

# What the test told the script: addresses, names and expected answers.
FACTS = json.loads(sys.argv[1])

_checks = []


def check(sentence):
    def add(function):
        _checks.append((sentence, function))
        return function

    return add


def run():
    """The last line says how many there were: a script that ends early is no success."""
    for sentence, function in _checks:
        outcome = {"name": sentence}
        try:
            function()
        except Exception:
            outcome["error"] = traceback.format_exc()
        print(json.dumps(outcome), flush=True)
    print(json.dumps({"checks": len(_checks)}), flush=True)


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"got {actual!r}, expected {expected!r}")


def raises(kind, function):
    """The error, which has to come."""
    try:
        result = function()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {result!r}")
