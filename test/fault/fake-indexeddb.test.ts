import 'fake-indexeddb/auto';
import { idbHost } from './idb-host.ts';
import { walkMatrix } from './walk-matrix.ts';

walkMatrix(idbHost('IndexedDB (fake-indexeddb)'));
