/** A process that imports folders, as one of several ringlabs: `importer.ts STORE FOLDER...`. */
import { importFolders } from '../import.ts';
import { openHistory } from '../open.ts';
import { storePlace } from '../place.ts';

const [store, ...folders] = process.argv.slice(2);
await using history = await openHistory(storePlace(store));
const { unreadable } = await importFolders(history, folders, { signal: new AbortController().signal });
if (unreadable.length > 0) throw new Error(JSON.stringify(unreadable));
