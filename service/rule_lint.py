"""Reads the contact rules against texts and ladders before a notice meets them: what would be refused for certain."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from service.catalogue import Catalogue, NoticeSpec
from service.facts import Role
from service.ladders import Ladders
from service.locales import LOCALES
from service.notices import Purpose
from service.reasons import REASONS
from service.rendering import RenderError, Texts
from service.rule_kinds import Recipient
from service.rulebook import Rulebook, Rules
from service.template_lint import preview


@dataclass(frozen=True, slots=True)
class Refused:
    """What a rule in force would refuse: a stage, or a text in a language."""

    rule: str
    where: str
    what: str


def refused(rulebook: Rulebook, ladders: Ladders, catalogue: Catalogue, texts: Texts, day: date) -> list[Refused]:
    """Everything that the rules in force on a day would refuse, in the order of jurisdictions."""
    every = [rulebook.of(jurisdiction, day) for jurisdiction in rulebook.files]
    found = [one for rules in every for one in (*_stages(rules, ladders, catalogue), *_texts(rules, catalogue, ladders, texts))]
    return list(dict.fromkeys(found))


def _stages(rules: Rules, ladders: Ladders, catalogue: Catalogue) -> Iterator[Refused]:
    """Stages for people whom the rules let nobody tell."""
    for ladder in ladders.values():
        for stage in ladder.stages:
            purpose = stage.purpose or catalogue[stage.template].purpose
            for rule in rules.of_kind(Recipient, purpose):
                for role in stage.to:
                    if role not in rule.roles:
                        yield Refused(rule.name, f"{ladder.kind}.yaml: stage {stage.name}", f"{purpose} to the {role}")


def _texts(rules: Rules, catalogue: Catalogue, ladders: Ladders, texts: Texts) -> Iterator[Refused]:
    """Sample texts that hold what they must not, or do not hold what they must."""
    for spec in catalogue:
        for purpose, role in sorted(_uses(spec, ladders)):
            for rule in rules.contents(purpose, role):
                for where, text in _samples(texts, spec):
                    if reason := rule.objection(text):
                        yield Refused(rule.name, where, f"as {purpose} to the {role}: {REASONS[reason]}")


def _uses(spec: NoticeSpec, ladders: Ladders) -> set[tuple[Purpose, Role]]:
    """For what and to whom a text goes: by its ladders' stages, else by its own purpose."""
    stages = [stage for ladder in ladders.values() for stage in ladder.stages if stage.template == spec.name]
    own: Role = "payer" if spec.purpose is Purpose.PAYER else "borrower"
    return {(stage.purpose or spec.purpose, role) for stage in stages for role in stage.to} or {(spec.purpose, own)}


def _samples(texts: Texts, spec: NoticeSpec) -> Iterator[tuple[str, str]]:
    for locale in LOCALES:
        try:
            for text in preview(texts, spec, locale):
                yield f"{spec.name} ({locale})", text.text
        except RenderError:
            continue  # what cannot be made is the business of `templates check`
