import { count } from '../../../scripts/lib/terminal.mjs';

/** A number with as many digits as it is worth: 4.21, 42.1, 421. */
export function number(value) {
  if (!Number.isFinite(value)) return '–';
  const digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0;
  return digits === 0 ? count(Math.round(value)) : value.toFixed(digits);
}

/** `12.3 (11.9–14.0)` */
export function spread(summary, show = number) {
  return summary ? `${show(summary.median)} (${show(summary.min)}–${show(summary.max)})` : '–';
}

/** `0.53×` */
export function times(ratio) {
  return `${ratio.toFixed(2)}×`;
}

/** `0.53× (0.51–0.56)` */
export function ratio(summary) {
  if (!summary) return '–';
  return `${times(summary.median)} (${summary.min.toFixed(2)}–${summary.max.toFixed(2)})`;
}

/** `c=64, small` */
export function cellName({ payload, inFlight }) {
  return `c=${inFlight}, ${payload === 'small' ? 'small' : '4 KB'}`;
}
