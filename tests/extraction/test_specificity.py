"""The more specific type stays, whatever engine answers."""

from __future__ import annotations

import logging

import pytest

from uniner_mcp import Extractor
from uniner_mcp.engines.base import Answer, Mention, Passage, Provenance
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.extraction import specificity
from uniner_mcp.extraction.specificity import Kinds, meeting
from uniner_mcp.schema import EntityType
from uniner_mcp.types import TypeRelation

TEXT = "the violinist Bronislaw Huberman and the painter Olga Boznanska"
HUBERMAN, BOZNANSKA = (14, 32), (49, 63)


def answer(name: str, *mentions: str) -> Answer:
    return Answer(EntityType(name=name), tuple(Mention(text) for text in mentions), Provenance("x", "x", "x"))


def engine(confidences: dict[str, float | None]) -> ScriptedEngine:
    """Both people are persons; each is what they are."""

    def script(passage: Passage, kind: EntityType) -> list[Mention]:
        spans = {"person": [HUBERMAN, BOZNANSKA], "musician": [HUBERMAN], "painter": [BOZNANSKA]}[kind.name]
        sure = confidences[kind.name]
        return [Mention(passage.text[start:end], (start, end), sure) for start, end in spans]

    return ScriptedEngine(script)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "confidences",
    [
        {"person": 0.9, "musician": 0.65, "painter": 0.7},
        {"person": None, "musician": None, "painter": None},
        {"person": 0.9, "musician": None, "painter": 0.64},
    ],
)
async def test_flat_keeps_the_most_specific_type(confidences: dict[str, float | None]) -> None:
    async with Extractor(engine(confidences)) as extractor:
        found = await extractor.extract(TEXT, ["person", "musician", "painter"])
        assert [(entity.text, entity.type) for entity in found.entities] == [
            ("Bronislaw Huberman", "musician"),
            ("Olga Boznanska", "painter"),
        ]
        everything = await extractor.extract(TEXT, ["person", "musician", "painter"], overlap="all")
        assert len(everything.entities) == 4


@pytest.mark.anyio
async def test_a_specific_type_that_is_not_credible_does_not_displace_the_general_one() -> None:
    async with Extractor(engine({"person": 0.9, "musician": 0.2, "painter": 0.44})) as extractor:
        found = await extractor.extract(TEXT, ["person", "musician", "painter"])
    assert {entity.type for entity in found.entities} == {"person"}


def test_types_meet_if_mentions_share_their_first_or_last_word() -> None:
    answers = [answer("person", "Olga Boznanska"), answer("painter", "painter Olga Boznanska"), answer("city", "Paris")]
    assert meeting(answers) == {("person", "painter"), ("painter", "person")}
    assert meeting([answer("a", " "), answer("b", " ")]) == set()


@pytest.mark.anyio
async def test_a_pair_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    real = specificity.relation

    def noted(a: str, b: str) -> TypeRelation:
        asked.append((a, b))
        return real(a, b)

    monkeypatch.setattr(specificity, "relation", noted)
    kinds = Kinds()
    answers = [[answer("person", "Ada"), answer("poet", "Ada")]]
    for _ in range(2):
        is_kind_of = await kinds.among(answers)
        assert is_kind_of("poet", "person") and not is_kind_of("person", "poet")
        assert not is_kind_of("river", "place")
    assert sorted(asked) == [("person", "poet"), ("poet", "person")]


@pytest.mark.anyio
async def test_no_more_pairs_are_kept_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specificity, "KEPT", 1)
    kinds = Kinds()
    for name in ("poet", "novelist", "painter"):
        assert (await kinds.among([[answer("person", "Ada"), answer(name, "Ada")]]))(name, "person")
    assert len(kinds._kept) == 2


@pytest.mark.anyio
async def test_without_the_encoder_judged_pairs_still_tell(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def damaged(a: str, b: str) -> TypeRelation:
        raise OSError("no such file")

    monkeypatch.setattr(specificity, "relation", damaged)
    with caplog.at_level(logging.WARNING):
        is_kind_of = await Kinds().among([[answer("person", "Ada"), answer("poet", "Ada")]])
    assert is_kind_of("poet", "person")
    assert "cannot be loaded (OSError): run `uniner-mcp doctor`" in caplog.text
