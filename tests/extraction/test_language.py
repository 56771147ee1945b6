from __future__ import annotations

import pytest

from uniner_mcp.extraction.language import is_english


@pytest.mark.parametrize(
    "text",
    [
        "Marie Curie was born in Warsaw.",
        "Vincent van Gogh, Ludwig van Beethoven, Juan de la Cruz, Charles de Gaulle",
        "for (int i = 0; i < n; i++) { die(\"no\"); } // SELECT * FROM las_vegas",
        "12.5 % 2024-01-01 +49 30 1234567",
        "action movies with tom hanks",
        "The café in São Paulo where Gabriel García Márquez met Zoë.",
        "The German word »Weltschmerz« (und nicht »Schmerz der Welt«) has no English counterpart in the dictionary.",
        "The α-subunit binds β-catenin; Σ and Ω denote sums.",
        "He moved to 東京 (Tokyo) and then to Москва (Moscow) for the company.",
        "x",
        "...",
    ],
)  # fmt: skip
def test_english_names_code_and_numbers_are_not_taken_for_another_language(text: str) -> None:
    assert is_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "東京都は日本の首都です。",
        "Альберт Эйнштейн родился в Ульме.",
        "ولد ألبرت أينشتاين في أولم",
        "알베르트 아인슈타인은 울름에서 태어났다",
        "María nació en Sevilla y trabaja para una empresa que se fundó en Madrid.",
        "Angela Merkel wurde in Hamburg geboren und ist nicht nur in Deutschland bekannt.",
        "Elle est née à Varsovie et elle travaille pour une société qui était à Paris.",
        "Lech Wałęsa był przewodniczącym związku, który powstał w Gdańsku.",
        "The first line is in English and long enough.\nDiese zweite Zeile ist nicht auf Englisch, aber auch lang.",
        "The first line is in English and long enough.\nこの行は英語ではなく日本語で書かれていて、とても長いです。",
    ],
)
def test_other_scripts_and_languages_are_recognized_also_as_one_line_among_english_ones(text: str) -> None:
    assert not is_english(text)
