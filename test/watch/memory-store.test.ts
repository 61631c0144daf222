import type { Touched } from '@sealkv/core';
import { memoryStore } from '@sealkv/core/memory';
import { expect, test } from 'vitest';

test('closing a store calls its listeners once more, when it refuses everything already, and never again', async () => {
  const store = memoryStore();
  const heard: (readonly Touched[] | undefined)[] = [];
  let refused: Promise<unknown> | undefined;
  store.onCommit!((touched) => {
    heard.push(touched);
    if (touched === undefined) refused = store.read(async () => undefined);
  });
  const ended = store.onCommit!(() => expect.fail('it was ended'));
  ended();
  await store.write(async () => ({ result: undefined, writes: [{ kind: 'put', key: 'a', value: new Uint8Array(1) }] }));
  await store.close();
  await expect(refused).rejects.toMatchObject({ code: 'CLOSED' });
  await store.close();
  expect(heard).toEqual([[{ kind: 'put', key: 'a' }], undefined]);
});
