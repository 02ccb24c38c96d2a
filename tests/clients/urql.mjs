// urql: a mutation is seen by the query of the same list, which the document cache asks for anew.
import assert from 'node:assert/strict';
import { Client, cacheExchange, fetchExchange, gql } from '@urql/core';
import { headers, url } from './kurz.mjs';

const CREATE = gql`
  mutation ($input: CreateLinkInput!) {
    createLink(input: $input) {
      link { id code }
      userErrors { __typename code path ... on CodeTakenError { suggestions } }
    }
  }
`;
const LINKS = gql`
  query ($search: String!) {
    links(first: 5, search: $search) { nodes { id code } totalCount }
  }
`;

const client = new Client({
  url,
  exchanges: [cacheExchange, fetchExchange],
  fetchOptions: { headers },
  preferGetMethod: false,
});
const search = 'urql-smoke';

const before = await client.query(LINKS, { search });
assert.equal(before.error, undefined, String(before.error));
assert.equal(before.data.links.totalCount, 0);

const input = { destinationUrl: 'https://example.com/', code: search };
const { data, error } = await client.mutation(CREATE, { input });
assert.equal(error, undefined, String(error));
assert.deepEqual(data.createLink.userErrors, []);

const after = await client.query(LINKS, { search }, { requestPolicy: 'cache-and-network' });
assert.deepEqual(
  after.data.links.nodes.map(({ code }) => code),
  [search],
);

const again = await client.mutation(CREATE, { input });
assert.equal(again.data.createLink.userErrors[0].code, 'TAKEN');
assert.ok(again.data.createLink.userErrors[0].suggestions.length > 0);

const refused = await client.query(gql`query { links(first: 101) { totalCount } }`, {});
assert.equal(refused.error.graphQLErrors[0].extensions.code, 'BAD_REQUEST');
assert.equal(refused.error.networkError, undefined);
