/** Whether a text fits a pattern in which each `*` stands for any characters, none included. */
export function matchesGlob(pattern: string, text: string): boolean {
  const [start = '', ...parts] = pattern.split('*');
  if (parts.length === 0) return pattern === text;
  const end = parts.pop()!;
  if (text.length < start.length + end.length || !text.startsWith(start) || !text.endsWith(end)) return false;
  // Each part as early as it can be: what is left for the others only gets longer.
  let at = start.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - end.length;
}
