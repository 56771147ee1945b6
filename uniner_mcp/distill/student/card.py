"""The model card of a causal student, written from what the run and its manifests say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from uniner_mcp.distill.stages import Manifest, read_manifest

_CARD = """---
library_name: transformers
pipeline_tag: text-generation
tags: [named-entity-recognition, universal-ner, uniner-mcp]
---
# {name}

Finds mentions of an entity type in text: a student of the UniversalNER recipe (arXiv 2308.03279), trained with
uniner-mcp from {base}. It is asked for one type at a time, in the words of `profile.toml`, and answers
with a JSON list.

```sh
uniner-mcp serve --engine vllm --model {name} --profile {name}/profile.toml
uniner-mcp serve --engine llama-cpp --model {name}/{name}.gguf --profile {name}/profile.toml   # with a GGUF
```

## Data

{data}
## Training

{training}
## Licence and limits

The licence follows from those of the base and of the data: look them up before you pass the weights on. Nothing is
known of its quality until `uniner-mcp evaluate` has measured it.
"""


def student_card(run: Path, name: str) -> str:
    """The card of the student of `run`, a folder that `train` wrote."""
    settings = orjson.loads((run / "run.json").read_bytes())
    settings.pop("log")
    conversations = Path(settings.pop("data"))
    data = [f"`{conversations.name}`", ""]
    if (made := read_manifest(conversations)) is not None:
        data = [
            *_table({"made of": ", ".join(Path(path).name for path in made.inputs), **made.settings}),
            *_counts(made),
        ]
    trained = read_manifest(run)
    training = [*_table({key: value for key, value in settings.items() if key != "base"})]
    training += _counts(trained) if trained is not None else []
    base = Path(settings["base"]).name if Path(settings["base"]).is_dir() else settings["base"]
    return _CARD.format(name=name, base=base, data="\n".join(data) + "\n", training="\n".join(training) + "\n")


def _counts(manifest: Manifest) -> list[str]:
    return _table(manifest.counts)[2:]


def _table(rows: Mapping[str, object]) -> list[str]:
    return [
        "| | |",
        "|---|---|",
        *(f"| {key} | {value} |" for key, value in rows.items() if not isinstance(value, dict)),
    ]
