import type { KvStore, ReadTx } from '@sealkv/core';
import { plaintextSealer, SecretEngine } from '@sealkv/core';
import { memoryStore } from '@sealkv/core/memory';
import { describe, expect, test } from 'vitest';

interface Cost {
  requests: number;
  bytes: number;
}

/** A store that counts what is asked of it and what is written to it; and how large a record other than a value ever is. */
function countingStore(): { readonly store: KvStore; readonly cost: Cost; largest: number } {
  const memory = memoryStore();
  const cost: Cost = { requests: 0, bytes: 0 };
  const counting = (tx: ReadTx): ReadTx => ({
    get: (key) => (cost.requests++, tx.get(key)),
    scan: (range) => (cost.requests++, tx.scan(range)),
    scanKeys: (range) => (cost.requests++, tx.scanKeys(range)),
  });
  const store: KvStore = {
    read: (body, options) => memory.read((tx) => body(counting(tx)), options),
    write: (body, options) =>
      memory.write(async (tx) => {
        const outcome = await body(counting(tx));
        cost.requests += outcome.writes.length;
        for (const write of outcome.writes) {
          if (write.kind !== 'put') continue;
          cost.bytes += write.key.length + write.value.length;
          if (!isValue(write.key)) counted.largest = Math.max(counted.largest, write.value.length);
        }
        return outcome;
      }, options),
    close: () => memory.close(),
  };
  const counted = { store, cost, largest: 0 };
  return counted;
}

const isValue = (key: string): boolean => /\/i\/[^/]+\/v[^/]*$/.test(key);

const VALUE = { username: 'ada', password: 'correct horse battery staple', url: 'postgres://db.example.com:5432/app' };
// Once in so many puts a page of version entries is closed, so this is what a mean is taken over.
const CYCLE = 8;

async function bench(maxVersions: number) {
  const counted = countingStore();
  const secrets = new SecretEngine({ store: counted.store, sealer: plaintextSealer() });
  await secrets.putMetadata('a', { maxVersions });
  const meanOfNextPuts = async (): Promise<Cost> => {
    Object.assign(counted.cost, { requests: 0, bytes: 0 });
    for (let n = 0; n < CYCLE; n++) await secrets.put('a', VALUE);
    return { requests: counted.cost.requests / CYCLE, bytes: counted.cost.bytes / CYCLE };
  };
  const putUpTo = async (from: number, to: number): Promise<void> => {
    for (let first = from; first <= to; first += 1000)
      await secrets.atomic((tx) => {
        for (let version = first; version < first + 1000 && version <= to; version++) tx.put('a', VALUE);
      });
  };
  return { counted, secrets, meanOfNextPuts, putUpTo };
}

describe('the cost of a put does not grow with the number of versions', () => {
  test('at 10,000 versions it costs at most 1.2 times what it costs at 1', async () => {
    const { meanOfNextPuts, putUpTo } = await bench(1_000_000);
    await putUpTo(1, 1);
    const few = await meanOfNextPuts();
    await putUpTo(2 + CYCLE, 10_000);
    const many = await meanOfNextPuts();
    console.log(`FIGURE a put at 1 and at 10,000 versions: ${text(few)}, ${text(many)}`);
    expect(many.requests / few.requests).toBeLessThanOrEqual(1.2);
    expect(many.bytes / few.bytes).toBeLessThanOrEqual(1.2);
  });

  test('nor with the number of versions that were pruned', async () => {
    const { meanOfNextPuts, putUpTo } = await bench(10);
    await putUpTo(1, 20);
    const few = await meanOfNextPuts();
    await putUpTo(21 + CYCLE, 10_000);
    const many = await meanOfNextPuts();
    console.log(`FIGURE a put that prunes, at version 20 and at 10,000: ${text(few)}, ${text(many)}`);
    expect(many.requests / few.requests).toBeLessThanOrEqual(1.2);
    expect(many.bytes / few.bytes).toBeLessThanOrEqual(1.2);
  });
});

test('at 100,000 versions no record other than a value exceeds 64 KB, and all of it goes with two writes', async () => {
  const { counted, secrets, meanOfNextPuts, putUpTo } = await bench(1_000_000);
  await putUpTo(1, 100_000);
  await meanOfNextPuts();
  await secrets.destroy('a', [1, 50_000, 100_000]);
  console.log(`FIGURE the largest record that is no value, at 100,000 versions: ${counted.largest} bytes`);
  expect(counted.largest).toBeLessThan(64 * 1024);
  const before = counted.cost.requests;
  await secrets.deleteMetadata('a');
  expect(counted.cost.requests - before).toBe(4); // reads the mount and the head, deletes the head and a range
});

function text({ requests, bytes }: Cost): string {
  return `${requests} requests and ${Math.round(bytes)} bytes`;
}
