// Relay: its compiler takes our schema; its runtime pages both ways through one connection and refetches a node by id.
const assert = require('node:assert/strict');
const {
  Environment,
  Network,
  RecordSource,
  Store,
  createOperationDescriptor,
  fetchQuery,
  getPaginationMetadata,
  getPaginationVariables,
  getRefetchMetadata,
  getSelector,
} = require('relay-runtime');

/** What Relay's Babel plugin does: a document stands for the artifact that the compiler has made of it. */
const graphql = ([document]) => require(`./__generated__/${/(?:query|fragment) (\w+)/.exec(document)[1]}.graphql`);

const PAGE = graphql`
  query pagesQuery($count: Int, $cursor: String, $search: String!) {
    ...pages_links @arguments(count: $count, cursor: $cursor, search: $search)
  }
`;
const LINKS = graphql`
  fragment pages_links on Query
  @refetchable(queryName: "pagesLinksQuery")
  @argumentDefinitions(
    search: { type: "String!" }
    count: { type: "Int" }
    cursor: { type: "String" }
    last: { type: "Int" }
    before: { type: "String" }
  ) {
    links(first: $count, after: $cursor, last: $last, before: $before, search: $search, orderBy: { field: CODE, direction: ASC })
      @connection(key: "pages_links") {
      edges { node { id code ...pages_link } }
    }
  }
`;
const LINK = graphql`
  fragment pages_link on Link @refetchable(queryName: "pagesLinkQuery") {
    title
  }
`;

async function main() {
  const { ask, headers, makeLink, url } = await import('../kurz.mjs');
  const search = 'relay-smoke';
  const codes = [1, 2, 3, 4, 5].map((number) => `${search}-${number}`);
  for (const code of codes) await makeLink({ code, title: 'as it was' });

  const environment = new Environment({
    store: new Store(new RecordSource()),
    network: Network.create(async ({ text: query }, variables) => {
      const body = JSON.stringify({ query, variables });
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
      });
      return response.json();
    }),
  });
  const read = (fragment, reference) => environment.lookup(getSelector(fragment, reference)).data;

  // Given a page in the middle, as a link into a long list opens it.
  const { links } = await ask(
    `query ($search: String!) { links(first: 2, search: $search, orderBy: {field: CODE, direction: ASC}) { pageInfo { endCursor } } }`,
    { search },
  );
  const variables = { count: 1, cursor: links.pageInfo.endCursor, search };
  const operation = createOperationDescriptor(PAGE, variables);
  environment.retain(operation);
  await fetchQuery(environment, PAGE, variables).toPromise();
  const page = () => read(LINKS, environment.lookup(operation.fragment).data).links;
  const shown = () => page().edges.map(({ node }) => node.code);
  assert.deepEqual(shown(), [codes[2]]);

  /** As usePaginationFragment does it. */
  async function load(direction, count) {
    const { paginationRequest, paginationMetadata } = getPaginationMetadata(LINKS, 'pages');
    const { endCursor, startCursor } = page().pageInfo;
    const cursor = direction === 'forward' ? endCursor : startCursor;
    const next = getPaginationVariables(direction, count, cursor, { search }, {}, paginationMetadata);
    await fetchQuery(environment, paginationRequest, next).toPromise();
  }

  await load('forward', 1);
  assert.deepEqual(shown(), codes.slice(2, 4));
  assert.deepEqual([page().pageInfo.hasPreviousPage, page().pageInfo.hasNextPage], [true, true]);
  await load('backward', 1);
  assert.deepEqual(shown(), codes.slice(1, 4));
  await load('backward', 5);
  await load('forward', 5);
  assert.deepEqual(shown(), codes);
  assert.deepEqual([page().pageInfo.hasPreviousPage, page().pageInfo.hasNextPage], [false, false]);

  // A node that somebody else has changed is found again by its id alone.
  const { node } = page().edges[0];
  await ask(`mutation ($input: UpdateLinkInput!) { updateLink(input: $input) { userErrors { code } } }`, {
    input: { link: { id: node.id }, title: 'as it is' },
  });
  const title = () => read(LINK, node).title;
  assert.equal(title(), 'as it was');
  await fetchQuery(environment, getRefetchMetadata(LINK, 'pages').refetchableRequest, { id: node.id }).toPromise();
  assert.equal(title(), 'as it is');
}

main();
