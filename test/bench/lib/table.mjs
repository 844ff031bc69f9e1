import { pad } from '../../../scripts/lib/terminal.mjs';

/** @typedef {{ title: string, columns: string[], rows: string[][] }} Table columns of numbers stand to the right */

/** The table for a terminal. @param {Table} table */
export function textTable({ title, columns, rows }) {
  const all = [columns, ...rows].map((row) => row.map((cell) => cell.replaceAll('`', '')));
  const widths = columns.map((_, i) => Math.max(...all.map((row) => row[i].length)));
  const lines = all.map((row) =>
    row.map((cell, i) => (isNumeric(rows, i) ? cell.padStart(widths[i]) : pad(cell, widths[i]))).join('  '),
  );
  return [title, ...lines].map((line) => ` ${line}`.trimEnd()).join('\n');
}

/** The same in Markdown, without its title. @param {Table} table */
export function markdownTable({ columns, rows }) {
  const rule = columns.map((_, i) => (isNumeric(rows, i) ? '---:' : '---'));
  return [columns, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function isNumeric(rows, column) {
  return rows.every((row) => /^([-\d–]|$)/.test(row[column]));
}
