"""`uniner-mcp distill annotate`: shows the cost before and during the run."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

from pydantic import JsonValue
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from uniner_mcp.distill.dataset.annotate import (
    Annotations,
    Progress,
    Sampled,
    annotate,
    annotate_in_batch,
    read_passages,
    worst_case,
)
from uniner_mcp.distill.recipe import AnnotateSettings, Wording
from uniner_mcp.distill.stages import Stage
from uniner_mcp.engines.teacher.batch import ChatBatch
from uniner_mcp.engines.teacher.ledger import Ledger
from uniner_mcp.engines.teacher.policy import Policy, load_policy
from uniner_mcp.errors import SettingsError
from uniner_mcp.settings import load_settings


def annotate_stage(settings: AnnotateSettings, passages: Path, out: Path) -> Stage:
    """Return the stage in which the teacher of a fallback policy labels passages, written to the file `out`."""
    policy = load_policy(settings.teacher)
    # Labels belong to a model: they stay valid if the policy file moves or gets another budget.
    plain: dict[str, JsonValue] = {
        "model": policy.teacher.model if policy.teacher is not None else None,
        "wording": settings.wording,
    }
    inputs = [passages, *([Path(settings.teacher)] if Path(settings.teacher).is_file() else [])]

    def work() -> dict[str, JsonValue]:
        done = _label(settings, policy, passages, out)
        cost = round(done.cost.usd, 4)
        return {"passages": done.total, "labelled": done.done, "failed": done.failed, "US dollars now": cost}

    return Stage("annotate", out, out, plain, inputs, work, "rows", lambda counts: counts["failed"] == 0)


def _label(given: AnnotateSettings, policy: Policy, passages: Path, out: Path) -> Progress:
    wording = given.wording
    if policy.consent != "operator" or policy.teacher is None:
        raise SettingsError(
            f'The policy {policy.name} sends nothing automatically: choose one with a teacher and consent = "operator" '
            "(--teacher teacher-only)."
        )
    rows = read_passages(passages)
    annotations = Annotations(out, wording, policy.teacher.model)
    ledger, missing = Ledger(load_settings().ledger_path), annotations.missing(rows)
    console = Console(stderr=True, highlight=False)
    most = worst_case(policy, missing, wording)
    console.print(
        f"{len(missing)} of {len(rows)} passages for {policy.who()}: at most "
        f"{most.input_tokens + most.output_tokens:,} tokens, {most.usd:,.2f} US dollars at the prices of the policy "
        "(half of that through the Batch API)"
    )
    if given.batch:
        folder = out.with_name(f"{out.name.removesuffix('.jsonl')}.batch")
        return asyncio.run(_in_batch(rows, annotations, wording, ChatBatch(policy, ledger, folder)))
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("", total=len(rows), completed=len(rows) - len(missing))

        def on_progress(now: Progress) -> None:
            bar.update(task, completed=now.done, description=f"{now.cost.usd:.4f} US dollars, {now.failed} failed")

        return asyncio.run(
            annotate(
                rows,
                annotations,
                wording,
                policy,
                ledger,
                at_once=given.at_once,
                per_minute=given.per_minute or math.inf,
                on_progress=on_progress,
            )
        )


async def _in_batch(rows: list[Sampled], annotations: Annotations, wording: Wording, batch: ChatBatch) -> Progress:
    try:
        return await annotate_in_batch(rows, annotations, wording, batch)
    finally:
        await batch.aclose()
