/** Exact JSON text: checked, merged and reduced without losing a digit or the order of members. */
export type { JsonObject, JsonText, JsonValue, Tree } from './json-text.ts';
export { checkJsonText, encodeJson, mergePatch, parseJson, parseTree, printTree, subkeys } from './json-text.ts';
