"""`duebell templates` and `duebell ladders`: lint and look at what borrowers read, and when."""

from typing import TYPE_CHECKING, Annotated

import typer

from duebell.commands._terminal import FAILED, MISUSED, AsJson, fail, lines, remark, say, table, with_examples

if TYPE_CHECKING:
    from service.catalogue import NoticeSpec
    from service.ladders import Ladders, Stage
    from service.rendering import Texts

templates = typer.Typer(no_args_is_help=True, help="The texts: lint them, look at them.")
ladders = typer.Typer(no_args_is_help=True, help="The reminder plans: lint them, look at them.")


@templates.command("check")
def check_templates(as_json: AsJson = False) -> None:
    """Render every text in every language, with samples and the worst that can come; exit code 1 where one is wrong."""
    from service.catalogue import TEMPLATES  # noqa: PLC0415 - heavy
    from service.settings import load_settings  # noqa: PLC0415
    from service.template_lint import check_folder  # noqa: PLC0415

    settings = load_settings()
    root = settings.templates or TEMPLATES
    found = check_folder(root, signature=settings.signature, hotline=settings.hotline)
    if as_json:
        lines({"template": f.template, "locale": f.locale, "channel": f.channel, "rule": f.rule, "what": f.what} for f in found)
    elif found:
        table(("template", "language", "rule", "what"), ((f.template, f.locale, f.rule, f.what) for f in found))
    else:
        say(f"every text under {root} is fit to be sent")
    raise typer.Exit(FAILED if found else 0)


@templates.command()
@with_examples
def preview(
    name: Annotated[str | None, typer.Argument(help="A template; none: all of them.", show_default=False)] = None,
    locale: Annotated[str | None, typer.Option(help="Only this language: zh-CN, zh-TW, en.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show texts as borrowers would read them, with sample values.

    Examples:
      duebell templates preview repayment_due_soon
      duebell templates preview loan_settled --locale en
    """
    from service.catalogue import TEMPLATES, Catalogue  # noqa: PLC0415 - heavy
    from service.rendering import Texts  # noqa: PLC0415
    from service.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    root = settings.templates or TEMPLATES
    catalogue = Catalogue.load(root)
    if name is not None and name not in catalogue:
        fail(f"there is no template {name!r}; there are: {', '.join(spec.name for spec in catalogue)}", MISUSED)
    texts = Texts.load(root, signature=settings.signature, hotline=settings.hotline)
    for spec in catalogue if name is None else [catalogue[name]]:
        _preview(texts, spec, locale, as_json)


def _preview(texts: "Texts", spec: "NoticeSpec", only: str | None, as_json: bool) -> None:
    from service.locales import LOCALES  # noqa: PLC0415 - heavy
    from service.template_lint import preview as rendered  # noqa: PLC0415

    if only is not None and only not in LOCALES:
        fail(f"there is no language {only!r}; there are: {', '.join(LOCALES)}", MISUSED)
    if not as_json:
        say(f"{spec.name}: {spec.about}")
    for locale in LOCALES:
        for text in rendered(texts, spec, locale) if only in {None, locale} else []:
            if as_json:
                lines([{"template": spec.name, "locale": locale, "segments": text.segments, "body": text.text}])
            else:
                say(f"  {locale:<6} {text.segments} {'part ' if text.segments == 1 else 'parts'}  {text.text}")


@ladders.command("check")
def check_ladders() -> None:
    """Read every ladder and see that its templates are there; exit code 1 with the first mistake.

    Says which public holidays are not certain yet, where a ladder moves off them.
    """
    from duebell.clock import door_clock  # noqa: PLC0415 - heavy
    from service.ladders import uncertain_holidays  # noqa: PLC0415
    from service.settings import load_settings  # noqa: PLC0415

    found = _ladders()
    for line in uncertain_holidays(found, door_clock(load_settings())().date()):
        remark(f"careful: {line}")
    stages = sum(len(ladder.stages) for ladder in found.values())
    say(f"{len(found)} ladders with {stages} stages are fit to be used: {', '.join(found)}")


@ladders.command("show")
def show_ladders(
    kind: Annotated[
        str | None, typer.Argument(help="One kind of deadline, as instalment; none: all.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the stages: when each goes, with which text, for which purpose."""
    found = _ladders().values()
    if kind is not None and kind not in {ladder.kind.value for ladder in found}:
        fail(f"there is no ladder {kind!r}; there are: {', '.join(ladder.kind for ladder in found)}", MISUSED)
    rows = [
        (
            ladder.kind.value,
            stage.name,
            _when(stage),
            stage.template,
            stage.purpose and stage.purpose.value,
            ", ".join(stage.to),
        )
        for ladder in found
        for stage in ladder.stages
        if kind in {None, ladder.kind.value}
    ]
    columns = ("kind", "stage", "when", "template", "purpose", "to")
    if as_json:
        lines(dict(zip(columns, row, strict=True)) for row in rows)
    else:
        table(columns, rows)


def _ladders() -> "Ladders":
    from duebell.engine import load_ladders  # noqa: PLC0415 - heavy
    from service.catalogue import TEMPLATES, Catalogue  # noqa: PLC0415
    from service.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    return load_ladders(settings, Catalogue.load(settings.templates or TEMPLATES))


def _when(stage: "Stage") -> str:
    """The moment of a stage in words."""
    if stage.day is None:
        return f"{stage.before} before" if stage.before else "at the end"
    day = "the due day" if stage.day == 0 else f"{abs(stage.day)} {'day' if abs(stage.day) == 1 else 'days'} "
    off = f", {stage.holidays} holidays of {stage.calendar.code}" if stage.holidays and stage.calendar else ""
    return f"{day}{'' if stage.day == 0 else 'after' if stage.day > 0 else 'before'} at {stage.hour:%H:%M}{off}"
