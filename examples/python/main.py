"""Kurz from Python: make a link, read a dashboard, and see clicks as they happen."""

import asyncio
import os

from gql import Client, GraphQLRequest
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

URL = os.environ.get("KURZ_URL", "http://localhost:8000/graphql")
HEADERS = {"Authorization": f"Bearer {os.environ['KURZ_KEY']}"}

CREATE = """
mutation Create($input: CreateLinkInput!) {
  createLink(input: $input) { link { id shortUrl } userErrors { code message path } }
}"""

DASHBOARD = """
query Dashboard($timezone: TimeZone) {
  links(first: 10, orderBy: {field: CLICK_COUNT}) {
    nodes {
      shortUrl
      analytics(range: {period: LAST_30_DAYS}, timezone: $timezone) {
        totals { clicks uniqueClicks }
        top(dimension: COUNTRY, first: 3) { rows { label clicks } }
      }
    }
  }
}"""

LIVE = """
subscription Live($filter: ClickFilter) {
  clickRecorded(filter: $filter) { node { occurredAt browser country referrer } }
}"""


async def main() -> None:
    async with Client(transport=HTTPXAsyncTransport(URL, headers=HEADERS)) as kurz:
        given = {"destinationUrl": "https://example.com/", "title": "Made in Python"}
        made = (await kurz.execute(GraphQLRequest(CREATE, variable_values={"input": given})))["createLink"]
        if made["userErrors"]:
            raise SystemExit(made["userErrors"])

        data = await kurz.execute(GraphQLRequest(DASHBOARD, variable_values={"timezone": "Europe/Berlin"}))
        for link in data["links"]["nodes"]:
            if analytics := link["analytics"]:  # null when it could not be computed
                countries = ", ".join(f"{row['label']} {row['clicks']}" for row in analytics["top"]["rows"])
                print(link["shortUrl"], analytics["totals"]["clicks"], countries)

    print("Follow", made["link"]["shortUrl"], "in a browser. Ctrl-C ends this.", flush=True)
    socket = WebsocketsTransport(URL.replace("http", "ws", 1), init_payload=HEADERS)
    async with Client(transport=socket) as kurz:
        live = GraphQLRequest(LIVE, variable_values={"filter": {"link": [made["link"]["id"]]}})
        async for click in kurz.subscribe(live):
            print("clicked", click["clickRecorded"]["node"], flush=True)


if __name__ == "__main__":
    asyncio.run(main())
