export function findChromium(): Promise<{ readonly path: string; readonly env: Record<string, string> }>;
