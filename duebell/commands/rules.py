"""`duebell rules`: the contact rules in force, a check of your own, and why one notice is where it is."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duebell.commands._ledger import opened, waited_for
from duebell.commands._terminal import FAILED, MISUSED, AsJson, fail, lines, moment, say, table, with_examples

if TYPE_CHECKING:
    from datetime import date

    from service.rule_kinds import Rule
    from service.rulebook import Rulebook

app = typer.Typer(no_args_is_help=True, help="The contact rules: look at them, check your own, ask why.")


@app.command()
@with_examples
def show(
    jurisdiction: Annotated[
        str | None, typer.Argument(help="As cn; none: all. One without a file has the rules of other.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show every rule: what it says, since when, how well it is known, and whether it binds us today.

    Examples:
      duebell rules show cn
      duebell rules show --json | jq -r 'select(.holds == "yes") | [.rule, .says, .source] | @tsv'
    """
    from duebell.clock import door_clock  # noqa: PLC0415 - heavy
    from duebell.engine import load_rules  # noqa: PLC0415
    from service.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    rulebook, today = load_rules(settings), door_clock(settings)().date()
    if jurisdiction is not None and jurisdiction not in rulebook.files:
        fail(f"there are no rules for {jurisdiction!r}; there are: {', '.join(rulebook.files)}", MISUSED)
    told = [
        _line(rulebook, name, rule, today) for name, file in rulebook.files.items() if jurisdiction in {None, name} for rule in file.rules
    ]  # fmt: skip
    if as_json:
        return lines(told)
    columns = ("rule", "kind", "purposes", "says", "holds", "evidence")
    table(columns, ([line[column] for column in columns] for line in told))
    return None


def _line(rulebook: "Rulebook", jurisdiction: str, rule: "Rule", today: "date") -> dict[str, Any]:
    return {
        "jurisdiction": jurisdiction,
        "rule": rule.name,
        "kind": rule.kind,
        "purposes": ", ".join(sorted(rule.purposes)),
        "says": rule.says,
        "holds": _holds(rulebook, jurisdiction, rule, today),
        "since": rule.since and rule.since.isoformat(),
        "until": rule.until and rule.until.isoformat(),
        "actors": sorted(rule.actors),
        "evidence": rule.evidence,
        "source": rule.source,
    }


def _holds(rulebook: "Rulebook", jurisdiction: str, rule: "Rule", today: "date") -> str:
    """Whether a rule binds us today, or why not."""
    if rule in rulebook.of(jurisdiction, today).rules:
        return "yes"
    if not rule.is_on:
        return "off, not confirmed" if rule.evidence == "unverified" else "off"
    if rulebook.actor not in rule.actors:
        return f"{' and '.join(sorted(rule.actors))} only"
    if rule.begins > today:
        return f"from {rule.begins}"
    return f"until {rule.until}" if rule.until and rule.until < today else "replaced by a later version"


@app.command()
@with_examples
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder of rules; none: those in force.", metavar="DIR", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the rules, then the ladders and sample texts by them; exit code 1 where one is wrong or something would be refused.

    Examples:
      duebell rules check
      DUEBELL_ACTOR=agency duebell rules check our-rules
    """
    from duebell.clock import door_clock  # noqa: PLC0415 - heavy
    from duebell.engine import load_ladders, load_rules  # noqa: PLC0415
    from service.catalogue import TEMPLATES, Catalogue  # noqa: PLC0415
    from service.rendering import Texts  # noqa: PLC0415
    from service.rule_lint import refused  # noqa: PLC0415
    from service.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    if folder is not None:
        settings = settings.model_copy(update={"rules": folder})
    rulebook, root = load_rules(settings), settings.templates or TEMPLATES
    catalogue = Catalogue.load(root)
    texts = Texts.load(root, signature=settings.signature, hotline=settings.hotline)
    found = refused(rulebook, load_ladders(settings, catalogue), catalogue, texts, door_clock(settings)().date())
    if as_json:
        lines({"rule": one.rule, "where": one.where, "what": one.what} for one in found)
    elif found:
        table(("rule", "refuses", "because"), ((one.rule, one.where, one.what) for one in found))
    else:
        rules = sum(len(file.rules) for file in rulebook.files.values())
        say(
            f"{rules} rules of {len(rulebook.files)} jurisdictions are fit to be used, and refuse no text: {', '.join(rulebook.files)}"
        )
    raise typer.Exit(FAILED if found else 0)


@app.command()
@with_examples
def explain(
    key: Annotated[
        str, typer.Argument(help="A notice's key, as `duebell notices` shows it.", metavar="KEY", show_default=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Say why a notice is where it is: what decided in each state it has had, and what each rule says of it now.

    Steps and hand-overs are in UTC, the rest is on the party's clock. No names, numbers or texts.

    Examples:
      duebell rules explain stage:L-1042:instalment:1:2026-06-20:due_today:borrower
      duebell notices --state held --json | jq -r .key | head -1 | xargs duebell rules explain
    """
    waited_for(_explain(key, as_json))


async def _explain(key: str, as_json: bool) -> None:
    from duebell.engine import load_ladders, load_rules  # noqa: PLC0415 - heavy
    from duebell.explaining import explained  # noqa: PLC0415
    from service.catalogue import TEMPLATES, Catalogue  # noqa: PLC0415
    from service.standing import Standing  # noqa: PLC0415

    async with opened() as now_open, now_open.ledger.transaction() as tx:
        settings = now_open.settings
        standing = Standing(load_ladders(settings, Catalogue.load(settings.templates or TEMPLATES)), load_rules(settings))
        told = await explained(tx, now_open.vault, standing, key, now_open.clock())
    if told is None:
        fail(f"there is no notice {key!r}; `duebell notices` shows the keys")
    if as_json:
        return lines([told])
    return _in_words(told)


def _in_words(told: dict[str, Any]) -> None:
    whose = "an agency" if told["actor"] == "agency" else "a lender"
    zone = told["zone"] or "a zone nobody told us"
    say(f"{told['template']} to the {told['to_role']} ({told['purpose']}), loan {told['loan_id'] or 'none'}: {_state(told)}")
    say(
        f"by the rules of {told['rules_of']} as they bind {whose}, in {zone}; worth sending until {_moment(told['expires_at'])}"
    )
    if told["listed_in"]:
        say(f"its text is that of {told['listed_in']}")
    say("")
    table(("at", "what decided"), [(_moment(step["at"]), _step(step)) for step in told["steps"]], title="Until now")
    say("")
    if told["attempts"]:
        rows = [(_moment(one["at"]), one["sender"], one["outcome"] or "no answer yet", one["code"]) for one in told["attempts"]]
        table(("at", "handed to", "outcome", "code"), rows, title="Handed over")
        say("")
    rows = [("✕" if one["objects"] else "", one["rule"], one["says"], one["now"]) for one in told["rules"]]
    table(("", "rule", "says", "now"), rows, title="The rules, and what they say now")
    say(f"\nNow: {told['now']['words']}" + (f" [{told['now']['rule']}]" if told["now"]["rule"] else ""))


def _state(told: dict[str, Any]) -> str:
    return f"{told['state']}, {told['reason']}" if told["reason"] else str(told["state"])


def _step(step: dict[str, Any]) -> str:
    because = f": {step['because']}" if step["because"] else ""
    rule = f" [{step['rule']}{': ' + step['rule_says'] if step['rule_says'] else ''}]" if step["rule"] else ""
    return _state(step) + because + rule


def _moment(at: str | None) -> str | None:
    """An instant of a line, for people."""
    return moment(datetime.fromisoformat(at)) if at else None
