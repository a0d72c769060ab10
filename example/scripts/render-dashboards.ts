/**
 * Draws the panels of a recording, as pictures for the documentation: `npm run render -- RECORDING`. It writes
 * `docs/images/dashboard-*.png` with Chromium, which the variable `CHROMIUM` names.
 *
 * The layout, titles and units are those of the dashboards, but nothing here is Grafana.
 */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { readDashboard } from '../test/support/dashboards.js';
import { heightOf, pageOf, WIDTH } from './page.js';
import type { Recording } from './recording.js';

const IMAGES = resolve(import.meta.dirname, '..', '..', '..', 'docs', 'images');

const NOTES = {
  functions: 'Measured on the local stack',
  gateway: 'Measured on the local stack',
  workspace: 'Sample values: the local stack has no usage metrics of AMP',
} as const;

const file = process.argv[2];
if (file === undefined) throw new Error('expected the path of a recording');
const recording = JSON.parse(await readFile(file, 'utf8')) as Recording;
for (const name of ['functions', 'gateway', 'workspace'] as const) {
  const dashboard = await readDashboard(name);
  const page = pageOf(dashboard, recording.panels[name] ?? {}, recording, NOTES[name]);
  await screenshot(page, heightOf(dashboard), join(IMAGES, `dashboard-${name}.png`));
}

async function screenshot(html: string, height: number, png: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'dashboard-'));
  try {
    const page = join(directory, 'page.html');
    await writeFile(page, html);
    await promisify(execFile)(process.env['CHROMIUM'] ?? 'chromium', [
      '--headless',
      // Chromium has no sandbox for root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--hide-scrollbars',
      `--user-data-dir=${join(directory, 'profile')}`,
      `--window-size=${WIDTH},${height}`,
      `--screenshot=${png}`,
      pathToFileURL(page).href,
    ]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
