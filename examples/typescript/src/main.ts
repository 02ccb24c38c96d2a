// Makes a link, reads a dashboard, and shows clicks as they happen.
import { graphql } from './gql/index.js';
import { ask, live } from './kurz.js';

const Create = graphql(`
  mutation Create($input: CreateLinkInput!) {
    createLink(input: $input) {
      link { id shortUrl }
      userErrors { code message path }
    }
  }
`);

const Dashboard = graphql(`
  query Dashboard($timezone: TimeZone) {
    links(first: 10, orderBy: { field: CLICK_COUNT }) {
      nodes {
        shortUrl
        analytics(range: { period: LAST_30_DAYS }, timezone: $timezone) {
          totals { clicks uniqueClicks }
          top(dimension: COUNTRY, first: 3) { rows { label clicks } }
        }
      }
    }
  }
`);

const Live = graphql(`
  subscription Live($filter: ClickFilter) {
    clickRecorded(filter: $filter) {
      node { occurredAt browser country referrer }
    }
  }
`);

const created = await ask(Create, { input: { destinationUrl: 'https://example.com/', title: 'Made in TypeScript' } });
const link = created.data?.createLink?.link;
if (!link) throw new Error(JSON.stringify(created.errors ?? created.data?.createLink?.userErrors));

const { data } = await ask(Dashboard, { timezone: 'Europe/Berlin' });
for (const { shortUrl, analytics } of data?.links.nodes ?? []) {
  const countries = analytics?.top?.rows.map(({ label, clicks }) => `${label} ${clicks}`);
  console.log(shortUrl, analytics?.totals.clicks ?? 'not known', countries?.join(', ') ?? '');
}

console.log(`Follow ${link.shortUrl} in a browser. Ctrl-C ends this.`);
for await (const { data, errors } of live(Live, { filter: { link: [link.id] } })) {
  if (errors) throw new Error(JSON.stringify(errors));
  console.log('clicked', JSON.stringify(data?.clickRecorded.node));
}
