// The headers editor's first content, and what is kept of it between visits: nothing, unless the person says so.

const HINT = '{\n  // "Authorization": "Bearer kurz_..."\n}';

/** What a tab without headers of its own starts with: the key from the address, or where to write one. */
export function takeHeaders() {
  const key = globalThis.kurzKey;
  delete globalThis.kurzKey;
  if (!key) return HINT;
  forgetKeptHeaders();
  return JSON.stringify({ Authorization: `Bearer ${key}` }, null, 2);
}

/** Whether the person chose, in GraphiQL's settings, to keep headers in this browser. */
export function keepsHeaders() {
  return localStorage.getItem('graphiql:shouldPersistHeaders') === 'true';
}

/** A key in the address is newer than the one that was kept. */
function forgetKeptHeaders() {
  localStorage.removeItem('graphiql:headers');
  const kept = localStorage.getItem('graphiql:tabState');
  if (!kept) return;
  const withoutHeaders = (name, value) => (name === 'headers' ? null : value);
  try {
    localStorage.setItem('graphiql:tabState', JSON.stringify(JSON.parse(kept), withoutHeaders));
  } catch {
    localStorage.removeItem('graphiql:tabState');
  }
}
