// Bundles GraphiQL into server/graphiql_files/, each file named by its content, with the licence texts of what is inside.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { licences } from './licences.mjs';

const MAIN = 'src/main.jsx';
const ui = import.meta.dirname;
const target = path.join(ui, '..', 'server', 'graphiql_files');
const fresh = `${target}.new-${process.pid}`;
const assets = path.join(fresh, 'assets');

const common = {
  absWorkingDir: ui,
  outdir: assets,
  bundle: true,
  minify: true,
  metafile: true,
  entryNames: '[name]-[hash]',
  chunkNames: 'chunk-[hash]',
  assetNames: '[name]-[hash]',
  target: 'es2022',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  loader: { '.ttf': 'file', '.woff2': 'file', '.graphql': 'text' },
  legalComments: 'none', // The whole texts are in one file beside the bundle.
  logLevel: 'warning',
};

/** The file name of each entry point: {key: 'key-5XM2.js'}. */
function names({ outputs }) {
  const entries = Object.entries(outputs).filter(([, output]) => output.entryPoint);
  return Object.fromEntries(
    entries.map(([file, { entryPoint }]) => [path.parse(entryPoint).name.split('.')[0], path.basename(file)]),
  );
}

async function bundle() {
  const alone = await build({
    ...common,
    format: 'iife',
    entryPoints: [
      'src/key.js',
      'monaco-editor/esm/vs/editor/editor.worker.js',
      'monaco-editor/esm/vs/language/json/json.worker.js',
      'monaco-graphql/esm/graphql.worker.js',
    ],
  });
  const { key, ...workers } = names(alone.metafile);
  const page = await build({
    ...common,
    format: 'esm',
    splitting: true,
    entryPoints: [MAIN],
    define: { ...common.define, WORKERS: JSON.stringify(workers) },
  });
  const [script, { cssBundle }] = Object.entries(page.metafile.outputs).find(
    ([, output]) => output.entryPoint === MAIN,
  );
  const inputs = [alone, page].flatMap(({ metafile }) => Object.keys(metafile.inputs));
  return {
    key,
    script: path.basename(script),
    style: path.basename(cssBundle),
    licences: licences(inputs, ui, assets),
  };
}

mkdirSync(assets, { recursive: true });
try {
  writeFileSync(path.join(fresh, 'manifest.json'), JSON.stringify(await bundle(), null, 2));
  rmSync(target, { recursive: true, force: true });
  renameSync(fresh, target); // A server that is running sees a whole bundle or, for a moment, none.
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
