import { globSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Entry, KeyRange, ReadTx } from '@sealkv/core';
import type { StoreReport } from '@sealkv/core/check';
import { checkStore } from '@sealkv/core/check';

const RANGE = 'SELECT key, value FROM records WHERE key >= ? AND key < ? ORDER BY key LIMIT ?';

/** `checkStore` on the database of a Durable Object as it lies on disk. Nobody may have it open. */
export async function checkDatabase(dataDir: string): Promise<StoreReport> {
  const [file, ...others] = globSync(join(dataDir, 'do/*/????????????????*.sqlite'));
  if (file === undefined || others.length > 0) throw new Error(`expected the database of one object in ${dataDir}`);
  const database = new DatabaseSync(file);
  try {
    const scan = async ({ from, to, limit = -1 }: KeyRange): Promise<Entry[]> => database.prepare(RANGE).all(from, to, limit) as unknown as Entry[];
    const tx: ReadTx = {
      get: async (key) => (await scan({ from: key, to: `${key}\0` }))[0]?.value,
      scan,
      scanKeys: async (range) => (await scan(range)).map(({ key }) => key),
    };
    const unused = (): never => {
      throw new Error('a check only reads');
    };
    return await checkStore({ read: (body) => body(tx), write: unused, close: unused });
  } finally {
    database.close();
  }
}
