// Apollo Client 4: a mutation's and a subscription's answers reach queries on screen by the ids of what they carry.
import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { headers, makeLink, socketUrl, url, until, visit } from './kurz.mjs';

const socket = createClient({ url: socketUrl, webSocketImpl: WebSocket, connectionParams: headers, retryAttempts: 0 });
const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === 'subscription',
    new GraphQLWsLink(socket),
    new HttpLink({ uri: url, headers }),
  ),
  cache: new InMemoryCache(),
});

const link = await makeLink();
const shown = [];
const query = gql`
  query ($id: ID!) {
    node(id: $id) { id ... on Link { title version clickCount } }
  }
`;
const onScreen = client.watchQuery({ query, variables: { id: link.id } }).subscribe(({ data, error }) => {
  assert.equal(error, undefined, String(error));
  if (data?.node) shown.push(data.node);
});
await until(() => shown.length > 0);

const mutation = gql`
  mutation ($input: UpdateLinkInput!) {
    updateLink(input: $input) { link { id title version } userErrors { code path } }
  }
`;
const { data } = await client.mutate({ mutation, variables: { input: { link: { id: link.id }, title: 'On screen' } } });
assert.deepEqual(data.updateLink.userErrors, []);
await until(() => shown.at(-1).title === 'On screen');
assert.deepEqual([shown[0].version, shown.at(-1).version], [1, 2]);

const live = client
  .subscribe({
    query: gql`
      subscription ($ids: [ID!]!) {
        linksClicked(ids: $ids) { id clickCount }
      }
    `,
    variables: { ids: [link.id] },
  })
  .subscribe({ error: (error) => assert.fail(String(error)) });
await until(async () => {
  await visit(link.shortUrl); // again and again, since nothing says when the subscription has begun
  return shown.at(-1).clickCount > 0;
});

await assert.rejects(
  client.query({ query: gql`{ links(first: 101) { totalCount } }` }),
  (error) => CombinedGraphQLErrors.is(error) && error.errors[0].extensions.code === 'BAD_REQUEST',
);

live.unsubscribe();
onScreen.unsubscribe();
await socket.dispose();
client.stop();
