/** A dashboard as an HTML page, with a picture of each panel. */

import type { Dashboard, Panel } from '../test/support/dashboards.js';
import { chart, COLORS } from './chart.js';
import type { Recording, Series } from './recording.js';
import { format } from './units.js';

/** The width of a page in pixels. */
export const WIDTH = 1_200;

const COLUMNS = 24;
const UNIT_HEIGHT = 24;
const HEADER_HEIGHT = 44;
const GAP = 6;

const STYLE = `
  body { margin: 0; background: #f4f5f5; color: #24292e; font: 12px "DejaVu Sans", sans-serif; position: relative }
  h1 { font-size: 17px; margin: 0; position: absolute; left: 12px; top: 12px }
  .note { position: absolute; right: 12px; top: 15px; color: #555 }
  .row { position: absolute; font-weight: bold; line-height: ${UNIT_HEIGHT}px }
  .panel { position: absolute; box-sizing: border-box; background: #fff; border: 1px solid #dcdee0; padding: 5px 8px; overflow: hidden }
  .title { font-weight: bold; height: 17px }
  .value { font-size: 27px; text-align: center; line-height: 50px }
  .none { color: #888; text-align: center; padding-top: 45px }
  .legend { font-size: 10px; line-height: 13px }
  .legend span { margin-right: 8px; white-space: nowrap }
  .legend i { display: inline-block; width: 10px; height: 3px; margin-right: 4px; vertical-align: middle }
  .bar { height: 10px; background: #e4e7e7; margin: 4px 12px }
  .bar div { height: 100% }
`;

/** The height of a page in pixels. */
export function heightOf({ panels }: Dashboard): number {
  return HEADER_HEIGHT + UNIT_HEIGHT * Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h)) + GAP;
}

export function pageOf(
  { title, panels }: Dashboard,
  data: Readonly<Record<number, readonly Series[]>>,
  { startMs, endMs }: Recording,
  note: string,
): string {
  const boxes = panels.map((panel) => {
    const { x, y, w, h } = panel.gridPos;
    const [width, height] = [(WIDTH * w) / COLUMNS - GAP, UNIT_HEIGHT * h - GAP];
    const box = `left:${(WIDTH * x) / COLUMNS + GAP / 2}px;top:${HEADER_HEIGHT + UNIT_HEIGHT * y}px;width:${width}px;height:${height}px`;
    if (panel.type === 'row') return `<div class="row" style="${box}">${escape(panel.title)}</div>`;
    const content = contentOf(panel, data[panel.id] ?? [], { startMs, endMs, width: width - 18, height: height - 58 });
    return `<div class="panel" style="${box}"><div class="title">${escape(panel.title)}</div>${content}</div>`;
  });
  return `<!doctype html><meta charset="utf-8"><style>${STYLE}</style><h1>${escape(title)}</h1><div class="note">${escape(note)}</div>${boxes.join('')}`;
}

interface Area {
  readonly startMs: number;
  readonly endMs: number;
  readonly width: number;
  readonly height: number;
}

function contentOf({ type, fieldConfig }: Panel, series: readonly Series[], area: Area): string {
  const { unit = 'short', min, max, thresholds } = fieldConfig?.defaults ?? {};
  if (series.every(({ points }) => points.length === 0)) return '<div class="none">No data</div>';
  if (type === 'timeseries') {
    const legend = series.map(
      ({ label }, number) =>
        `<span><i style="background:${COLORS[number % COLORS.length]}"></i>${escape(label)}</span>`,
    );
    return `${chart(series, { ...area, unit, min, max })}<div class="legend">${legend.join('')}</div>`;
  }
  const value = series[0]?.points.at(-1)?.[1] ?? 0;
  const color = thresholds?.steps.findLast((step) => value >= (step.value ?? -Infinity))?.color ?? '#24292e';
  const text = `<div class="value" style="color:${color}">${escape(format(value, unit))}</div>`;
  if (type === 'stat') return text;
  const share = Math.min(1, value / (max ?? 1));
  return `${text}<div class="bar"><div style="width:${100 * share}%;background:${color}"></div></div>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
