"""How types of entities are related: kind-of, same, overlap, part-of, disjoint."""

from uniner_mcp.types.known import Relation, TypeRelation

__all__ = ["Relation", "TypeRelation", "relation"]


def relation(a: str, b: str) -> TypeRelation:
    """Return how entity type `a` is related to entity type `b`.

    The first call for names that were not judged by hand loads the encoder of types, which takes a tenth of a second.

    Args:
        a: Name of a type, such as "novelist".
        b: Name of another type, such as "person".

    Returns:
        The relation and its probability. The relation is None if it is too uncertain.
    """
    from uniner_mcp.types.relations import shipped_relations

    return shipped_relations().between(a, b)
