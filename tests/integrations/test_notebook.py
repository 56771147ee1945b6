"""A notebook has a running event loop, and its kernel ends when it is asked to."""

from __future__ import annotations

import pytest

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("langchain_core")
import nbformat
from nbclient import NotebookClient

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]
CELLS = [
    """
from uniner_mcp import Extractor, SyncExtractor
extractor = SyncExtractor.open()
print([one.text for one in extractor.extract("Ana Lima left.", ["person"]).entities])
""",
    """
from uniner_mcp.integrations.langchain import entity_tool
given = {"text": "Ana Lima left.", "entity_types": ["person"]}
tool = entity_tool(extractor)
print("Ana Lima" in tool.invoke(given), "Ana Lima" in await tool.ainvoke(given))
""",
    """
async with Extractor.open() as asynchronous:
    print([one.text for one in (await asynchronous.extract("Ana Lima left.", ["person"])).entities])
""",
]


def test_everything_works_in_a_notebook_and_its_kernel_ends() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    # `graceful`: the kernel is asked to end, and waited for.
    NotebookClient(notebook, timeout=240, kernel_name="python3", shutdown_kernel="graceful").execute()
    printed = ["".join(output.get("text", "") for output in cell.outputs).strip() for cell in notebook.cells]
    assert printed == ["['Ana Lima']", "True True", "['Ana Lima']"]
