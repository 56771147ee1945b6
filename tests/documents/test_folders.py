"""Which files below the allowed folders are found and opened, and that no others are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from uniner_mcp import RequestError, SettingsError
from uniner_mcp.documents import folders as module
from uniner_mcp.documents.folders import Folders, Found

GONE = "There is no such file below the folders that may be read."


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    for name in ("a.txt", "b.md", "sub/a.txt", "sub/deep/c.pdf", "sub/tool.exe", ".env", ".git/notes.txt"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("secret", encoding="utf-8")
    return root


def names(folders: Folders, path: str) -> list[str]:
    return [found.name for found in folders.find(path)]


@pytest.mark.parametrize("path", ["a.txt", "./a.txt", "{root}/a.txt"])
def test_a_file_is_found_by_its_name_or_absolute_path(root: Path, path: str) -> None:
    folders = Folders([root])
    (found,) = folders.find(path.format(root=root))
    assert found.name == "a.txt" and folders.read(found, 100) == b"a.txt"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.txt", ["a.txt"]),
        ("**/*.txt", ["a.txt", "sub/a.txt"]),
        ("sub/**", ["sub/a.txt", "sub/deep/c.pdf"]),
        ("**/deep/*", ["sub/deep/c.pdf"]),
        ("?.md", ["b.md"]),
        ("[ab].*", ["a.txt", "b.md"]),
        ("{root}/*.md", ["b.md"]),
    ],
)
def test_a_pattern_finds_files_of_known_formats_by_name(root: Path, pattern: str, found: list[str]) -> None:
    assert names(Folders([root]), pattern.format(root=root)) == found


def test_a_name_that_looks_like_a_pattern_is_a_name_first(root: Path) -> None:
    (root / "[ab].txt").touch()
    assert names(Folders([root]), "[ab].txt") == ["[ab].txt"]


@pytest.mark.parametrize(
    "path",
    [
        "none.txt", "../outside/secret.txt", "sub/../../outside/secret.txt", "sub/../a.txt", "{outside}/secret.txt",
        "{outside}/none.txt", "/etc/passwd", ".env", ".git/notes.txt", "sub", "", " ", "a.txt\0", "x" * 5000,
    ],
)  # fmt: skip
def test_anything_else_does_not_exist_whether_it_does_or_not(root: Path, path: str) -> None:
    with pytest.raises(RequestError) as raised:
        Folders([root]).find(path.format(outside=root.parent / "outside"))
    assert str(raised.value).startswith(GONE)
    assert "secret" not in str(raised.value) and "outside" not in str(raised.value)


@pytest.mark.parametrize("pattern", ["../outside/*", "{outside}/*", ".git/*", ".*", "*.exe", "*.none"])
def test_patterns_do_not_leave_the_folder_either(root: Path, pattern: str) -> None:
    with pytest.raises(RequestError, match="No file that can be read matches"):
        Folders([root]).find(pattern.format(outside=root.parent / "outside"))


def test_links_are_followed_inside_the_folder_only(root: Path) -> None:
    (root / "in.txt").symlink_to(root / "a.txt")
    (root / "out.txt").symlink_to(root.parent / "outside" / "secret.txt")
    (root / "broken.txt").symlink_to(root.parent / "outside" / "none.txt")
    (root / "hidden.txt").symlink_to(root / ".env")
    (root / "away").symlink_to(root.parent / "outside")
    folders = Folders([root])
    (found,) = folders.find("in.txt")
    assert folders.read(found, 100) == b"a.txt"
    errors = set[str]()
    for path in ("out.txt", "broken.txt", "hidden.txt", "away/secret.txt", "away/none.txt"):
        with pytest.raises(RequestError) as raised:
            folders.find(path)
        errors.add(str(raised.value).partition(" There are")[0])
    assert errors == {GONE}
    assert names(folders, "**/*.txt") == ["a.txt", "in.txt", "sub/a.txt"]


def test_a_folder_that_became_a_link_is_not_followed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = Path.resolve

    def swapped(path: Path, strict: bool = False) -> Path:
        resolved = resolve(path, strict)
        if path.name == "a.txt":
            shutil.rmtree(root / "sub")
            (root.parent / "outside" / "a.txt").touch()
            (root / "sub").symlink_to(root.parent / "outside")
        return resolved

    folders = Folders([root])
    monkeypatch.setattr(Path, "resolve", swapped)
    with pytest.raises(RequestError, match="is gone"):
        folders.read(Found("sub/a.txt", root), 100)


def test_on_systems_without_folder_descriptors_links_are_refused_too(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SAFE", False)
    (root / "out.txt").symlink_to(root.parent / "outside" / "secret.txt")
    folders = Folders([root])
    assert folders.read(folders.find("sub/a.txt")[0], 100) == b"sub/a.txt"
    with pytest.raises(RequestError, match="no such file"):
        folders.find("out.txt")


def test_pipes_are_not_files_and_nobody_waits_for_them(root: Path) -> None:
    os.mkfifo(root / "pipe.txt")
    with pytest.raises(RequestError, match="no such file"):
        Folders([root]).find("pipe.txt")


def test_a_file_that_disappears_is_an_error(root: Path) -> None:
    folders = Folders([root])
    (found,) = folders.find("a.txt")
    (root / "a.txt").unlink()
    with pytest.raises(RequestError, match="is gone"):
        folders.read(found, 100)


def test_of_the_same_name_in_two_folders_the_first_is_meant(root: Path) -> None:
    folders = Folders([root / "sub", root])
    (first,) = folders.find("a.txt")
    assert folders.read(first, 100) == b"sub/a.txt"
    (other,) = folders.find(f"{root}/a.txt")
    assert folders.read(other, 100) == b"a.txt"
    assert names(folders, "*.txt") == ["a.txt"]


def test_a_folder_may_be_named_by_a_link(root: Path) -> None:
    link = root.parent / "link"
    link.symlink_to(root)
    folders = Folders([link])
    assert names(folders, f"{link}/a.txt") == names(folders, f"{root}/a.txt") == ["a.txt"]


def test_similar_names_are_suggested(root: Path) -> None:
    with pytest.raises(RequestError, match=r"for example: sub/deep/c\.pdf\."):
        Folders([root]).find("cc.pdf")
    with pytest.raises(RequestError, match=r"for example: a\.txt, b\.md"):
        Folders([root]).find("something else")
    (root.parent / "empty").mkdir()
    with pytest.raises(RequestError, match="They contain none"):
        Folders([root.parent / "empty"]).find("a.txt")


def test_the_work_for_a_pattern_is_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError, match="more than 2 times"):
        Folders([root]).find("**/**/**/a.txt")
    monkeypatch.setattr(module, "MAX_FILES", 1)
    with pytest.raises(RequestError, match="matches 2 files, but the limit is 1"):
        Folders([root]).find("**/*.txt")
    monkeypatch.setattr(module, "MAX_VISITED", 1)
    assert names(Folders([root]), "**/*.txt") == ["a.txt"]


def test_a_folder_that_does_not_exist_is_an_error(root: Path) -> None:
    with pytest.raises(SettingsError, match="is not a folder"):
        Folders([root / "a.txt"])
