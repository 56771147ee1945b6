"""How types of entities are related: kind-of, same, overlap, part-of, disjoint."""
