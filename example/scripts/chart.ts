/** Line charts as SVG. */

import type { Point, Series } from './recording.js';
import { format } from './units.js';

export const COLORS = ['#3274d9', '#e0752d', '#56a64b', '#a352cc', '#c4162a', '#d6a100'];

const LEFT = 68;
const BOTTOM = 16;
const TOP = 6;
const LINES = 4;

export interface Scale {
  readonly startMs: number;
  readonly endMs: number;
  readonly width: number;
  readonly height: number;
  readonly unit: string;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** Lines, with an area below each as Grafana fills it, a grid and the axes. */
export function chart(series: readonly Series[], scale: Scale): string {
  const { startMs, endMs, width, height, unit } = scale;
  const values = series.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite);
  const low = scale.min ?? Math.min(0, ...values);
  const step = niceStep(((scale.max ?? Math.max(...values)) - low) / LINES);
  const high = scale.max ?? low + step * Math.max(1, Math.ceil((Math.max(...values) - low) / step));
  const x = (at: number): number => LEFT + ((width - LEFT - 4) * (at - startMs)) / (endMs - startMs);
  const y = (value: number): number => TOP + (height - TOP - BOTTOM) * (1 - (value - low) / (high - low));
  const grid: string[] = [];
  for (let value = low; value <= high * 1.001; value += step) {
    const at = y(value).toFixed(1);
    grid.push(`<path d="M${LEFT} ${at}H${width - 4}" stroke="#e4e7e7"/>`);
    grid.push(`<text x="${LEFT - 6}" y="${Number(at) + 4}" text-anchor="end">${format(value, unit)}</text>`);
  }
  const minutes = 5 * 60_000;
  for (let at = Math.ceil(startMs / minutes) * minutes; at <= endMs; at += minutes) {
    const time = new Date(at).toISOString().slice(11, 16);
    grid.push(`<text x="${x(at).toFixed(1)}" y="${height - 2}" text-anchor="middle">${time}</text>`);
  }
  const lines = series.map(({ points }, number) => {
    const shown = points.filter(([at, value]) => Number.isFinite(value) && at >= startMs && at <= endMs);
    const path = shown
      .map(([at, value]: Point, index) => `${index === 0 ? 'M' : 'L'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`)
      .join('');
    const [first, last] = [shown[0], shown.at(-1)];
    if (!first || !last) return '';
    const area = `${path}L${x(last[0]).toFixed(1)} ${y(low)}L${x(first[0]).toFixed(1)} ${y(low)}Z`;
    const color = COLORS[number % COLORS.length];
    return `<path d="${area}" fill="${color}" fill-opacity="0.1"/><path d="${path}" fill="none" stroke="${color}" stroke-width="1.5"/>`;
  });
  const svg = `<svg width="${width}" height="${height}" font-size="10" fill="#555">`;
  return `${svg}${grid.join('')}${lines.join('')}</svg>`;
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function niceStep(least: number): number {
  if (!(least > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= least * 0.999) ?? 10);
}
