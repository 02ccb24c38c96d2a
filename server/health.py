"""/healthz: the process answers. /readyz: whether redirects, the API and recording work, each with its reason."""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from models.database import Database, is_unreachable
from recording.recorder import Recorder

ASK_WITHIN_S = 2.0
BELIEVE_FOR_S = 1.0
NO_STORE = {"Cache-Control": "no-store"}


class Health:
    """Answers the questions of load balancers and orchestrators.

    `/readyz` follows the redirects alone: an instance that still serves known links must not be taken out because the
    database is away, clicks are being dropped, or the loader is behind. `/readyz/api`, `/readyz/redirect` and
    `/readyz/recording` ask for one part: a monitor may watch each by its status alone.
    """

    def __init__(
        self, *, redirect_reason: Callable[[], str | None], database: Database, recorder: Recorder | None = None
    ) -> None:
        self._redirect_reason = redirect_reason
        self._database = database
        self._recorder = recorder
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._api_reason: str | None = None

    def routes(self) -> list[Route]:
        """The routes, both with and without a slash at their end."""
        return [
            Route("/healthz", self._alive),
            Route("/healthz/", self._alive),
            Route("/readyz", self._ready),
            Route("/readyz/", self._ready),
            Route("/readyz/{part}", self._ready),
        ]

    async def _alive(self, _request: Request) -> Response:
        return PlainTextResponse("ok\n", headers=NO_STORE)

    async def _ready(self, request: Request) -> Response:
        reasons = {"redirect": self._redirect_reason(), "api": await self._ask_database()}
        if self._recorder:
            reasons["recording"] = self._recorder.reason()
        part = request.path_params.get("part", "redirect")
        if part not in reasons:
            return PlainTextResponse("Not Found", 404)
        body: dict[str, dict[str, object]] = {
            name: {"ready": reason is None, "reason": reason} for name, reason in reasons.items()
        }
        if self._recorder:
            body["recording"] |= {"dropped": self._recorder.dropped, "waiting_s": round(self._recorder.waiting_s)}
        return JSONResponse(body, 200 if reasons[part] is None else 503, headers=NO_STORE)

    async def _ask_database(self) -> str | None:
        """Why the API does not work. Asked at most once a second: anybody may come here."""
        async with self._asking:
            if time.monotonic() - self._asked_at > BELIEVE_FOR_S:
                self._api_reason = await self._ask_now()
                self._asked_at = time.monotonic()
        return self._api_reason

    async def _ask_now(self) -> str | None:
        try:
            async with asyncio.timeout(ASK_WITHIN_S), self._database.read() as connection:
                await connection.execute(text("select 1"))
        except TimeoutError:
            return f"the database did not answer in {ASK_WITHIN_S:.0f} s"
        except (OSError, SQLAlchemyError) as error:
            return "the database cannot be reached" if is_unreachable(error) else "the database answered with an error"
        return None
