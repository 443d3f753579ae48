"""What `duebell doctor` looks at: each setting with its origin, and whether what the settings name is there and fits."""

import os
import re
import shutil
import tomllib
import zoneinfo
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from duebell.clock import door_clock
from duebell.engine import load_ladders, load_rules
from duebell.opening import unfit
from service import broker
from service.catalogue import TEMPLATES, Catalogue
from service.ladders import uncertain_holidays
from service.ledger import Ledger, LedgerAway, canaries, migrating
from service.rendering import Texts
from service.senders import names_of
from service.settings import SettingError, Settings, load_settings
from service.vault import KeySettingError, Vault, open_vault, parse_keys

_TOML: Final = Path("duebell.toml")
_PREFIX: Final = "DUEBELL_"
_SECRET: Final = frozenset({"keys", "api_tokens"})
#: Up to the last @, whatever a password holds unescaped; a blank ends it only where another URL follows.
_PASSWORD: Final = re.compile(r"(?<=://)(?:\S|\s(?!\S*://))*@")
_QUERY: Final = re.compile(r"\?\S*")
_LEAST_FREE: Final = 512 * 1024 * 1024
_SANE: Final = (datetime(2025, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Origin:
    """A setting, its value without secrets, and where it comes from."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is fine, and one line about it."""

    name: str
    fine: bool
    told: str


# ------------------------------------------------------------ settings


def where_from() -> list[Origin]:
    """Every setting, also where it is wrong."""
    in_file = _in_file()
    environment = {name.upper(): value for name, value in os.environ.items()}
    return [_origin(name, str(field.default), environment, in_file) for name, field in Settings.model_fields.items()]


def _in_file() -> dict[str, Any]:
    with suppress(OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return tomllib.loads(_TOML.read_text("utf-8"))
    return {}


def _origin(name: str, default: str, environment: dict[str, str], in_file: dict[str, Any]) -> Origin:
    variable = f"DUEBELL_{name.upper()}"
    if variable in environment:
        return Origin(variable, _shown(name, environment[variable]), "environment")
    if name in in_file:
        return Origin(variable, _shown(name, str(in_file[name])), str(_TOML))
    return Origin(variable, "" if default == "None" else default, "default")


def _shown(name: str, value: str) -> str:
    """A value without passwords, tokens, keys, or what a URL's query may hold."""
    if name in _SECRET:
        return "(set)"
    return _QUERY.sub("?…", _PASSWORD.sub("…@", value))


# ------------------------------------------------------------ checks


async def findings() -> list[Finding]:
    """Everything that was looked at; changes nothing."""
    try:
        settings = load_settings()
    except SettingError as error:
        return [Finding("settings", fine=False, told=str(error))]
    checks: tuple[tuple[str, Callable[[Settings], str | Awaitable[str]]], ...] = (
        ("settings", _names),
        ("clock", _clock),
        ("time zones", _zones),
        ("disk", _disk),
        ("database", _database),
        ("keys", _keys),
        ("broker", _broker),
        ("http", _http),
        ("senders", _senders),
        ("templates", _templates),
        ("ladders", _ladders),
        ("holidays", _holidays),
        ("contact rules", _rules),
    )
    return [await _looked(name, check, settings) for name, check in checks]


class _WrongError(Exception):
    """A finding; the text says what to do."""


async def _looked(name: str, check: Callable[[Settings], str | Awaitable[str]], settings: Settings) -> Finding:
    try:
        told = check(settings)
        return Finding(name, fine=True, told=told if isinstance(told, str) else await told)
    except LedgerAway as error:
        return Finding(name, fine=False, told=f"the database cannot be used now ({error})")
    except (_WrongError, ValueError, OSError, broker.BrokerAway) as error:
        return Finding(name, fine=False, told=str(error).replace("\n", "; "))


def _names(_settings: Settings) -> str:
    """A misspelt name sets nothing, and nothing else says so."""
    known = set(Settings.model_fields)
    variables = (name for name in os.environ if name.upper().startswith(_PREFIX) and name.lower()[len(_PREFIX) :] not in known)
    keys = (f"{name} in {_TOML}" for name in _in_file() if name not in known)
    if wrong := [*sorted(variables), *sorted(keys)]:
        raise _WrongError(f"there is no setting {', '.join(wrong)}: see how it is spelt above, or take it out")
    return "each one that is set is known"


def _clock(settings: Settings) -> str:
    now = door_clock(settings)()
    if not _SANE[0] < now < _SANE[1]:
        raise _WrongError(f"it shows {now:%Y-%m-%d}: set the machine's clock, every hour of contact depends on it")
    test = ", a test clock (DUEBELL_CLOCK_START)" if settings.clock_start else ""
    return f"{now:%Y-%m-%d %H:%M:%S} UTC{test}"


def _zones(_settings: Settings) -> str:
    """The system's zone data wins over the package's, where it is there."""
    import tzdata  # type: ignore[import-untyped]  # noqa: PLC0415 - for its version only

    for folder in zoneinfo.TZPATH:
        with suppress(OSError), (Path(folder) / "tzdata.zi").open(encoding="ascii") as file:
            return f"{file.readline().removeprefix('# version ').strip()} of the system, {folder}"
        if (Path(folder) / "Europe").is_dir():
            return f"of the system, {folder}; its version is not said"
    return f"{tzdata.IANA_VERSION} of the package tzdata"


def _disk(settings: Settings) -> str:
    folder = next(parent for parent in (settings.data_dir.absolute(), *settings.data_dir.absolute().parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE:
        raise _WrongError(f"only {free // 2**20} MiB are free under {folder}: make room")
    return f"{free / 2**30:.1f} GiB free under {folder}"


async def _database(settings: Settings) -> str:
    if (file := _file_not_there(settings)) is not None:
        return f"{file} is not there yet; `duebell run` makes it"
    current, needed = await migrating.status(settings.database_url)
    if current is None:
        return "reachable and empty; `duebell run` or `duebell db upgrade` makes the tables"
    if current != needed:
        raise _WrongError(unfit(current, needed))
    return f"reachable, its tables are at revision {current}"


def _file_not_there(settings: Settings) -> Path | None:
    """The file of an embedded database that nobody has made yet; looking must not make it."""
    scheme, _, path = settings.database_url.partition(":///")
    file = Path(path)
    return file if scheme.startswith("sqlite") and path and not file.exists() else None


async def _keys(settings: Settings) -> str:
    """Looks without making a key file and without leaving a canary."""
    path, setting = settings.data_dir / "keys", settings.keys and settings.keys.get_secret_value()
    where = "DUEBELL_KEYS" if setting else str(path)
    vault = parse_keys(setting) if setting else open_vault(None, settings.data_dir, has_data=True) if path.exists() else None
    if _file_not_there(settings) is not None or (await migrating.status(settings.database_url))[0] is None:
        return f"in {where}" if vault else f"none yet; `duebell run` makes {path}"
    ledger = Ledger(settings.database_url, pool_size=1)
    try:
        return f"{await _fit_the_data(ledger, vault, path)}, in {where}"
    finally:
        await ledger.close()


class _OnlyLookingError(Exception):
    """Takes back what a check wrote."""


async def _fit_the_data(ledger: Ledger, vault: Vault | None, path: Path) -> str:
    async with ledger.transaction() as tx:
        has_data = await canaries.has_data(tx)
    if vault is None:
        if has_data:
            raise KeySettingError(f"the database holds encrypted data, but {path} is missing and DUEBELL_KEYS is not set")
        return "none yet"
    with suppress(_OnlyLookingError):
        async with ledger.transaction() as tx:
            await canaries.check_keys(tx, vault)
            raise _OnlyLookingError
    return "those the data was written with" if has_data else "there"


def _broker(settings: Settings) -> str:
    if settings.broker_url is None:
        return "none: embedded, events come over HTTP and `duebell publish`"
    wrong = [one for one in broker.show(settings.broker_url.get_secret_value()) if one.wrong]
    if wrong:
        raise _WrongError("; ".join(f"{one.what} {one.name} {one.wrong}" for one in wrong))
    return "reachable, exchanges and queues as they should be"


def _http(settings: Settings) -> str:
    from console.serving import parse_address  # noqa: PLC0415 - brings a web server along
    from console.tokens import tokens_of  # noqa: PLC0415

    host, port = parse_address(settings.http)
    tokens_of(settings, host)
    return f"{host}:{port}, {'with tokens' if settings.api_tokens else 'for this machine only: DUEBELL_API_TOKENS is not set'}"


async def _senders(settings: Settings) -> str:
    return "in this order: " + ", ".join(await names_of(settings.senders))


def _templates(settings: Settings) -> str:
    root = settings.templates or TEMPLATES
    catalogue = Catalogue.load(root)
    Texts.load(root, signature=settings.signature, hotline=settings.hotline)
    return f"{len(catalogue)} notices under {root}"


def _ladders(settings: Settings) -> str:
    ladders = load_ladders(settings, Catalogue.load(settings.templates or TEMPLATES))
    return f"{len(ladders)}: {', '.join(sorted(ladders))}"


def _holidays(settings: Settings) -> str:
    ladders = load_ladders(settings, Catalogue.load(settings.templates or TEMPLATES))
    calendars = {
        stage.calendar.code for ladder in ladders.values() for stage in ladder.stages if stage.holidays and stage.calendar
    }
    if not calendars:
        return "no ladder moves off them"
    today = door_clock(settings)().date()
    uncertain = uncertain_holidays(ladders, today)
    if any(f" of {today.year} " in line for line in uncertain):
        raise _WrongError("; ".join(uncertain))
    return f"of {', '.join(sorted(calendars))}" + "".join(f"; careful: {line}" for line in uncertain)


def _rules(settings: Settings) -> str:
    rulebook = load_rules(settings)
    return f"for {', '.join(sorted(rulebook.files))}, as they bind {'an agency' if rulebook.actor == 'agency' else 'a lender'}"
