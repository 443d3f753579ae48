"""What an operator can set: DUEBELL_* in the environment, duebell.toml, or the defaults here."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class SettingError(ValueError):
    """A setting is wrong; the text is one readable line and holds no secret."""


class Settings(BaseSettings):
    """All settings. The environment wins over duebell.toml, which wins over the defaults."""

    model_config = SettingsConfigDict(
        env_prefix="DUEBELL_", toml_file="duebell.toml", extra="ignore", hide_input_in_errors=True
    )

    database_url: str = "sqlite:///var/duebell.db"
    broker_url: SecretStr | None = None  #: none: embedded, events come over HTTP and `duebell publish`
    senders: str = "console://"  #: URLs separated by spaces, the first is asked first
    http: str = "127.0.0.1:8080"
    data_dir: Path = Path("var")
    keys: SecretStr | None = None  #: id:base64,…,hash:base64; none: a file in the data directory
    api_tokens: SecretStr | None = None  #: tokens for POST /v1/events, separated by blanks
    signature: str = "Duebell"  #: stands between 【】 at the start of every text
    hotline: str = "95384"
    ladders: Path | None = None  #: a folder of ladders of your own
    templates: Path | None = None  #: a folder of templates of your own
    rules: Path | None = None  #: a folder of contact rules of your own
    actor: Literal["lender", "agency"] = "lender"  #: whom the contact rules bind: us as the lender, or as an agency
    log_format: Annotated[str, Field(pattern="^(human|json|auto)$")] = "auto"
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    batch: Annotated[int, Field(ge=1, le=5000)] = 1000  #: events absorbed in one transaction
    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 30.0  #: how long a claim is valid
    clock_start: str | None = None  #: RFC 3339; refused unless test is set
    test: bool = False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment, duebell.toml, in this order."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings() -> Settings:
    """The settings in force.

    Raises:
        SettingError: one of them is wrong.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise SettingError(f"DUEBELL_{str(first['loc'][0]).upper()}: {first['msg']}") from None
    except ValueError as error:
        raise SettingError(f"duebell.toml cannot be read: {error}") from None
