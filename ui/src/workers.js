// Where the editor finds its workers: beside this file, on our own host.
/* global WORKERS -- label -> file name, filled in by build.mjs */

globalThis.MonacoEnvironment = {
  getWorker(_id, label) {
    return new Worker(new URL(WORKERS[label] ?? WORKERS.editor, import.meta.url));
  },
};
