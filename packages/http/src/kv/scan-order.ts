/** Paths in the order in which OpenBao scans: of every folder first its own secrets, then its subfolders, the last one first. */
export function scanOrder(paths: readonly string[]): string[] {
  const own: string[] = [];
  const pathsByFolder = new Map<string, string[]>();
  for (const path of paths) {
    const slash = path.indexOf('/');
    if (slash < 0) {
      own.push(path);
      continue;
    }
    const folder = path.slice(0, slash + 1);
    const inside = pathsByFolder.get(folder);
    if (inside === undefined) pathsByFolder.set(folder, [path.slice(slash + 1)]);
    else inside.push(path.slice(slash + 1));
  }
  const below = [...pathsByFolder].reverse().flatMap(([folder, inside]) => scanOrder(inside).map((path) => folder + path));
  return [...own, ...below];
}
