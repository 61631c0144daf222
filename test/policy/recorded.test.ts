import { readFileSync } from 'node:fs';
import { parseTree } from '@sealkv/core/json';
import type { Tree } from '@sealkv/core/json';
import { expect, test } from 'vitest';
import type { AclOperation } from '../../packages/http/src/policy/acl.ts';
import { capabilitiesOf, compileAcl, decideAccess } from '../../packages/http/src/policy/acl.ts';
import { parsePolicy } from '../../packages/http/src/policy/parse-policy.ts';

interface Scenario {
  readonly id: string;
  readonly steps: readonly Step[];
}
interface Step {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly body?: Readonly<Record<string, unknown>>;
    readonly headers?: Readonly<Record<string, string>>;
  };
  readonly expect: { readonly status: number; readonly body?: { readonly data?: unknown } | null };
}

const scenarios = JSON.parse(readFileSync(new URL('../http/vectors/policies.json', import.meta.url), 'utf8')) as readonly Scenario[];

const OPERATION_BY_METHOD: Readonly<Record<string, AclOperation>> = {
  GET: 'read',
  LIST: 'list',
  POST: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Which secrets are there, as far as writes make a create or an update of another write. */
class Existing {
  readonly #keys = new Set<string>();

  operation(method: string, path: string): AclOperation {
    const key = keyOf(path);
    if (method !== 'POST' || key === undefined) return OPERATION_BY_METHOD[method]!;
    return this.#keys.has(key) ? 'update' : 'create';
  }

  answered(method: string, path: string, status: number): void {
    const key = keyOf(path);
    if (key === undefined || status >= 300) return;
    if (method === 'POST') this.#keys.add(key);
    if (method === 'DELETE' && !path.startsWith('secret/data/')) this.#keys.delete(key);
  }
}

function keyOf(path: string): string | undefined {
  return path.startsWith('kv1/') ? path : /^secret\/(?:data|metadata)\/(.*)$/.exec(path)?.[1];
}

test.each(scenarios)('$id: capabilities and refusals are as recorded', ({ steps }) => {
  const policies = steps
    .filter(({ request }) => request.path.startsWith('/v1/sys/policies/acl/'))
    .map(({ request }) => String(request.body?.['policy']));
  const acl = compileAcl(policies.map(parsePolicy));
  const existing = new Existing();
  let asked = 0;
  for (const { request, expect: expected } of steps) {
    const { method, body, headers } = request;
    let path = decodeURIComponent(request.path.slice('/v1/'.length));
    if (path === 'sys/capabilities') {
      const byPath = expected.body?.data as Readonly<Record<string, readonly string[]>>;
      for (const one of (body?.['paths'] ?? []) as readonly string[]) expect({ [one]: capabilitiesOf(acl, one, 0) }).toEqual({ [one]: byPath[one] });
      asked++;
    }
    if (path.startsWith('sys/') || path.startsWith('auth/')) continue;
    const { status } = expected;
    // A write to a folder is refused before policies are asked.
    const isAsked = headers?.['X-Vault-Token'] === '{{tok}}' && !(path.endsWith('/') && (method === 'POST' || method === 'PATCH'));
    if (method === 'LIST' && !path.endsWith('/')) path += '/';
    if (isAsked) {
      const input = parseTree(JSON.stringify(body ?? {})) as ReadonlyMap<string, Tree>;
      const { allowed } = decideAccess(acl, { operation: existing.operation(method, path), path, input, now: 0 });
      expect(`${method} ${path} ${allowed}`).toBe(`${method} ${path} ${status !== 403}`);
      asked++;
    }
    existing.answered(method, path, status);
  }
  expect(asked).toBeGreaterThan(0);
});
