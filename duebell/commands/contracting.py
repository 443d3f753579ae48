"""`duebell contract`: what goes in and what comes back, for machines."""

from pathlib import Path
from typing import Annotated

import typer

from duebell.commands._terminal import lines, say

app = typer.Typer(no_args_is_help=True, help="The contract for machines: AsyncAPI and JSON Schemas, made from the models.")
Out = Annotated[Path | None, typer.Option(help="A folder to write to; none: standard output.", file_okay=False)]


@app.command()
def asyncapi(out: Out = None) -> None:
    """Write the AsyncAPI 3.0 document of every event and status event, as asyncapi.yaml."""
    from duebell.asyncapi import text  # noqa: PLC0415 - heavy

    _written({"asyncapi.yaml": text()}, out)


@app.command()
def schemas(out: Out = None) -> None:
    """Write a JSON Schema (2020-12) of each whole message, a file each; on standard output a line each."""
    from duebell.schemas import EVENTS, STATUS, files, schema  # noqa: PLC0415 - heavy

    if out is None:
        lines(schema(type_) for type_ in (*EVENTS, *STATUS))
    else:
        _written(files(), out)


def _written(files: dict[str, str], out: Path | None) -> None:
    if out is None:
        return say("".join(files.values()).rstrip("\n"))
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")
    return say(f"wrote {len(files)} {'file' if len(files) == 1 else 'files'} to {out}")
