/** No options go deeper; what does may go round in circles. */
const DEEPEST = 8;

/**
 * The JSON of plain data, the same whatever order its keys stand in; `undefined` when there is something in it that is no
 * plain data, such as a function or an instance of a class. A key that is `undefined` counts as left out.
 */
export function plainText(value: unknown, depth = 0): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      return String(value);
    case 'object':
      if (value === null) return 'null';
      if (depth === DEEPEST) return undefined;
      return Array.isArray(value) ? listText(value, depth) : objectText(value, depth);
    default:
      return undefined;
  }
}

function listText(list: readonly unknown[], depth: number): string | undefined {
  const parts = list.map((each) => plainText(each, depth + 1));
  return parts.includes(undefined) ? undefined : `[${parts.join()}]`;
}

function objectText(value: object, depth: number): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  const parts: string[] = [];
  for (const [key, each] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (each === undefined) continue;
    const text = plainText(each, depth + 1);
    if (text === undefined) return undefined;
    parts.push(`${JSON.stringify(key)}:${text}`);
  }
  return `{${parts.join()}}`;
}
