import type { Tree } from '@sealkv/core/json';
import { parseTree } from '@sealkv/core/json';
import type * as acl from '../../packages/http/src/policy/acl.ts';
import { parsePolicy } from '../../packages/http/src/policy/parse-policy.ts';
import { Generator, textOf } from './generate.ts';
import type { Answer, Json, Question } from './oracle.ts';
import { Oracle } from './oracle.ts';

export type AclModule = Pick<typeof acl, 'compileAcl' | 'decideAccess' | 'capabilitiesOf'>;

export interface Played {
  readonly triples: number;
  /** How many triples each feature decided. */
  readonly decidedBy: ReadonlyMap<string, number>;
  /** The first one. */
  readonly disagreement?: Disagreement | undefined;
}

export interface Disagreement {
  /** Counted from 1. */
  readonly triple: number;
  readonly policies: readonly string[];
  readonly question: Question;
  readonly expected: unknown;
  readonly met: unknown;
}

export interface PlayOptions {
  readonly seed: number;
  readonly triples: number;
  readonly perSet?: number | undefined;
}

/** Asks the product and the oracle the same until they disagree or have been asked enough. */
export function play({ compileAcl, decideAccess, capabilitiesOf }: AclModule, { seed, triples, perSet = 120 }: PlayOptions): Played {
  const generator = new Generator(seed);
  const decidedBy = new Map<string, number>();
  let asked = 0;
  while (asked < triples) {
    const rules = generator.policies();
    const policies = rules.map(textOf);
    const product = compileAcl(policies.map(parsePolicy));
    const oracle = new Oracle(rules);
    for (let i = 0; i < perSet; i++) {
      const question = generator.question(rules);
      const features = new Set<string>();
      const expected = oracle.decide(question, (feature) => features.add(feature));
      asked++;
      for (const feature of features) decidedBy.set(feature, (decidedBy.get(feature) ?? 0) + 1);
      const access = decideAccess(product, {
        operation: question.operation,
        path: question.path,
        input: treesOf(question.input),
        now: question.now,
        wrapTtlSeconds: question.wrapTtl,
      });
      const met: Answer = { allowed: access.allowed, sudo: access.sudo, limit: access.limit, filter: access.filterPath };
      const differs =
        met.allowed !== expected.allowed || met.sudo !== expected.sudo || met.limit !== expected.limit || met.filter !== expected.filter;
      if (differs || access.isRoot) return { triples: asked, decidedBy, disagreement: { triple: asked, policies, question, expected, met } };
      const capabilities = oracle.capabilities(question.path, question.now);
      const metCapabilities = capabilitiesOf(product, question.path, question.now);
      if (capabilities.join() !== metCapabilities.join())
        return { triples: asked, decidedBy, disagreement: { triple: asked, policies, question, expected: capabilities, met: metCapabilities } };
    }
  }
  return { triples: asked, decidedBy };
}

const KNOWN = new Map<Json, Tree>();

function treesOf(input: Readonly<Record<string, Json>>): ReadonlyMap<string, Tree> {
  return new Map(
    Object.entries(input).map(([name, value]) => {
      const tree = KNOWN.get(value) ?? parseTree(JSON.stringify(value));
      KNOWN.set(value, tree);
      return [name, tree];
    }),
  );
}
