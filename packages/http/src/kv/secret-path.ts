/**
 * The path of a secret as captured behind `data/` and the like; undefined where none can be: there is no name, or a slash follows it. Such a
 * path is no error: it addresses what cannot exist. (OpenBao finds the metadata of `foo` under `foo/`, and loses its values.)
 */
export function secretPath({ path = '' }: Readonly<Record<string, string>>): string | undefined {
  return path === '' || path.endsWith('/') ? undefined : path;
}
