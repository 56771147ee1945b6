from __future__ import annotations

import pytest

from uniner_mcp.evaluate.wording import unmatched, worded


@pytest.mark.parametrize(
    ("kind", "in_words", "words"),
    [
        ("PER", False, "person"),
        ("per", True, "person"),
        ("GPE", False, "geopolitical entity"),
        ("WORK_OF_ART", False, "work of art"),
        ("Strength-unit", False, "strength unit"),
        ("Restaurant  Name", True, "Restaurant Name"),
        ("DNA", True, "DNA"),
    ],
)
def test_codes_are_asked_in_words(kind: str, in_words: bool, words: str) -> None:
    assert worded([kind], {}, in_words) == {kind: words}


def test_labels_come_first_in_any_spelling_and_the_exact_one_before_others() -> None:
    labels = {"Org-Name": "my  firm", "PER": "", "person-artist": "artist", "unused": "x"}
    found = worded(["PER", "ORG_NAME", "person_artist"], labels, in_words=False)
    assert found == {"PER": "", "ORG_NAME": "my firm", "person_artist": "artist"}
    assert unmatched(labels, ["PER", "person_artist", "org name"]) == ["unused"]
