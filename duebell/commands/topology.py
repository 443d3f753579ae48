"""`duebell topology`: the broker's exchanges and queues."""

from typing import TYPE_CHECKING

import typer

from duebell.commands._terminal import FAILED, AsJson, fail, lines, table

if TYPE_CHECKING:
    from service.broker import Finding

app = typer.Typer(no_args_is_help=True, help="The broker's exchanges and queues.")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Compare what the broker has with what should be there; changes nothing. Exit code 1 where something differs."""
    from service import broker  # noqa: PLC0415 - heavy

    _tell(broker.show(_url()), as_json)


@app.command("apply")
def apply_(as_json: AsJson = False) -> None:
    """Declare what is missing. What is there with other arguments stays and is named: RabbitMQ cannot change it."""
    from service import broker  # noqa: PLC0415 - heavy

    _tell(broker.apply(_url()), as_json)


def _url() -> str:
    from service.settings import load_settings  # noqa: PLC0415 - heavy

    url = load_settings().broker_url
    if url is None:
        fail("there is no broker: DUEBELL_BROKER_URL is not set, so events come over HTTP and `duebell publish`")
    return url.get_secret_value()


def _tell(found: "list[Finding]", as_json: bool) -> None:
    if as_json:
        lines({"what": one.what, "name": one.name, "wrong": one.wrong} for one in found)
    else:
        table(("", "name", "found"), ((one.what, one.name, one.wrong or "as it should be") for one in found))
    if any(one.wrong for one in found):
        raise typer.Exit(FAILED)
