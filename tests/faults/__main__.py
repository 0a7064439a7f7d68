"""`python -m tests.faults`: break a bank on a durable store, and write the table of faults."""

import sys
from pathlib import Path

import click
import msgspec

from tests.faults.databases import DATABASES
from tests.faults.kinds.table import KINDS, kinds_of
from tests.faults.report import as_json, markdown, rows_of, summary, total_of
from tests.faults.run import CLIENTS, Episode, Result, run

FINDINGS_SHOWN = 20


@click.command()
@click.option("--store", type=click.Choice([*DATABASES]), multiple=True, default=[*DATABASES])
@click.option("--faults", default=200, show_default=True, help="Number of faults on each store.")
@click.option("--operations", default=100_000, show_default=True, help="Acknowledged requests.")
@click.option(
    "--clients",
    type=click.IntRange(min=2),
    default=CLIENTS,
    show_default=True,
    help="Number of clients that work at the same time.",
)
@click.option("--kind", multiple=True, help="A part of the name of the kinds to take; all without.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another order.")
@click.option("--output", type=click.Path(path_type=Path), default=Path("build/faults"))
def main(  # noqa: PLR0917 - click passes them by name
    store: tuple[str, ...],
    faults: int,
    operations: int,
    clients: int,
    kind: tuple[str, ...],
    seed: int,
    output: Path,
) -> None:
    """Run faults under load, check every promise, and write STORE.md and STORE.json."""
    output.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    for each in store:
        say_what_is_missing(each)
        kinds = [one for one in kinds_of(each) if not kind or any(k in one.name for k in kind)]
        history = output / f"{each}.history.jsonl"
        history.unlink(missing_ok=True)
        wish = {"faults": faults, "operations": operations, "clients": clients, "seed": seed}
        results.append(run(each, kinds, **wish, file=history, on_episode=say))
        write(results[-1], output)
    (output / "summary.md").write_text(summary({each.store: rows_of(each) for each in results}))
    sys.exit(any(each.findings for each in results))


def write(result: Result, output: Path) -> None:
    """Write the table of a store, and print it with the first findings."""
    rows = rows_of(result)
    rows.append(total_of(rows))
    (output / f"{result.store}.md").write_text(markdown(rows))
    (output / f"{result.store}.json").write_bytes(msgspec.json.encode(as_json(result, rows)))
    click.echo(f"{markdown(rows)}\n{result.store}: {result.ended_s - result.began_s:.0f} s")
    for finding in result.findings[:FINDINGS_SHOWN]:
        click.echo(f"{finding.sort}: {finding.text}")


def say(episode: Episode) -> None:
    """Print one line after each fault."""
    took_s = episode.ended_s - episode.healed_s
    click.echo(f"{episode.kind}: {took_s:.1f} s" if episode.is_recovered else f"{episode.kind}: NO")


def say_what_is_missing(store: str) -> None:
    for each in KINDS:
        if store in each.stores and each.missing():
            click.echo(f"Left out: {each.name} needs {each.missing()}.")


if __name__ == "__main__":
    main()
