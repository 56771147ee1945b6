"""`uniner-mcp evaluate`: predict, score, report."""

from __future__ import annotations

from pathlib import Path

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from uniner_mcp.domains import find_domain
from uniner_mcp.engines.nano.manifest import SHIPPED, read_manifest
from uniner_mcp.errors import RequestError
from uniner_mcp.evaluate.benchmark import training_mix
from uniner_mcp.evaluate.loading import find_sets, load_set
from uniner_mcp.evaluate.page import page
from uniner_mcp.evaluate.predictions import Run
from uniner_mcp.evaluate.report import markdown
from uniner_mcp.evaluate.scores import Scores, as_json, score
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.formats.reading.options import DEFAULT, Options
from uniner_mcp.settings import Settings


async def evaluate(
    settings: Settings,
    data: Path,
    names: list[str],
    split: str,
    limit: int | None,
    out: Path,
    domain: str | None = None,
    options: Options = DEFAULT,
) -> list[Scores]:
    """Run the configured engine on the sets; write OUT/report.md, report.html and scores.json.

    names: sets, empty for all; domain: only the sets of this domain; options: how to read files that can be read in
    several ways. After an interruption, the same call resumes.
    """
    names = names or find_sets(data, split)
    sets = [load_set(data, name, split, limit, options) for name in names]
    if domain is not None:
        wanted = find_domain(domain).name
        sets = [one for one in sets if one.domain == wanted]
    if not sets:
        where = f"of the domain {domain} " if domain is not None else ""
        raise RequestError(
            f"There is no data set {where}in {data}: a set is a folder with {split}.jsonl, {split}.conll or similar."
        )
    async with Extractor.open(settings) as extractor:
        run = Run(out, extractor, sets, split, settings.max_types)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            for one in sets:
                known = len(run.predictions(one.name))
                task = bar.add_task(one.name, total=len(one.examples), completed=known)
                await run.predict(extractor, one, lambda task=task: bar.advance(task))
        mix = training_mix() if extractor.info().model == read_manifest(SHIPPED).model else ()
    scores = [score(one, run.predictions(one.name), one.name in mix) for one in sets]
    about = orjson.loads((out / "run.json").read_bytes())
    (out / "report.md").write_text(markdown(about, scores), encoding="utf-8")
    (out / "report.html").write_text(page(about, scores), encoding="utf-8")
    (out / "scores.json").write_bytes(orjson.dumps(as_json(scores), option=orjson.OPT_INDENT_2))
    return scores
