from __future__ import annotations

import re
from pathlib import Path

import pytest

from uniner_mcp.engines.teacher.policy import SHIPPED, load_policy
from uniner_mcp.errors import SettingsError

FALLBACKS = Path(__file__).parents[3] / "fallbacks"
WHOLE = """
description = "mine"
consent = "operator"
[teacher]
model = "m"
[triggers]
on = ["unavailable"]
"""


def write(folder: Path, text: str, name: str = "mine.toml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_every_shipped_file_is_a_policy_and_only_these_are() -> None:
    assert {path.stem for path in FALLBACKS.glob("*.toml")} == set(SHIPPED)
    policies = {name: load_policy(name) for name in SHIPPED}
    assert [name for name, policy in policies.items() if policy.may_send()] == list(SHIPPED[1:])
    assert [name for name, policy in policies.items() if policy.asks_only_teacher()] == ["teacher-only"]
    assert all(policy.budget.day.usd for name, policy in policies.items() if name != "none")


def test_a_policy_may_extend_a_shipped_one_and_one_beside_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        'extends = "on-failure"\ndescription = "base"\n[teacher]\nbase_url = "http://localhost:1/v1"\n',
        "a.toml",
    )
    policy = load_policy(write(tmp_path, 'extends = "a.toml"\nconsent = "ask"\n[send]\nmax_chars = 7\n'))
    assert (policy.name, policy.description, policy.consent) == ("mine", "base", "ask")
    assert policy.teacher is not None and policy.teacher.base_url == "http://localhost:1/v1"
    assert policy.teacher.model == "gpt-5.4-mini" and policy.send.max_chars == 7 and "email" in policy.send.redact


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = [", "is not valid TOML"),
        (WHOLE.replace('"operator"', '"maybe"'), "(consent): Input should be 'never', 'operator' or 'ask'"),
        (WHOLE.replace('"unavailable"', '"sometimes"'), "(triggers.on.0): Input should be"),
        (WHOLE + "colour = 1\n", "(triggers.colour): there is no such key"),
        (WHOLE + "[send]\nnever_domains = ['medicine-show']\n", "(send.never_domains.0): There is no such domain"),
        (WHOLE + "[send]\nredact = ['name']\n", "(send.redact.0): Input should be 'email'"),
        (WHOLE + "[budget.day]\nusd = -1\n", "(budget.day.usd): Input should be greater than or equal to 0"),
        (WHOLE + "[budget.day]\nusd = 1\n", "`prices` has no m, and a budget is in usd"),
        (WHOLE.replace('on = ["unavailable"]', ""), "`triggers` is empty"),
        (WHOLE.replace('[teacher]\nmodel = "m"', ""), "`teacher` is missing"),
        (WHOLE.replace('"m"', '"m"\nbase_url = "api.example.org"'), "(teacher.base_url): give URLs as"),
        ('consent = "never"\n', "(description): Field required"),
        ("extends = 7\n", "(extends): give the name or the path of a policy"),
        ('extends = "mine.toml"\n', "extends itself"),
        ('extends = "other.toml"\n', "does not exist: choose one of none, on-failure, low-confidence, teacher-only"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        load_policy(write(tmp_path, text))
    assert said in str(wrong.value) and ("mine.toml" in str(wrong.value) or "other.toml" in str(wrong.value))


def test_a_file_that_is_not_there_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="choose one of none, on-failure"):
        load_policy("nowhere.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="Cannot read"):
        load_policy(str(tmp_path / "bytes.toml"))


def test_the_key_comes_from_the_variable_that_the_policy_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = load_policy(write(tmp_path, WHOLE.replace('"m"', '"m"\nkey_variable = "MY_KEY"')))
    with pytest.raises(SettingsError, match="set MY_KEY in the environment"):
        policy.key()
    monkeypatch.setenv("MY_KEY", "abc")
    assert policy.key() == "abc"
    assert load_policy(write(tmp_path, WHOLE.replace('"m"', '"m"\nkey_variable = ""'))).key() is None


def test_the_examples_of_the_docs_are_policies(tmp_path: Path) -> None:
    page = (FALLBACKS.parent / "docs" / "fallbacks.md").read_text(encoding="utf-8")
    examples = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    policies = [load_policy(write(tmp_path, example)) for example in examples]
    assert [policy.consent for policy in policies] == ["operator", "ask"]
