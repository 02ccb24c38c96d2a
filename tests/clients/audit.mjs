// Writes what graphql-http's audit says of the server into the file given: a list of {id, name, status, reason}.
import { writeFileSync } from 'node:fs';
import { auditServer } from 'graphql-http';
import { url } from './kurz.mjs';

// As any client does that sends queries by GET.
const fetchFn = (address, init = {}) =>
  fetch(address, { ...init, headers: { ...init.headers, 'graphql-require-preflight': '1' } });

const checks = await auditServer({ url, fetchFn });
writeFileSync(process.argv[2], JSON.stringify(checks.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
