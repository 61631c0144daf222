import fc from 'fast-check';

/** One step of a history. Versions and check-and-set numbers are small, so that they often exist. */
export type Action =
  | { readonly kind: 'put'; readonly path: string; readonly n: number; readonly cas: number | 'as read' | undefined }
  | { readonly kind: 'put often'; readonly path: string; readonly times: number }
  | { readonly kind: 'get'; readonly path: string; readonly version: number | undefined }
  | { readonly kind: 'delete'; readonly path: string }
  | { readonly kind: 'delete versions'; readonly path: string; readonly versions: readonly number[] }
  | { readonly kind: 'undelete'; readonly path: string; readonly versions: readonly number[] }
  | { readonly kind: 'destroy'; readonly path: string; readonly versions: readonly number[] }
  | { readonly kind: 'patch'; readonly path: string; readonly n: number | null }
  | ({ readonly kind: 'put metadata'; readonly path: string; readonly metadataCas: number | undefined } & MetadataSettings)
  | { readonly kind: 'get metadata'; readonly path: string }
  | { readonly kind: 'delete metadata'; readonly path: string }
  | ({ readonly kind: 'put config'; readonly deleteVersionAfterMs: number | 'disabled' | undefined } & Settings)
  | { readonly kind: 'list'; readonly folder: string }
  | { readonly kind: 'atomic'; readonly steps: readonly AtomicStep[] }
  | { readonly kind: 'advance'; readonly ms: number };

export type AtomicStep = Extract<Action, { readonly kind: 'put' | 'delete' | 'undelete' | 'destroy' | 'delete metadata' }>;

export interface Settings {
  readonly maxVersions: number | undefined;
  readonly casRequired: boolean | undefined;
}

export interface MetadataSettings extends Settings {
  readonly deleteVersionAfterMs: number | undefined;
  readonly owner: string | null | undefined;
}

// Weighted so that most steps meet something: few paths, low version numbers, check-and-set now and then.
const path = fc.oneof({ arbitrary: fc.constant('a'), weight: 3 }, fc.constantFrom('a/b', 'b'));
const n = fc.nat(99);
const version = fc.oneof({ arbitrary: fc.integer({ min: 1, max: 12 }), weight: 4 }, fc.integer({ min: -1, max: 40 }));
const versions = fc.array(version, { maxLength: 6 });
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined, freq: 2 });
const seldom = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 5 }, { arbitrary, weight: 1 });
const period = fc.constantFrom(0, 1, 500, 1000);
const settings = { maxVersions: optional(fc.constantFrom(0, 1, 2, 9, 20)), casRequired: seldom(fc.boolean()) };

const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name);
const put = fc.record({ kind: kind('put'), path, n, cas: seldom(fc.oneof(fc.nat(2), kind('as read'), kind('as read'))) });
const remove = fc.record({ kind: kind('delete'), path });
const undelete = fc.record({ kind: kind('undelete'), path, versions });
const destroy = fc.record({ kind: kind('destroy'), path, versions });
const deleteMetadata = fc.record({ kind: kind('delete metadata'), path });

const action: fc.Arbitrary<Action> = fc.oneof(
  { arbitrary: put, weight: 6 },
  { arbitrary: fc.record({ kind: kind('put often'), path, times: fc.integer({ min: 2, max: 12 }) }), weight: 3 },
  { arbitrary: fc.record({ kind: kind('get'), path, version: optional(version) }), weight: 6 },
  { arbitrary: remove, weight: 3 },
  { arbitrary: fc.record({ kind: kind('delete versions'), path, versions }), weight: 3 },
  { arbitrary: undelete, weight: 3 },
  { arbitrary: destroy, weight: 3 },
  { arbitrary: fc.record({ kind: kind('patch'), path, n: fc.option(n) }), weight: 2 },
  {
    arbitrary: fc.record({
      kind: kind('put metadata'),
      path,
      metadataCas: seldom(fc.nat(2)),
      deleteVersionAfterMs: optional(period),
      owner: fc.option(optional(fc.constantFrom('ada', 'grace'))),
      ...settings,
    }),
    weight: 3,
  },
  { arbitrary: fc.record({ kind: kind('get metadata'), path }), weight: 4 },
  { arbitrary: deleteMetadata, weight: 1 },
  { arbitrary: fc.record({ kind: kind('put config'), deleteVersionAfterMs: optional(fc.oneof(period, kind('disabled'))), ...settings }), weight: 1 },
  { arbitrary: fc.record({ kind: kind('list'), folder: fc.constantFrom('', 'a', 'b/') }), weight: 2 },
  {
    arbitrary: fc.record({
      kind: kind('atomic'),
      steps: fc.array(fc.oneof(put, put, remove, undelete, destroy, deleteMetadata), { minLength: 1, maxLength: 5 }),
    }),
    weight: 2,
  },
  // Backwards too: clocks are set.
  { arbitrary: fc.record({ kind: kind('advance'), ms: fc.constantFrom(1, 499, 500, 1000, 86_400_000, -500, -86_400_000) }), weight: 4 },
);

export const histories: fc.Arbitrary<Action[]> = fc.array(action, { minLength: 1, maxLength: 60, size: 'max' });
