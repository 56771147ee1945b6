"""The report of a run in Markdown (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from uniner_mcp.domains import load_catalogue
from uniner_mcp.evaluate.benchmark import load_benchmark
from uniner_mcp.evaluate.mistakes import Kind
from uniner_mcp.evaluate.scores import Scores, by_domain, macro, published_mean
from uniner_mcp.evaluate.scoring import Counts


def markdown(run: Mapping[str, object], scores: Sequence[Scores]) -> str:
    """Return the report of the run that `run.json` describes."""
    others = compared(scores)
    lines = [f"# {title(run)}", "", *summary(run, scores), "", *table(*set_table(scores)), ""]
    lines += [f"{name}: {load_benchmark().sources[name]}.  " for name in others]
    if len(scores) > 1 and by_domain(scores):
        lines += ["", "## Domains", "", *table(*domain_table(scores)), "", WHOLE_DOMAINS]
    lines += ["", "## Errors", "", *table(*mistake_table(scores))]
    for each in scores:
        lines += ["", f"## {each.name}", "", *(f"{note}  " for note in notes(each)), "", *table(*type_table(each))]
    return "\n".join(lines) + "\n"


Table = tuple[list[str], list[list[str]]]
"""Header and rows."""

SCORE = (
    "F1 in percent as in the paper: micro-averaged over normalised strings per type, with a 95 % bootstrap interval "
    "over passages. Strict (exact offsets) and partial (an overlap counts half) are computed over spans."
)
WHOLE_DOMAINS = (
    "Published figures are means over the same sets, if they are known for all of them; in brackets, the means over "
    "all sets of the domain in the paper (Fig. 5, whose labels are 1.0 too high: shown is the label minus 1.0)."
)


def title(run: Mapping[str, object]) -> str:
    """Return the title: the engine and its model."""
    return f"{run['name']}, {run['model']}"


def summary(run: Mapping[str, object], scores: Sequence[Scores]) -> list[str]:
    """Return date, machine, speed and cost of the run, and an explanation of the scores."""
    seconds, passages = sum(each.seconds for each in scores), sum(each.passages for each in scores)
    speed = f"{passages / seconds:.1f} passages per second" if seconds else "no passages"
    return [
        f"{run['date']}, uniner-mcp {run['version']}, {run['machine']}; split {run['split']}; {speed}, "
        f"{sum(each.usd for each in scores):.2f} US dollars, "
        f"unanswered questions: {sum(each.unanswered for each in scores)}.",
        "",
        SCORE,
    ]


def marked(scores: Scores) -> str:
    """Return the name of a set, with a mark if the engine was trained on it."""
    return f"{scores.name} (trained on)" if scores.trained else scores.name


def is_sample(scores: Scores) -> bool:
    """Whether not all passages of the set were used."""
    return scores.test_set.total is not None and len(scores.test_set.examples) < scores.test_set.total


def notes(scores: Scores) -> list[str]:
    """Return what must be known to read the scores of a set."""
    one, said = scores.test_set, list[str]()
    if is_sample(scores):
        said.append(f"A sample: the first {len(one.examples):,} of {one.total:,} passages.")
    if scores.trained:
        said.append("nano was trained on the training split of this set: on new kinds of text, expect less.")
    if one.overlap == "all":
        why = "Annotated mentions overlap" if one.nested else "Questions and answers without offsets"
        said.append(f'{why}, so each type is asked on its own (`overlap="all"`).')
    if one.worded:
        said.append(f"Asked in words: {', '.join(f'{kind} as {word}' for kind, word in one.worded.items())}.")
    if scores.discontinuous:
        said.append(f"Mentions in several parts, left out on both sides: {scores.discontinuous:,}.")
    if scores.unannotated:
        said.append(f"Passages that nobody annotated, not scored: {scores.unannotated:,}.")
    said += [f"Passage {name} could not be asked: {why}" for name, why in scores.refused]
    return said


def compared(scores: Sequence[Scores]) -> list[str]:
    """Return the models with a published figure on any of these sets."""
    rows = [load_benchmark().row(each.name) for each in scores]
    return [name for name in load_benchmark().sources if any(row is not None and name in row.f1 for row in rows)]


def set_table(scores: Sequence[Scores]) -> Table:
    """Return the scores of each set, and their mean."""
    others = compared(scores)
    head = ["set", "passages", "F1", "95 %", "precision", "recall", "strict spans", "partial", *others]
    rows = [
        [
            marked(each),
            f"{each.passages} of {each.test_set.total}" if is_sample(each) else str(each.passages),
            f"**{percent(each.paper.f1)}**",
            f"{percent(each.interval[0])} to {percent(each.interval[1])}",
            percent(each.paper.precision),
            percent(each.paper.recall),
            _f1(each.strict),
            _f1(each.partial),
            *(_known(published_mean([each], name)) for name in others),
        ]
        for each in scores
    ]
    if len(scores) > 1:
        passages = str(sum(each.passages for each in scores))
        mean = [f"**{percent(macro(scores))}**", "", "", "", "", ""]
        rows.append(["mean of the sets", passages, *mean, *(_known(published_mean(scores, name)) for name in others)])
    return head, rows


def domain_table(scores: Sequence[Scores]) -> Table:
    """Return the mean of the sets of each domain, beside published figures."""
    others = compared(scores)
    rows: list[list[str]] = []
    for name, sets in by_domain(scores).items():
        whole = load_catalogue()[name].f1
        known = [
            " ".join(filter(None, [_known(published_mean(sets, model)), f"({whole[model]})" if model in whole else ""]))
            for model in others
        ]
        rows.append([name, ", ".join(one.name for one in sets), f"**{percent(macro(sets))}**", *known])
    return ["domain", "sets", "F1", *others], rows


def mistake_table(scores: Sequence[Scores]) -> Table:
    """Return the number of right mentions and of each class of errors, per set."""
    kinds: tuple[str, ...] = get_args(Kind)
    return ["set", *kinds], [[each.name, *(str(each.mistakes()[kind]) for kind in kinds)] for each in scores]


def type_table(scores: Scores) -> Table:
    """Return the scores of each type, the most frequent first; a type without annotated mentions has no score."""
    ranked = sorted(scores.types.items(), key=lambda pair: -pair[1].gold)
    rows = [
        [kind, str(found.gold), str(found.predicted), *(map(percent, (found.f1, found.precision, found.recall)))]
        if found.gold
        else [kind, "0", str(found.predicted), "", "", ""]
        for kind, found in ranked
        if found.gold or found.predicted
    ]
    return ["type", "mentions", "found", "F1", "precision", "recall"], rows


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Format a table in Markdown."""
    rule = ["---", *["--:"] * (len(head) - 1)]
    return [f"| {' | '.join(cell.replace('|', ' ') for cell in row)} |" for row in (head, rule, *rows)]


def percent(share: float) -> str:
    """Format a share from 0 to 1 in percent."""
    return f"{100 * share:.1f}"


def _f1(counts: Counts | None) -> str:
    return percent(counts.f1) if counts is not None else ""


def _known(figure: float | None) -> str:
    return f"{figure:.1f}" if figure is not None else ""
