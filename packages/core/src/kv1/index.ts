export type { Kv1Options, Kv1Secret } from '../kv1-engine.ts';
export { Kv1Engine } from '../kv1-engine.ts';
