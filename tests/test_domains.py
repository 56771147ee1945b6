"""The catalogue of domains: its figures, finding a domain, and the list that callers see."""

from __future__ import annotations

import pytest

from uniner_mcp.domains import domain_list, find_domain, load_catalogue
from uniner_mcp.errors import RequestError
from uniner_mcp.schema import Accuracy

NAMES = [
    "general",
    "biomedical",
    "clinical",
    "stem",
    "programming",
    "social_media",
    "law",
    "finance",
    "transportation",
]
ROWS = [16, 8, 7, 7, 1, 5, 3, 1, 1]
"""Rows of Fig. 9 in each domain: CrossNER counts five times, FewNERD and MAPA twice."""


def test_the_nine_domains_of_the_paper_are_there_with_their_43_data_sets():
    catalogue = load_catalogue()
    assert list(catalogue) == NAMES
    data_sets = [name for entry in catalogue.values() for name in entry.data_sets]
    assert len(data_sets) == len(set(data_sets)) == 43


@pytest.mark.parametrize("name", NAMES)
def test_a_domain_has_a_sentence_and_8_to_16_distinct_types(name: str):
    entry = load_catalogue()[name]
    assert entry.description.endswith(".") and entry.description.count(". ") == 0
    assert 8 <= len(entry.entity_types) <= 16
    assert len({kind.casefold() for kind in entry.entity_types}) == len(entry.entity_types)
    assert all(kind == kind.strip() and "misc" not in kind and "other" not in kind for kind in entry.entity_types)


@pytest.mark.parametrize(("model", "average"), [("UniNER-7B", 40.7), ("UniNER-13B", 42.4), ("ChatGPT", 33.9)])
def test_figures_average_to_the_corrected_headline_of_the_paper(model: str, average: float):
    figures = [entry.f1[model] for entry in load_catalogue().values()]
    weighted = sum(f1 * rows for f1, rows in zip(figures, ROWS, strict=True)) / sum(ROWS)
    assert weighted == pytest.approx(average, abs=0.1)


def test_the_catalogue_is_read_once_and_cannot_be_changed():
    catalogue = load_catalogue()
    assert load_catalogue() is catalogue
    with pytest.raises(TypeError):
        catalogue["general"] = catalogue["law"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("general", "general"),
        ("STEM", "stem"),
        (" Social Media ", "social_media"),
        ("social-media", "social_media"),
        ("SocialMedia", "social_media"),
        ("biomed", "biomedical"),
        ("Biomedicine", "biomedical"),
        ("medical", "clinical"),
        ("science", "stem"),
        ("code", "programming"),
        ("legal", "law"),
        ("transport", "transportation"),
    ],
)
def test_a_domain_is_found_however_it_is_written(given: str, name: str):
    assert find_domain(given).name == name


def test_no_alias_means_two_domains():
    for entry in load_catalogue().values():
        for alias in (entry.name, *entry.aliases):
            assert find_domain(alias) is entry, alias


def test_an_unknown_domain_names_the_nearest_and_all():
    with pytest.raises(RequestError) as caught:
        find_domain("finanse")
    assert str(caught.value) == (f"There is no such domain. Closest: finance. The domains are: {', '.join(NAMES)}.")


@pytest.mark.parametrize("name", ["x" * 41, "\x1b[31mZQX", "finance " * 10_000])
def test_a_long_or_unprintable_name_is_not_repeated(name: str):
    with pytest.raises(RequestError) as caught:
        find_domain(name)
    assert str(caught.value) == f"There is no such domain. The domains are: {', '.join(NAMES)}."


@pytest.mark.parametrize("name", ["", "   ", "___", "zzzz"])
def test_an_unknown_domain_with_no_likeness_names_all(name: str):
    with pytest.raises(RequestError, match="The domains are: general, ") as caught:
        find_domain(name)
    assert "Nearest" not in str(caught.value)


def test_the_list_is_sorted_and_has_no_accuracy_without_a_known_model():
    for listed in (domain_list(), domain_list("some-other-model")):
        assert [domain.name for domain in listed.domains] == sorted(NAMES)
        assert all(domain.accuracy is None for domain in listed.domains)


def test_the_list_carries_published_figures_of_the_loaded_model():
    finance = next(domain for domain in domain_list("universal-ner/uniner-7b-TYPE").domains if domain.name == "finance")
    assert finance.accuracy is not None
    assert (finance.accuracy.model, finance.accuracy.f1) == ("UniNER-7B", 57.7)
    assert "2308.03279" in finance.accuracy.source


def test_a_measured_figure_goes_before_the_published_one():
    measured = Accuracy(model="nano", f1=12.5, source="measured")
    listed = {domain.name: domain.accuracy for domain in domain_list("UniNER-7B", {"law": measured}).domains}
    assert listed["law"] == measured
    assert listed["stem"] is not None and listed["stem"].model == "UniNER-7B"
