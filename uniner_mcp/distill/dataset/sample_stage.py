"""`uniner-mcp distill sample`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
import regex
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from uniner_mcp.distill.dataset.corpus import corpus_files, documents
from uniner_mcp.distill.dataset.sample import Sample, passages
from uniner_mcp.distill.recipe import SampleSettings
from uniner_mcp.distill.stages import Stage
from uniner_mcp.engines.nano.manifest import SHIPPED
from uniner_mcp.errors import SettingsError, UninerError
from uniner_mcp.installation import install_command
from uniner_mcp.tokenizer import load_tokenizer

_NAME = regex.compile(r"\b\p{Lu}\p{Ll}[\p{L}\p{M}'’-]*")
"""A word with a capital letter at its beginning only: a name, or any noun in German."""
_MARGIN = 10.0
"""By how much the log-probability of another language must be higher: the difference of a few function words."""


def sample_stage(settings: SampleSettings, out: Path) -> Stage:
    """Return the stage that samples passages and writes them to the file `out`."""
    files = corpus_files(settings.corpus)
    plain = settings.model_dump(mode="json", exclude={"corpus"})
    return Stage("sample", out, out, plain, files, lambda: _draw(settings, files, out))


def _draw(settings: SampleSettings, files: Sequence[Path], out: Path) -> dict[str, int]:
    tokenizer = load_tokenizer(SHIPPED / "tokenizer.json")
    in_language = _detector(settings.language) if settings.language is not None else None
    sample = Sample(settings.number, settings.seed)

    def length(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    counts = dict.fromkeys(("documents", "passages", "in another language"), 0)
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=Console(stderr=True)) as bar:
        task = bar.add_task("")
        for file in files:
            for document in documents(file, settings.field):
                counts["documents"] += 1
                for text in passages(document, settings.tokens, length):
                    counts["passages"] += 1
                    if in_language is None or in_language(text):
                        sample.add(text)
                    else:
                        counts["in another language"] += 1
                bar.update(task, description=f"{counts['documents']:,} documents, {counts['passages']:,} passages")
    drawn = sample.drawn()
    out.write_bytes(b"".join(orjson.dumps({"id": name, "text": text}) + b"\n" for name, text in drawn))
    return {**counts, "drawn": len(drawn)}


def _detector(language: str) -> Callable[[str], bool]:
    """Return a function that detects whether a text is in a language; a text that could be is.

    Names are left out: in a short text they decide, and they say nothing about its language.
    """
    try:
        langid: Any = import_module("py3langid.langid")
    except ImportError:
        raise UninerError(f"--language needs the `sample` extra: run {install_command('sample')}.") from None
    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE)
    if language not in identifier.labels:
        raise SettingsError(
            f"{language!r} is not a known language. Choose one of: {', '.join(sorted(identifier.labels))}."
        )

    def in_language(text: str) -> bool:
        scores: dict[str, float] = dict(identifier.rank(_NAME.sub(" ", text)))
        return max(scores.values()) - scores[language] < _MARGIN

    return in_language
