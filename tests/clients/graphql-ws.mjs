// graphql-ws: what was missed is replayed from a cursor, what happens now follows, a bad document is an error.
import assert from 'node:assert/strict';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { ask, headers, makeLink, socketUrl, until, visit } from './kurz.mjs';

const CLICKS = `subscription ($filter: ClickFilter, $since: String) {
  clickRecorded(filter: $filter, since: $since) { cursor node { id browser link { id } } }
}`;

const client = createClient({ url: socketUrl, webSocketImpl: WebSocket, connectionParams: headers, retryAttempts: 0 });

async function lastCursor({ id }) {
  const document = `query ($id: ID!) { node(id: $id) { ... on Link { clicks(first: 1) { edges { cursor } } } } }`;
  const { node } = await ask(document, { id });
  return node.clicks.edges[0]?.cursor;
}

const link = await makeLink();
await visit(link.shortUrl);
const since = await until(() => lastCursor(link));
await visit(link.shortUrl); // missed, unless the cursor is honoured

const seen = [];
for await (const { data, errors } of client.iterate({
  query: CLICKS,
  variables: { filter: { link: [link.id] }, since },
})) {
  assert.equal(errors, undefined, JSON.stringify(errors));
  seen.push(data.clickRecorded);
  if (seen.length === 2) break;
  await visit(link.shortUrl); // while it is being listened to
}

assert.equal(new Set(seen.map(({ node }) => node.id)).size, 2);
for (const { cursor, node } of seen) {
  assert.notEqual(cursor, since);
  assert.deepEqual([node.browser, node.link], ['Firefox', { id: link.id }]);
}

await assert.rejects(
  async () => {
    for await (const _ of client.iterate({ query: 'subscription { nothing }' })) assert.fail();
  },
  (errors) => errors[0].extensions.code === 'BAD_REQUEST',
);
await client.dispose();

const stranger = createClient({
  url: socketUrl,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: 'Bearer kurz_of_nobody' },
  retryAttempts: 0,
});
await assert.rejects(
  async () => {
    for await (const _ of stranger.iterate({ query: CLICKS })) assert.fail();
  },
  ({ code }) => code === 4403,
);
