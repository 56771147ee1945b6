"""`uniner-mcp evaluate`: predict, score, report."""

from __future__ import annotations

from pathlib import Path

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from uniner_mcp.errors import RequestError
from uniner_mcp.evaluate.predictions import Run, load_set
from uniner_mcp.evaluate.report import markdown, score
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.settings import Settings


async def evaluate(settings: Settings, data: Path, names: list[str], split: str, limit: int | None, out: Path) -> str:
    """Run the engine of the settings over the sets, and write OUT/report.md; the same call goes on where it stopped."""
    if not names:
        names = sorted(path.parent.name for path in data.glob(f"*/{split}.*") if path.is_file())
    if not names:
        raise RequestError(f"There is no data set in {data}: a set is a folder with {split}.jsonl or {split}.conll.")
    sets = [load_set(data, name, split, limit) for name in names]
    async with Extractor.open(settings) as extractor:
        run = Run(out, extractor, sets, split)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            for one in sets:
                known = len(run.predictions(one.name))
                task = bar.add_task(one.name, total=len(one.examples), completed=known)
                await run.predict(extractor, one, lambda task=task: bar.advance(task))
    report = markdown(
        orjson.loads((out / "run.json").read_bytes()), [score(one, run.predictions(one.name)) for one in sets]
    )
    (out / "report.md").write_text(report, encoding="utf-8")
    return report
