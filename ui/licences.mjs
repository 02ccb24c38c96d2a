// The licence texts of every package that went into the bundle.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Packages that ship no text of their own -> the package of the same repository that does. */
const SAME_REPOSITORY = {
  '@graphiql/plugin-doc-explorer': 'graphiql',
  '@graphiql/plugin-explorer': 'graphiql',
  '@graphiql/plugin-history': 'graphiql',
  'react-compiler-runtime': 'react',
  'react-remove-scroll-bar': 'react-remove-scroll',
};

/** Writes one text file with the licence of each package that `inputs` lie in; answers its name. */
export function licences(inputs, root, folder) {
  const packages = [...new Set(inputs.map((input) => packageOf(path.join(root, input))).filter(Boolean))].sort();
  const text = packages.map((folder) => section(folder, root)).join(`\n\n${'='.repeat(100)}\n\n`);
  const name = `licences-${createHash('sha256').update(text).digest('hex').slice(0, 8).toUpperCase()}.txt`;
  writeFileSync(path.join(folder, name), text);
  return name;
}

/** The folder of the package that a file belongs to; undefined for our own files. */
function packageOf(file) {
  const found = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)/.exec(file);
  return found?.[1];
}

function section(folder, root) {
  const { name, version, license, author } = JSON.parse(readFileSync(path.join(folder, 'package.json')));
  const own = texts(folder);
  const found =
    own.length || !SAME_REPOSITORY[name] ? own : texts(path.join(root, 'node_modules', SAME_REPOSITORY[name]));
  if (!license || !found.length) throw new Error(`${name} ships no licence text: see licences.mjs`);
  const by = typeof author === 'string' ? author : author?.name;
  return [
    [`${name} ${version}`, `Licence: ${license}`, by && `Author: ${by}`].filter(Boolean).join('\n'),
    ...found,
  ].join('\n\n');
}

function texts(folder) {
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|third.?party)/i.test(file));
  return files.sort().map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
}
