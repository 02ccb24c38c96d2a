"""Settings: where they come from, what is refused, and that the documentation has them all."""

import re
from pathlib import Path

import pytest

from graph.rate import RateLimit
from server.settings import Settings, SettingsError, read_settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"
ADDRESS = "postgresql://kurz:hush@db/kurz"


pytestmark = pytest.mark.usefixtures("bare")


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `(KURZ_\w+)` \| `?([^`|]*?)`? \| \S", DOCUMENT.read_text(), re.MULTILINE)
    defaults = {f"KURZ_{name.upper()}": _as_written(name) for name in Settings.model_fields}
    assert dict(rows) == defaults
    assert len(rows) == len(defaults)


def _as_written(name: str) -> str:
    if name == "base_url":
        return "http://localhost:<port>"
    default = Settings.model_fields[name].default
    if isinstance(default, bool):
        return "on" if default else "off"
    return "not set" if default in (None, ()) else str(default)


def test_options_beat_the_environment_which_beats_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("KURZ_HOST=file\nKURZ_WORKERS=2\nKURZ_PORT=2222\nUNRELATED=1\n")
    monkeypatch.setenv("KURZ_WORKERS", "3")
    monkeypatch.setenv("KURZ_PORT", "3333")
    settings = read_settings(port=4444, workers=None)
    assert (settings.host, settings.workers, settings.port) == ("file", 3, 4444)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "65536"),
        ("PORT", "tcp://10.0.0.1:8000"),
        ("WORKERS", "0"),
        ("POOL_SIZE", "1.5"),
        ("MAX_STALE", "-1"),
        ("BASE_URL", "go.example.com"),
        ("BASE_URL", "ftp://go.example.com"),
        ("BASE_URL", "https://go.example.com/links"),
        ("BASE_URL", "https://go.example.com/?a"),
        ("BASE_URL", "https://user@go.example.com"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, proxy"),
        ("ALLOWED_ORIGINS", "app.example.com"),
        ("ALLOWED_ORIGINS", "https://app.example.com/page"),
        ("ALLOW_PRIVATE_TARGETS", "maybe"),
        ("OIDC_ISSUER", "id.example.com"),
        ("OIDC_ISSUER", "http://id.example.com"),
        ("OIDC_ISSUER", "https://user@id.example.com"),
        ("OIDC_ISSUER", "https://id.example.com/?tenant=1"),
        ("OIDC_AUDIENCE", "without an issuer"),
        ("SPOOL_SYNC", "sometimes"),
        ("AUDIT_RETENTION_DAYS", "-1"),
        ("SPOOL_MAX_BYTES", "2G"),
        ("SPOOL_MAX_BYTES", "1048575"),
        ("GEOIP_DATABASE", "/nowhere/countries.mmdb"),
        ("GEOIP_DATABASE", __file__),
        ("HEED_PRIVACY_SIGNALS", "2"),
        ("CLICK_RETENTION_DAYS", "0"),
        ("API_DEADLINE", "0"),
        ("API_DEADLINE", "nan"),
        ("API_DEADLINE", "601"),
        ("MAX_CLICKS_READ", "0"),
        ("MAX_QUERY_COST", "99"),
        ("RATE_LIMIT", "on"),
        ("RATE_LIMIT", "4000"),
        ("RATE_LIMIT", "0/200"),
        ("RATE_LIMIT", "4000/0.5"),
        ("RATE_LIMIT", "4000/2000000000"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("GRAPHIQL", "2"),
        ("FAST_EXECUTOR", "2"),
        ("INTROSPECTION", "2"),
        ("TRUSTED_DOCUMENTS", "some"),
        ("TRUSTED_DOCUMENTS", "only"),  # of no folder
        ("TRUSTED_DOCUMENTS_DIR", "/nowhere"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"KURZ_{name}", value)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert str(refused.value).startswith(f"KURZ_{name}=")
    assert len(str(refused.value).splitlines()) == 1


def test_an_issuer_needs_an_audience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KURZ_OIDC_ISSUER", "https://id.example.com/realms/company")
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert str(refused.value).startswith("KURZ_OIDC_AUDIENCE=")
    monkeypatch.setenv("KURZ_OIDC_AUDIENCE", "https://go.example.com/graphql")
    assert read_settings().oidc_issuer == "https://id.example.com/realms/company"


@pytest.mark.parametrize("issuer", ["http://localhost:8080/realms/company", "http://127.0.0.1:1", "http://[::1]:1"])
def test_a_provider_on_this_machine_needs_no_tls(monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
    monkeypatch.setenv("KURZ_OIDC_ISSUER", issuer)
    monkeypatch.setenv("KURZ_OIDC_AUDIENCE", "kurz")
    assert read_settings().oidc_issuer == issuer


@pytest.mark.parametrize("name", ["DATABASE_URL", "DIRECT_DATABASE_URL"])
@pytest.mark.parametrize("value", ["mysql://kurz:hush@db/kurz", "kurz:hush"])
def test_a_refused_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"KURZ_{name}", value)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert str(refused.value).startswith(f"KURZ_{name}:")
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("name", ["database_url", "direct_database_url"])
def test_a_secret_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{ADDRESS}\n")
    monkeypatch.setenv(f"KURZ_{name.upper()}_FILE", str(file))
    settings = read_settings()
    assert getattr(settings, name).get_secret_value() == ADDRESS
    assert "hush" not in repr(settings)


@pytest.mark.parametrize("both", [True, False], ids=["variable and file", "no such file"])
def test_a_secret_file_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, both: bool
) -> None:
    file = tmp_path / "secret"
    if both:
        file.write_text(ADDRESS)
        monkeypatch.setenv("KURZ_DATABASE_URL", ADDRESS)
    monkeypatch.setenv("KURZ_DATABASE_URL_FILE", str(file))
    with pytest.raises(SettingsError):
        read_settings()


def test_the_base_url_follows_the_port_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings(port=9000).base_url == "http://localhost:9000"
    assert read_settings(port=0).listening_on(40_000).base_url == "http://localhost:40000"
    monkeypatch.setenv("KURZ_BASE_URL", "HTTPS://Go.Example.COM:443/")
    settings = read_settings(port=0).listening_on(40_000)
    assert (settings.base_url, settings.hostname) == ("https://go.example.com", "go.example.com")


def test_lists_are_read_and_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KURZ_TRUSTED_PROXIES", "10.1.2.3/8, ::1")
    monkeypatch.setenv("KURZ_ALLOWED_ORIGINS", "https://App.example.com:443,http://localhost:3000/")
    settings = read_settings()
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1/128")
    assert settings.allowed_origins == ("https://app.example.com", "http://localhost:3000")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KURZ_PORT", "")
    monkeypatch.setenv("KURZ_DATABASE_URL", "")
    settings = read_settings()
    assert (settings.port, settings.has_own_postgres) == (8000, True)


def test_the_direct_address_is_the_usual_one_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KURZ_DATABASE_URL", ADDRESS)
    assert read_settings().direct_database_address == ADDRESS
    monkeypatch.setenv("KURZ_DIRECT_DATABASE_URL", "postgresql://direct/kurz")
    assert read_settings().direct_database_address == "postgresql://direct/kurz"


@pytest.mark.parametrize(
    ("written", "rate"),
    [("4000/200", RateLimit(4_000, 200)), ("1/1", RateLimit(1, 1)), ("off", None), ("OFF", None)],
)
def test_the_rate_limit_is_capacity_and_restored_points_or_off(
    monkeypatch: pytest.MonkeyPatch, written: str, rate: RateLimit | None
) -> None:
    monkeypatch.setenv("KURZ_RATE_LIMIT", written)
    assert read_settings().rate == rate
