/** Values with the units of Grafana. */

const PREFIXES: readonly (readonly [number, string])[] = [
  [1e9, ' G'],
  [1e6, ' M'],
  [1e3, ' k'],
];

export function format(value: number, unit: string): string {
  if (unit === 'percentunit') return `${digits(100 * value)}%`;
  if (unit === 's' || unit === 'ms') {
    const seconds = unit === 's' ? value : value / 1_000;
    return seconds !== 0 && Math.abs(seconds) < 1 ? `${digits(1_000 * seconds)} ms` : `${digits(seconds)} s`;
  }
  const suffix = { bytes: 'B', reqps: 'req/s', ops: 'ops/s', cps: 'c/s' }[unit] ?? '';
  const [factor, prefix] = PREFIXES.find(([least]) => Math.abs(value) >= least) ?? [1, suffix && ' '];
  return `${digits(value / factor)}${prefix}${suffix}`.trimEnd();
}

/** Three significant digits. */
function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
