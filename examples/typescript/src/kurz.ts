// The two ways to ask Kurz: one answer by HTTP, many by WebSocket. Both take the documents that codegen has typed.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws'; // Node 22 and browsers bring their own
import type { TypedDocumentString } from './gql/graphql.js';

const url = process.env.KURZ_URL ?? 'http://localhost:8000/graphql';
const headers = { Authorization: `Bearer ${process.env.KURZ_KEY ?? ''}` };

interface Answer<Data> {
  data?: Data | null;
  errors?: { message: string; path?: (string | number)[]; extensions?: { code?: string } }[];
}

/** What the server answers: `errors` beside `data` say which part of it is null, and why. */
export async function ask<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Promise<Answer<Data>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json', Accept: 'application/graphql-response+json' },
    body: JSON.stringify({ query: document.toString(), variables }),
  });
  return (await response.json()) as Answer<Data>;
}

const socket = createClient({ url: url.replace(/^http/, 'ws'), webSocketImpl: WebSocket, connectionParams: headers });

/** The events of a subscription, for `for await`. */
export function live<Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
) {
  return socket.iterate<Data>({ query: document.toString(), variables });
}
