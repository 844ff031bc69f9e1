type Figure = string | number | Readonly<Record<string, number>>;

/** Prints what a test has measured, so that a run tells more than that it passed. */
export function printFigures(title: string, figures: Readonly<Record<string, Figure>>): void {
  const width = Math.max(...Object.keys(figures).map(({ length }) => length));
  const lines = Object.entries(figures).map(([name, figure]) => `    ${name.padEnd(width)}  ${text(figure)}`);
  process.stdout.write(`\n  ${title}\n${lines.join('\n')}\n`);
}

export const milliseconds = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function text(figure: Figure): string {
  if (typeof figure === 'string') return figure;
  if (typeof figure === 'number') return String(Math.round(figure * 1_000) / 1_000);
  const parts = Object.entries(figure).sort(([a], [b]) => a.localeCompare(b));
  return parts.length === 0 ? 'none' : parts.map(([name, value]) => `${name} ${value}`).join(', ');
}
