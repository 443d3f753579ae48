"""`duebell publish`: JSON Lines of CloudEvents, to the broker or into the embedded inbox."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import typer

from duebell.commands._ledger import opened, waited_for
from duebell.commands._terminal import FAILED, remark, say, with_examples

if TYPE_CHECKING:
    from service.events import Event, Ignored

_BATCH: Final = 500


@dataclass(slots=True)
class _Tally:
    """What has become of the lines so far."""

    published: int = 0
    known: int = 0
    refused: int = 0
    read: Callable[[int], None] = field(default=lambda _size: None)  #: told how many bytes were read

    def refuse(self, line: int, where: str, reason: str) -> None:
        """Reports a line."""
        self.refused += 1
        remark(f"line {line}: {where}: {reason}")


@with_examples
def publish(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="JSON Lines, one CloudEvent each; - is standard input.")],
    backfill: Annotated[bool, typer.Option("--backfill", help="Facts only: no notices for what has happened already.")] = False,
) -> None:
    """Publish events: to the broker (confirmed), or where there is none, durably into the inbox that `duebell run` absorbs.

    Each line is checked first. A refused one is named with its field and the reason, the others are published all the
    same, and the exit code is 1. Publishing a file twice is harmless: an event is taken once.

    Examples:
      duebell publish events.jsonl
      duebell publish --backfill running-loans.jsonl
      zcat 2026-*.jsonl.gz | duebell publish -
    """
    from service.settings import load_settings  # noqa: PLC0415 - heavy

    url = load_settings().broker_url
    with _progress(file) as tally:
        messages = _messages(file, tally, backfill=backfill)
        if url is None:
            waited_for(_to_inbox(messages, tally))
        else:
            _to_broker(url.get_secret_value(), messages, tally)
    known = f", {tally.known:,} known already" if tally.known else ""
    say(f"{tally.published:,} published{known}, {tally.refused:,} refused")
    raise typer.Exit(FAILED if tally.refused else 0)


def _messages(file: IO[bytes], tally: _Tally, *, backfill: bool) -> "Iterator[tuple[int, Event | Ignored]]":
    """The messages that keep the contract, with their line numbers; reports the others."""
    from consumers._decode import Dead, Event, decode  # noqa: PLC0415 - heavy

    for number, line in enumerate(file, start=1):
        tally.read(len(line))
        body = line.strip()
        if not body:
            continue
        message = decode(body)
        if isinstance(message, Dead):
            tally.refuse(number, message.field, message.reason)
        elif backfill and isinstance(message, Event):
            marked = json.loads(body) | {"duebellmode": "backfill"}
            yield number, replace(message, mode_backfill=True, body=json.dumps(marked, ensure_ascii=False).encode())
        else:
            yield number, message


def _to_broker(url: str, messages: "Iterable[tuple[int, Event | Ignored]]", tally: _Tally) -> None:
    from service import broker  # noqa: PLC0415 - heavy

    if any(one.wrong for one in broker.show(url)):
        broker.apply(url)  # a fresh broker: nothing that we publish may be lost for want of a queue
    with broker.Publisher(url) as publisher:
        for number, message in messages:
            publisher.send(message.type, message.body, number)
        publisher.flush()
    tally.published = publisher.confirmed - len(publisher.unroutable)
    for number in sorted(publisher.unroutable):
        tally.refuse(number, "type", "no queue takes events of this type; it begins with neither loan. nor party.")


async def _to_inbox(messages: "Iterator[tuple[int, Event | Ignored]]", tally: _Tally) -> None:
    from service.catalogue import Catalogue  # noqa: PLC0415 - heavy
    from service.intake import Intake  # noqa: PLC0415
    from service.metrics import Metrics  # noqa: PLC0415

    async with opened() as now_open:
        intake = Intake(now_open.ledger, now_open.vault, Catalogue({}), now_open.clock, Metrics())
        for batch in _batches(messages):
            verdicts = await intake.receive([message for _, message in batch], origin="publish")
            for (number, _), verdict in zip(batch, verdicts, strict=True):
                if verdict == "dead":
                    tally.refuse(number, "data", "the database cannot hold a value of it; it is among the dead letters")
                elif verdict == "duplicate":
                    tally.known += 1
                else:
                    tally.published += 1


def _batches(messages: "Iterator[tuple[int, Event | Ignored]]") -> "Iterator[list[tuple[int, Event | Ignored]]]":
    batch: list[Any] = []
    for one in messages:
        batch.append(one)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def _progress(file: IO[bytes]) -> Iterator[_Tally]:
    """A tally, and a bar on standard error while somebody watches."""
    if not sys.stderr.isatty():
        yield _Tally()
        return
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("publishing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=_size(file))
        yield _Tally(read=lambda size: bar.advance(task, size))


def _size(file: IO[bytes]) -> int | None:
    try:
        return os.fstat(file.fileno()).st_size or None
    except OSError:
        return None
