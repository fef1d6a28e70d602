// Compiles a folder of Python to `.pyc` with Pyodide's own interpreter, and lists what pages import at their start.
//
//   node compile.mjs NODE_MODULES TREE OUT
//
// TREE is the folder of all Python sources. Each is written to OUT with the suffix `.pyc`; the files that
// `warm_up.py` loads are listed in OUT/loaded.json, archive by archive.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [modules, tree, out] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${modules}/pyodide/pyodide.mjs`).href);
const python = await loadPyodide({ stdLibURL: `${modules}/pyodide/python_stdlib.zip` });
const { FS } = python;
for (const [path, root] of [['/tree', tree], ['/out', out]]) {
  FS.mkdir(path);
  FS.mount(FS.filesystems.NODEFS, { root }, path);
}
const source = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
python.globals.set('warm_up', source('warm_up.py'));
try {
  await python.runPythonAsync(source('compile.py'));
} catch (error) {
  // Left alone, Node would print Pyodide's whole script, and not the traceback.
  console.error(error.message);
  process.exitCode = 1;
}
