"""The model card of a causal student, written from its run and the manifests."""

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

This model finds mentions of an entity type in text. It is a student of the UniversalNER recipe (arXiv 2308.03279),
trained with uniner-mcp from {base}. It is asked for one type at a time, with the prompt in `profile.toml`,
and answers with a JSON list.

```sh
uniner-mcp serve --engine vllm --model {name} --profile {name}/profile.toml
uniner-mcp serve --engine llama-cpp --model {name}/{name}.gguf --profile {name}/profile.toml   # the GGUF file
```

## Data

{data}
## Training

{training}
## Licence and limits

The licence follows from those of the base and the data: check them before you redistribute the weights. The quality
of the model is unknown until you measure it with `uniner-mcp evaluate`.
"""


def student_card(run: Path, name: str) -> str:
    """Return the card of the student of `run`, the output folder of `train`."""
    settings = orjson.loads((run / "run.json").read_bytes())
    settings.pop("log")
    conversations = Path(settings.pop("data"))
    data = [f"`{conversations.name}`", ""]
    if (made := read_manifest(conversations)) is not None:
        data = [
            *_table({"built from": ", ".join(Path(path).name for path in made.inputs), **made.settings}),
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
