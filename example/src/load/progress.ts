/** Formats the progress and the summary of a load. */

import type { Progress } from './generate.js';

const BAR_WIDTH = 30;

/** One line without a newline, such as `[#####.....]  50 %  sent 500  failed 0  100 events/s`. */
export function progressBar(progress: Progress): string {
  const { total, sent, failed } = progress;
  const share = (sent + failed) / total;
  const full = Math.floor(share * BAR_WIDTH);
  const bar = '#'.repeat(full) + '.'.repeat(BAR_WIDTH - full);
  const percent = String(Math.floor(share * 100)).padStart(3);
  return `[${bar}] ${percent} %  sent ${sent}  failed ${failed}  ${speed(progress)} events/s`;
}

/** The totals of a load in one line. */
export function summary(progress: Progress): string {
  const { total, sent, failed, elapsedMs } = progress;
  const unmade = total - sent - failed;
  const stopped = unmade > 0 ? `, stopped before ${unmade} more` : '';
  return `sent ${sent}, failed ${failed}${stopped}, in ${(elapsedMs / 1_000).toFixed(1)} s (${speed(progress)} events/s)`;
}

function speed({ sent, elapsedMs }: Progress): string {
  return elapsedMs > 0 ? ((sent * 1_000) / elapsedMs).toFixed(0) : '0';
}
