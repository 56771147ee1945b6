from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from uniner_mcp.distill.recipe import Recipe, TrainSettings, read_recipe
from uniner_mcp.distill.stages import Counts, Outcome, Stage, digest, perform, read_manifest
from uniner_mcp.errors import SettingsError

ROOT = Path(__file__).parent.parent.parent
Unfinished = Literal["again", "same", "rows"]


class Work:
    """A stage that adds a line to its output, and counts how often it was done."""

    def __init__(self, folder: Path, unfinished: Unfinished = "again") -> None:
        self.source = folder / "source.txt"
        self.source.write_text("one", encoding="utf-8")
        self.out = folder / "out.jsonl"
        self.unfinished: Unfinished = unfinished
        self.settings: dict[str, Any] = {"ratio": 1}
        self.done = 0
        self.counts: Counts = {"missing": 0}

    def work(self) -> Counts:
        self.done += 1
        with self.out.open("a", encoding="utf-8") as file:
            file.write("line\n")
        return self.counts

    def perform(self) -> Outcome:
        return perform(
            Stage(
                "test",
                self.out,
                self.out,
                self.settings,
                [self.source],
                self.work,
                self.unfinished,
                lambda counts: counts["missing"] == 0,
            )
        )


def test_a_stage_is_done_once_and_again_only_when_something_changed(tmp_path: Path) -> None:
    work = Work(tmp_path)
    first = work.perform()
    assert not first.skipped and first.manifest.counts == {"missing": 0} and first.manifest.finished is not None
    assert work.perform().skipped and work.done == 1
    work.settings = {"ratio": 2}
    assert not work.perform().skipped and work.done == 2
    work.source.write_text("two", encoding="utf-8")
    assert not work.perform().skipped and work.done == 3
    work.out.write_text("changed by hand", encoding="utf-8")
    assert not work.perform().skipped and work.done == 4
    work.out.unlink()
    assert not work.perform().skipped and work.done == 5
    assert work.perform().skipped


def test_the_manifest_says_of_what_the_output_was_made(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.perform()
    manifest = json.loads((tmp_path / "out.manifest.json").read_bytes())
    assert manifest["stage"] == "test" and manifest["settings"] == {"ratio": 1} and manifest["counts"] == {"missing": 0}
    assert manifest["inputs"] == {str(work.source): digest(work.source)}
    assert manifest["output"] == digest(work.out) and manifest["made_by"].startswith("uniner-mcp ")


def test_files_may_move(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.perform()
    work.source = work.source.rename(tmp_path / "elsewhere.txt")
    assert work.perform().skipped


def test_a_stage_that_is_not_finished_is_taken_up_again(tmp_path: Path) -> None:
    work = Work(tmp_path, "rows")
    work.counts = {"missing": 3}
    assert work.perform().manifest.finished is None and work.done == 1
    work.counts = {"missing": 0}
    assert work.perform().manifest.finished is not None
    assert work.out.read_text(encoding="utf-8") == "line\nline\n" and work.perform().skipped


@pytest.mark.parametrize(
    ("unfinished", "what", "aside"),
    [("same", "settings", True), ("same", "source", True), ("rows", "settings", True), ("rows", "source", False),
     ("again", "settings", False)],
)  # fmt: skip
def test_what_does_not_fit_is_set_aside_and_not_lost(
    tmp_path: Path, unfinished: Unfinished, what: str, aside: bool
) -> None:
    work = Work(tmp_path, unfinished)
    for number in (1, 2):
        work.perform()
        if what == "settings":
            work.settings = {"ratio": number + 1}
        else:
            work.source.write_text(f"change {number}", encoding="utf-8")
    outcome = work.perform()
    assert (outcome.aside == tmp_path / "out.jsonl.before-2") is aside
    assert sorted(path.name for path in tmp_path.glob("*.before-*")) == (
        ["out.jsonl.before-1", "out.jsonl.before-2"] if aside else []
    )
    assert work.out.read_text(encoding="utf-8").count("line") == (1 if aside else 3)


def test_of_several_processes_all_work_and_the_first_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(tmp_path, "same")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    work.perform()
    assert work.done == 1 and read_manifest(work.out) is None
    monkeypatch.setenv("RANK", "0")
    work.perform()
    work.perform()
    assert work.done == 3 and read_manifest(work.out) is not None
    monkeypatch.delenv("WORLD_SIZE")
    assert work.perform().skipped


def test_a_folder_has_the_hash_of_its_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    (folder / "y").mkdir(parents=True)
    (folder / "y" / "a").write_text("1", encoding="utf-8")
    first = digest(folder)
    (folder / "y" / "a").rename(folder / "y" / "b")
    second = digest(folder)
    (folder / "y" / "b").write_text("2", encoding="utf-8")
    assert len({first, second, digest(folder)}) == 3


def test_paths_in_a_run_file_are_meant_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    path = tmp_path / "run.toml"
    path.write_text(
        '[sample]\ncorpus = ["texts"]\n[train]\nbase = "base"\n[annotate]\nteacher = "on-failure"\n'
        '[conversations]\nsets = ["/data/x"]\n', encoding="utf-8",
    )  # fmt: skip
    recipe = read_recipe(path)
    assert recipe.sample is not None and recipe.sample.corpus == [tmp_path / "texts"]
    assert recipe.train is not None and recipe.train.base == str(tmp_path / "base")
    assert recipe.annotate is not None and recipe.annotate.teacher == "on-failure"
    assert recipe.conversations is not None and recipe.conversations.sets == [Path("/data/x")]
    path.write_text('[train]\nbase = "HuggingFaceTB/SmolLM2-135M"\n', encoding="utf-8")
    recipe = read_recipe(path)
    assert recipe.train is not None and recipe.train.base == "HuggingFaceTB/SmolLM2-135M"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[samples]", "samples: Extra inputs"),
        ("[sample]", "sample.corpus: Field required"),
        ('[sample]\ncorpus = ["x"]\nnumber = 0', "sample.number"),
        ("[conversations]\nnegatives = 'some'", "conversations.negatives"),
        ("[export]", "requires a .train."),
        ("[evaluate]\ndata = 'x'", "requires exactly one"),
        ("no toml", "not valid TOML"),
        (None, "does not exist"),
    ],
)
def test_a_run_file_that_is_wrong_is_refused_with_the_key(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "run.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=f"run.toml.*{said}"):
        read_recipe(path)


RECIPES = [ROOT / "examples" / "recipe" / "paper.toml", *ROOT.glob("benchmarks/recipe/*.toml")]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_run_files_in_the_repository_are_right(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.train is not None or recipe.train_nano is not None


def test_the_run_file_in_the_documents_is_right_and_its_paper_setting_is_the_default(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8")
    (tmp_path / "run.toml").write_text(text.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    assert all(
        getattr(read_recipe(tmp_path / "run.toml"), name) for name in Recipe.model_fields if name != "train_nano"
    )
    paper = read_recipe(ROOT / "examples" / "recipe" / "paper.toml").train
    assert paper is not None and paper == TrainSettings(base=paper.base)
