/**
 * The ledger of a scenario: what was sent, and where each event ended.
 *
 * In: every event and every poison message as it is sent. Out: the balance, drawn up from what Prometheus and the
 * queues hold; never from what the function says of itself.
 */

import assert from 'node:assert/strict';

import { encodeEvents, type PushEvent } from '../../src/index.js';
import { type DeadLetter, messageCount, queueArn, readDeadLetters } from './queues.js';
import { type Sample, samplesOf } from './series.js';
import type { Stack } from './stack.js';

/** Longer than any age that a receiver accepts, so that a sample that it should have refused is found, too. */
const RANGE = '3h';

/** Differences that a failure shows. */
const SHOWN_PROBLEMS = 10;

/** A message that must end in the dead-letter queue. */
export interface Poison {
  readonly messageId: string;
  readonly body: string;
  readonly reason: 'invalid' | 'rejected';
  /** The receiver's status, if it was the receiver who refused it. */
  readonly status?: string;
}

/** Where the events are. */
export interface Balance {
  /** Different events. */
  readonly sent: number;
  /** Events that were sent once more. */
  readonly sentAgain: number;
  readonly delivered: number;
  readonly deadLettered: number;
  readonly inFlight: number;
  readonly samples: number;
  readonly series: number;
}

export class Ledger {
  readonly #events = new Map<string, PushEvent>();
  readonly #poison: Poison[] = [];
  /** The samples that must be there, by series and timestamp. */
  readonly #expected = new Map<string, Map<number, number>>();
  #sentAgain = 0;

  /** Notes events that must be delivered. The same event twice must change nothing. */
  note(events: readonly PushEvent[]): void {
    for (const event of events) {
      const identity = encodeEvents(event);
      if (this.#events.has(identity)) this.#sentAgain += 1;
      this.#events.set(identity, event);
      for (const { series, timestamp, value } of samplesOf(event)) {
        const samples = this.#expected.get(series) ?? new Map<number, number>();
        const other = samples.get(timestamp);
        assert.ok(other === undefined || Object.is(other, value), `the test sends two values for one instant: ${identity}`);
        this.#expected.set(series, samples.set(timestamp, value));
      }
    }
  }

  /** Notes messages that must not be delivered. */
  notePoison(...poison: readonly Poison[]): void {
    this.#poison.push(...poison);
  }

  /**
   * Looks for every event in every place, and for whatever nobody sent.
   *
   * @returns the balance as one line, for a person
   * @throws if anything is not exactly where it must be, or is there in another form
   */
  async assertBalanced(stack: Stack): Promise<string> {
    const { sqs, endpoints, workspace } = stack;
    const stored = await workspace.samples(`{__name__=~".+"}[${RANGE}]`);
    const letters = await readDeadLetters(sqs, endpoints.sqs.deadLetterQueueUrl);
    const problems = [
      ...this.#differences(stored),
      ...(await this.#miscounts(stack)),
      ...this.#wrongLetters(letters, await queueArn(sqs, endpoints.sqs.queueUrl)),
    ];
    const balance = {
      sent: this.#events.size + this.#poison.length,
      sentAgain: this.#sentAgain,
      delivered: [...this.#events.values()].filter((event) => isStored(event, stored)).length,
      // SQS stores a message at least once, so a dead letter may be there in several copies.
      deadLettered: new Set(letters.map(messageIdOf)).size,
      inFlight: await messageCount(sqs, endpoints.sqs.queueUrl),
      samples: [...stored.values()].reduce((sum, samples) => sum + samples.length, 0),
      series: stored.size,
    };
    const line = lineOf(balance);
    const shown = problems.slice(0, SHOWN_PROBLEMS).join('\n  ');
    assert.equal(problems.length, 0, `${line}\n${problems.length} differences:\n  ${shown}`);
    assert.equal(balance.sent, balance.delivered + balance.deadLettered + balance.inFlight, line);
    assert.equal(balance.inFlight, 0, line);
    return line;
  }

  /** Compares each series' raw samples with those that were sent, one by one. */
  #differences(stored: ReadonlyMap<string, readonly Sample[]>): string[] {
    const problems: string[] = [];
    for (const name of new Set([...this.#expected.keys(), ...stored.keys()])) {
      const expected = [...(this.#expected.get(name) ?? [])].sort(([one], [other]) => one - other);
      const found = stored.get(name) ?? [];
      if (found.length !== expected.length) problems.push(`${name}: ${found.length} samples instead of ${expected.length}`);
      expected.forEach(([timestamp, value], at) => {
        const sample = found[at];
        if (sample?.timestamp !== timestamp || !Object.is(sample.value, value)) {
          problems.push(`${name}: sample ${at} is ${JSON.stringify(sample)} instead of ${value} at ${timestamp}`);
        }
      });
    }
    return problems;
  }

  /** Lets PromQL count, metric by metric; a count has no metric name. */
  async #miscounts(stack: Stack): Promise<string[]> {
    const problems: string[] = [];
    for (const metric of new Set([...this.#events.values()].flatMap((event) => Object.keys(event.metrics)))) {
      const series = [...this.#expected].filter(([name]) => labelsOf(name)['__name__'] === metric);
      const total = series.reduce((sum, [, samples]) => sum + samples.size, 0);
      const counts = [...(await stack.workspace.values(`count_over_time(${metric}[${RANGE}])`)).values()];
      const counted = counts.reduce((sum, count) => sum + count, 0);
      if (counts.length !== series.length || counted !== total) {
        problems.push(`${metric}: ${counted} samples in ${counts.length} series instead of ${total} in ${series.length}`);
      }
    }
    return problems;
  }

  #wrongLetters(letters: readonly DeadLetter[], source: string): string[] {
    const problems: string[] = [];
    for (const { messageId, body, reason, status } of this.#poison) {
      const copies = letters.filter((letter) => messageIdOf(letter) === messageId);
      const expected = { messageId, body, reason, source, ...(status === undefined ? {} : { status }) };
      try {
        assert.ok(copies.length > 0, 'no such dead letter');
        for (const letter of copies) {
          const { detail, sentTimestamp, ...rest } = { ...Object.fromEntries(letter.attributes), body: letter.body } as Record<string, string>;
          assert.deepEqual(rest, expected);
          assert.match(detail ?? '', /^\S.+$/, 'the detail is one line');
          assert.match(sentTimestamp ?? '', /^\d{13}$/, 'the time of sending is in milliseconds');
        }
      } catch (error) {
        problems.push(`${body.slice(0, 200)}: ${String(error)}`);
      }
    }
    const known = new Set<string | undefined>(this.#poison.map(({ messageId }) => messageId));
    for (const { body, attributes } of letters.filter((letter) => !known.has(messageIdOf(letter)))) {
      problems.push(`unexpected dead letter: ${body.slice(0, 200)} ${JSON.stringify(Object.fromEntries(attributes))}`);
    }
    return problems;
  }
}

function isStored(event: PushEvent, stored: ReadonlyMap<string, readonly Sample[]>): boolean {
  return samplesOf(event).every(({ series, timestamp, value }) =>
    stored.get(series)?.some((sample) => sample.timestamp === timestamp && Object.is(sample.value, value)),
  );
}

/** The id of the message that became this dead letter. */
function messageIdOf({ attributes }: DeadLetter): string | undefined {
  return attributes.get('messageId');
}

function labelsOf(name: string): Record<string, string> {
  return Object.fromEntries(JSON.parse(name) as [string, string][]);
}

function lineOf(balance: Balance): string {
  const { sent, sentAgain, delivered, deadLettered, inFlight, samples, series } = balance;
  const again = sentAgain > 0 ? ` (${sentAgain} of them sent again)` : '';
  return (
    `sent ${sent}${again} = delivered ${delivered} + dead-lettered ${deadLettered} + in flight ${inFlight}; ` +
    `${samples} samples in ${series} series`
  );
}
