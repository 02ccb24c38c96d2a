// Where the Kurz under test is, and a browser's visit to one of its links.
import assert from 'node:assert/strict';

export const url = process.env.KURZ_URL;
export const socketUrl = url.replace(/^http/, 'ws');
export const headers = { authorization: `Bearer ${process.env.KURZ_KEY}` };

const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0' };

/** Follows a short URL as a browser does, as far as Kurz. */
export async function visit(shortUrl) {
  const { status } = await fetch(shortUrl, { headers: browser, redirect: 'manual' });
  assert.equal(status, 302);
}

/** The data of an operation that no client library is needed for; fails on errors. */
export async function ask(query, variables) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

/** A new link with `id` and `shortUrl`. */
export async function makeLink(input = {}) {
  const document = `mutation ($input: CreateLinkInput!) {
    createLink(input: $input) { link { id code shortUrl } userErrors { code } }
  }`;
  const { createLink } = await ask(document, { input: { destinationUrl: 'https://example.com/', ...input } });
  assert.deepEqual(createLink.userErrors, []);
  return createLink.link;
}

/** The first answer that is one; gives up after a minute. */
export async function until(question) {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    const answer = await question();
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`${question} did not come true`);
}
