"""Build a graph of entities that occur together, print its strongest ties, and write it as GraphML.

python examples/knowledge_graph.py [FILE] [--graphml out.graphml]

Two entities are tied by each paragraph that names both. The graph does not say what kind of tie it is: ask a large
model about the few paragraphs of a tie, rather than about the whole document.
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

from uniner_mcp import SyncExtractor

DOCUMENT = Path(__file__).parent / "documents" / "workshop_on_electronic_texts.txt"
TYPES = ["person", "university", "company", "library"]
Node = tuple[str, str]
"""The type and the name of an entity."""


def ties(text: str) -> Counter[tuple[Node, Node]]:
    """Count the paragraphs that name both of two entities."""
    with SyncExtractor.open() as extractor:
        entities = extractor.extract(text, entity_types=TYPES).entities
    counted: Counter[tuple[Node, Node]] = Counter()
    begin = 0
    for paragraph in text.split("\n\n"):
        end = begin + len(paragraph)
        named = {(entity.type, " ".join(entity.text.split())) for entity in entities if begin <= entity.start < end}
        counted.update(combinations(sorted(named), 2))
        begin = end + 2
    return counted


def graphml(counted: Counter[tuple[Node, Node]]) -> ElementTree.ElementTree[ElementTree.Element]:
    """Return the graph as GraphML."""
    root = ElementTree.Element("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
    ElementTree.SubElement(root, "key", {"id": "type", "for": "node", "attr.name": "type", "attr.type": "string"})
    ElementTree.SubElement(root, "key", {"id": "weight", "for": "edge", "attr.name": "weight", "attr.type": "int"})
    graph = ElementTree.SubElement(root, "graph", edgedefault="undirected")
    for kind, name in sorted({node for pair in counted for node in pair}):
        node = ElementTree.SubElement(graph, "node", id=f"{kind}: {name}")
        ElementTree.SubElement(node, "data", key="type").text = kind
    for (one, other), weight in counted.items():
        edge = ElementTree.SubElement(graph, "edge", source=": ".join(one), target=": ".join(other))
        ElementTree.SubElement(edge, "data", key="weight").text = str(weight)
    return ElementTree.ElementTree(root)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=DOCUMENT, help="UTF-8 text file; default: a report")
    parser.add_argument("--graphml", type=Path, help="file to write the graph to")
    arguments = parser.parse_args()
    counted = ties(arguments.file.read_text(encoding="utf-8"))
    for (one, other), weight in counted.most_common(12):
        print(f"{weight} {one[1]} ({one[0]}) - {other[1]} ({other[0]})")
    if arguments.graphml is not None:
        graphml(counted).write(arguments.graphml, encoding="utf-8", xml_declaration=True)
