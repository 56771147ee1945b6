from __future__ import annotations

from pathlib import Path

import pytest

from uniner_mcp import SettingsError
from uniner_mcp.engines.generative.profiles import Profile, find_profile, shipped_profiles

OWN = """
name = "student"
template = "<|user|>{text}<|end|>{type}?<|assistant|>"
special_tokens = ["<|user|>", "<|end|>", "<|assistant|>"]
stop = ["<|end|>"]
context_budget = 300
max_answer_tokens = 64
licence = "Apache-2.0"
"""


@pytest.mark.parametrize(
    ("model", "profile"),
    [
        ("Universal-NER/UniNER-7B-type", "uniner-7b-type"),
        ("Universal-NER/UniNER-7B-type-sup", "uniner"),
        ("UniNER-7B-all.Q4_K_M.gguf", "uniner"),
        ("/models/uniner-7b-definition", "uniner"),
        ("llama3.2", "instruct"),
    ],
)
def test_a_served_model_is_known_by_its_name(model: str, profile: str) -> None:
    assert find_profile(model).name == profile


def test_a_model_in_the_process_is_asked_as_uniner_unless_something_else_is_said() -> None:
    assert find_profile("students/mine", served=False).name == "uniner"
    assert find_profile("students/mine", "uniner-7b-type", served=False).name == "uniner-7b-type"
    with pytest.raises(SettingsError, match="only a server"):
        find_profile("students/mine", "instruct", served=False)


def test_every_shipped_profile_asks_for_the_type_in_the_text() -> None:
    for profile in shipped_profiles():
        asked = profile.conversation().string_prompt("Ada met Bob.", "left-back")
        for words in filter(None, (asked.text, " ".join(turn.content for turn in asked.messages))):
            assert "Ada met Bob." in words and "left-back" in words


@pytest.mark.parametrize(
    ("profile", "model", "licence"),
    [
        ("uniner", "Universal-NER/UniNER-7B-all", "CC BY-NC 4.0"),
        ("uniner", "UniNER-7B-type.Q4_K_M.gguf", "CC BY-NC 4.0"),
        ("uniner", "nofile.gguf", "unknown"),
        ("instruct", "llama3", "unknown"),
    ],
)
def test_a_licence_holds_only_for_the_models_that_a_profile_names(profile: str, model: str, licence: str) -> None:
    assert find_profile("any", profile).licence_of(model).startswith(licence)


def test_a_user_adds_a_profile_of_their_own_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "student.toml").write_text(OWN, encoding="utf-8")
    profile = find_profile("whatever", str(tmp_path / "student.toml"), served=False)
    asked = profile.conversation().tokens_prompt("Ada <|end|>", "person")
    assert [piece.text for piece in asked.pieces] == ["<|user|>", "Ada <|end|>", "<|end|>", "person?", "<|assistant|>"]
    assert [piece.special for piece in asked.pieces] == [True, False, True, False, True]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("{text}", "text"), r"must contain \{text\} and \{type\}"),
        (("template = ", "prompt = "), "names a prompt that does not exist"),
        (('name = "student"', 'name = "student"\nprompt = "uniner"'), "one of `prompt` and `template`"),
        (('name = "student"', 'name = "student"\nchat = "a"\nmessages = "b"'), "one of `chat` and `messages`"),
        (("template = ", "description = "), "give `prompt` or `template`"),
        (('name = "student"', 'name = "student"\ndataset = "ACE05"'), "or neither"),
        (("context_budget = 300", "context_budget = 3"), "context_budget"),
        (("stop = ", "stops = "), "stops"),
        (("context_budget = 300", "context_budget ="), "not valid TOML"),
        (('name = "student"', 'name = "student"\nmessages = """robot: {text} {type}"""'), "each line of a chat"),
    ],
)
def test_what_is_wrong_with_a_profile_is_said(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = tmp_path / "student.toml"
    path.write_text(OWN.replace(*change, 1), encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        find_profile("whatever", str(path)).conversation()


def test_a_profile_that_is_nowhere_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(SettingsError, match="uniner-7b-type, uniner, instruct"):
        find_profile("whatever", "nowhere.toml")


def test_the_fingerprint_changes_with_how_a_model_is_asked_and_not_with_what_is_said_of_it() -> None:
    profile = find_profile("UniNER-7B-all")
    same = profile.model_copy(update={"licence": "other", "description": "other", "models": ("x",)})
    other = [{"max_answer_tokens": 7}, {"stop": ("x",)}, {"prompt": None, "template": "{text}{type}"}]
    assert same.fingerprint() == profile.fingerprint()
    assert len({profile.fingerprint(), *(profile.model_copy(update=change).fingerprint() for change in other)}) == 4


def test_the_fingerprint_changes_with_the_version_of_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Profile(name="x", prompt="uniner", context_budget=300, max_answer_tokens=9)
    before = profile.fingerprint()
    newer = profile.__class__.__module__ + ".load_prompt"
    from uniner_mcp.shipped import Prompt, load_prompt

    monkeypatch.setattr(newer, lambda name: Prompt("2", load_prompt(name).template))
    assert profile.fingerprint() != before
