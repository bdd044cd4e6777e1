// Path keys: a path with its parts in reverse order, so that the end of a path is the beginning of its key.

/** `a/b/c.txt` → `c.txt/b/a`. Bytes that are not UTF-8 become U+FFFD: whoever finds by key compares the path itself. */
export function pathKey(path: string): string {
  return path.toWellFormed().split('/').reverse().join('/');
}

/** Bounds of the keys of all paths that end with the parts of `path` and have more before them: low < key < high. */
export function keysBelow(path: string): { readonly low: string; readonly high: string } {
  const key = pathKey(path);
  return { low: `${key}/`, high: `${key}0` };
}

/** True where `whole` is `end` or ends with its parts. */
export function endsWithPath(whole: string, end: string): boolean {
  return whole === end || whole.endsWith(`/${end}`);
}
