const BLANK = /^\p{White_Space}$/u;

/**
 * The one name that a policy goes by: trimmed and in lower case. Every name that comes in goes through this before it is compared with `root` or
 * with anything else; a name that was compared first and folded later has let ` Root ` become root.
 */
export function canonicalName(name: string): string {
  // By hand: a regular expression for white space at the end looks at a run of it in the middle again and again.
  let start = 0;
  let end = name.length;
  while (start < end && BLANK.test(name.charAt(start))) start++;
  while (start < end && BLANK.test(name.charAt(end - 1))) end--;
  return lowerCased(name.slice(start, end));
}

/** Lower case character by character, as Go does it: `Σ` at the end of a word and `İ` would otherwise differ. */
export function lowerCased(text: string): string {
  return Array.from(text, (char) => String.fromCodePoint(char.toLowerCase().codePointAt(0)!)).join('');
}
