"""The tokenizer's files, in the form that Hugging Face's libraries read."""

import json

import layout


def write_tokenizer(name, version, tokenizer, settings):
    """Writes tokenizer.json and tokenizer_config.json beside the model."""
    folder = layout.HERE / "repository" / name / str(version)
    folder.mkdir(parents=True, exist_ok=True)
    whole = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": None, "post_processor": None, "decoder": None, **tokenizer,
    }
    for file, content in {"tokenizer.json": whole, "tokenizer_config.json": settings}.items():
        path = folder / file
        path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n")
        print(f"wrote {path.relative_to(layout.HERE)} ({path.stat().st_size} bytes)")
    return folder / "tokenizer.json"


def special_token(id, content):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True}


def byte_characters():
    """The character that stands for each byte in byte-level vocabularies: itself if it can be seen."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return [chr(256 + hidden.index(byte)) if byte in hidden else chr(byte) for byte in range(256)]
