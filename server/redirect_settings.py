"""The KURZ_* variables about following short links."""

from pydantic import Field
from pydantic_settings import BaseSettings


class RedirectSettings(BaseSettings):
    """Part of the settings; `server/settings.py` has the rest and says where values come from."""

    max_stale: int = Field(
        default=86_400,
        ge=0,
        description="For how long known links still redirect while the database is away, in seconds.",
        json_schema_extra={"expected": "a whole number of seconds, 0 or more"},
    )
    fast_lane: bool = Field(
        default=True,
        description="Answers known links while their request is being parsed, before the application is asked.",
        json_schema_extra={"expected": "on or off"},
    )
