from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from doubles import names_engine

from uniner_mcp import Extractor, RequestError, SyncExtractor, UninerError


def test_synchronous_code_gets_the_same_extraction_from_several_threads() -> None:
    with SyncExtractor(Extractor(names_engine())) as extractor, ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: extractor.extract("Ada in Paris", ["person", "city"]), range(8)))
    assert all([entity.text for entity in result.entities] == ["Ada", "Paris"] for result in results)


def test_errors_come_through_as_they_are() -> None:
    with SyncExtractor(Extractor(names_engine())) as extractor, pytest.raises(RequestError):
        extractor.extract("", ["person"])


def test_going_on_and_the_former_name_of_meanings_are_the_same_as_in_asynchronous_code() -> None:
    with SyncExtractor(Extractor(names_engine())) as extractor:
        assert [one.text for one in extractor.extract("Ada met Bob", "person, city", start=4).entities] == ["Bob"]
        with pytest.warns(DeprecationWarning, match="`meanings`") as caught:
            extractor.extract("Ada", ["person"], definitions={"person": "a human"})
    assert caught[0].filename == __file__


def test_leaving_the_block_closes_the_engine() -> None:
    engine = names_engine()
    with SyncExtractor(Extractor(engine)):
        pass
    assert engine.closed


def test_outside_a_with_block_it_says_what_to_do() -> None:
    with pytest.raises(UninerError, match="with"):
        SyncExtractor(Extractor(names_engine())).extract("Ada", ["person"])


def test_it_opens_the_real_student() -> None:
    with SyncExtractor.open() as extractor:
        found = extractor.extract("Marie Curie worked in Paris.", ["person"]).entities
    assert [entity.text for entity in found] == ["Marie Curie"]
