"""What the README and deploy/ name exists: metrics, labels, settings, files."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.metrics import Metrics
from service.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
_SELECTOR = re.compile(r"(duebell_\w+)(?:\{([^}]*)\})?")
_GROUPED = re.compile(r"\bby \(([^)]*)\)")


def _samples() -> dict[str, set[str]]:
    """Each name a scrape can give, with its labels."""
    found = {}
    metrics: list[Any] = list(Metrics().registry._collector_to_names)
    for metric in metrics:
        (family,) = metric.describe()
        for suffix in _SUFFIXES[family.type]:
            found[f"{family.name}{suffix}"] = {*metric._labelnames, *(["le"] if suffix == "_bucket" else [])}
    return found


def _alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def _panels() -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = json.loads((DEPLOY / "dashboard.json").read_text())["panels"]
    return panels


SAMPLES = _samples()
EXPRESSIONS = [rule["expr"] for rule in _alerts()] + [target["expr"] for panel in _panels() for target in panel["targets"]]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_that_is_watched_exists(expression: str) -> None:
    """Each metric an alert or a panel names is one we give, with each label it is chosen or grouped by."""
    labels: set[str] = set()
    for name, chosen in _SELECTOR.findall(expression):
        assert name in SAMPLES
        assert set(re.findall(r"(\w+)\s*(?:=|!=|=~|!~)\s*\"", chosen)) <= SAMPLES[name]
        labels |= SAMPLES[name]
    assert {label.strip() for group in _GROUPED.findall(expression) for label in group.split(",")} <= labels


def test_the_dashboard_shows_every_metric() -> None:
    """A metric nobody looks at is a metric too many."""
    shown = {name for panel in _panels() for target in panel["targets"] for name, _ in _SELECTOR.findall(target["expr"])}
    assert {re.sub(r"_(sum|count)$", "_bucket", name) for name in SAMPLES} <= shown


def test_an_alert_says_how_bad_it_is_and_what_it_means() -> None:
    """Whoever is woken reads one sentence; names are unique."""
    rules = _alerts()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    assert all(rule["labels"]["severity"] in {"page", "ticket"} and rule["annotations"]["summary"] for rule in rules)


def test_every_setting_that_is_named_exists() -> None:
    """No page, unit or container sets what nobody reads."""
    known = {f"DUEBELL_{name.upper()}" for name in Settings.model_fields}
    files = [*PAGES, *(file for file in DEPLOY.iterdir() if file.is_file())]
    named = {name for file in files for name in re.findall(r"\bDUEBELL_[A-Z_]*[A-Z]\b", file.read_text(encoding="utf-8"))}
    assert named - {"DUEBELL_NAME"} <= known


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_readme_tells_each_setting_with_its_default(name: str) -> None:
    """The table in the README is that of service/settings.py."""
    default = Settings.model_fields[name].default
    told = {None: "none", True: "`true`", False: "`false`"}.get(
        default, f"`{default:g}`" if type(default) is float else f"`{default}`"
    )
    assert f"| `DUEBELL_{name.upper()}` | {told} |" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_containers_are_those_of_the_picture() -> None:
    """The Compose file can be read, and builds from files that are there."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert set(services) == {"rabbitmq", "postgres", "duebell"}
    assert (DEPLOY / services["duebell"]["build"]["context"] / services["duebell"]["build"]["dockerfile"]).is_file()
    copied = re.findall(r"^COPY (.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert all((ROOT / source).exists() for sources in copied for source in sources.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """No page of ours points to a file that is not there."""
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
