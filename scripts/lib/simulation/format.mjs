import { count } from '../terminal.mjs';

export const FIGURE_NAMES = {
  p50: 'p50',
  p90: 'p90',
  p99: 'p99',
  p999: 'p99.9',
  max: 'max',
  failed: 'failed',
};

/** Milliseconds, with as many digits as they are worth. */
export function ms(value) {
  if (!Number.isFinite(value)) return '–';
  return value < 10 ? value.toFixed(1) : count(Math.round(value));
}

/** 0.0123 → `1.23 %`; nothing is rounded to zero. */
export function percent(share) {
  if (!Number.isFinite(share)) return '–';
  if (share === 0) return '0 %';
  return share < 0.0001 ? '< 0.01 %' : `${(share * 100).toFixed(share < 0.1 ? 2 : 1)} %`;
}

export function figure(name, value) {
  return name === 'failed' ? percent(value) : ms(value);
}

/** `p99 ≤ 120 ms` */
export function barText({ figure: name, limit }) {
  if (name === 'failed') return limit === 0 ? 'none failed' : `failed ≤ ${percent(limit)}`;
  return `${FIGURE_NAMES[name]} ≤ ${ms(limit)} ms`;
}

/** The columns of every table, and the cells of one strategy without its bars. */
export const COLUMNS = ['strategy', 'p50', 'p99', 'p99.9', 'max', 'failed', 'attempts a call'];

export function cells({ strategy, figures }) {
  const latencies = ['p50', 'p99', 'p999', 'max'].map((name) => ms(figures[name]));
  return [strategy, ...latencies, percent(figures.failed), figures.attempts.toFixed(3)];
}

export function escape(text) {
  return String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
