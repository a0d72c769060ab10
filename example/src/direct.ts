/**
 * Pushes events by invoking the function directly, without a queue.
 *
 * In: events, and a client and a function of the caller. Out: what was written, or an error that says what was not.
 * Pushing the same events twice changes nothing, so whatever is in doubt can be pushed again.
 */

import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';

import { encodeEvents, type PushEvent } from './event.js';

/** What the function wrote. */
export interface PushSummary {
  readonly events: number;
  readonly samples: number;
  readonly series: number;
  /** Write requests to the workspace. */
  readonly requests: number;
}

/** The function ran and answered with an error, or ran out of time. */
export class PushError extends Error {
  override readonly name = 'PushError';
  /**
   * `InvalidEvent`: an event breaks the format. `WriteRejected`: the workspace refuses an event. In both cases every
   * other event was written. `WriteFailed`: not everything could be written now. Else an error type of Lambda's own.
   */
  readonly errorType: string;

  constructor(errorType: string, message: string) {
    super(message);
    this.errorType = errorType;
  }

  /** Whether the same events may well be written when they are pushed again. */
  get mayPassLater(): boolean {
    return this.errorType !== 'InvalidEvent' && this.errorType !== 'WriteRejected';
  }
}

/**
 * Pushes one event or several, at most 6 MB of JSON, and waits until they are written.
 *
 * @throws PushError if not every event was written
 * @throws LambdaServiceException if the function was not invoked: no such function, no permission, too many requests
 */
export async function pushEvents(
  client: LambdaClient,
  functionName: string,
  events: PushEvent | readonly PushEvent[],
): Promise<PushSummary> {
  const command = new InvokeCommand({ FunctionName: functionName, Payload: encodeEvents(events) });
  const { FunctionError, Payload } = await client.send(command);
  const answer = Payload?.transformToString() ?? '';
  if (FunctionError !== undefined) throw pushError(FunctionError, answer);
  return JSON.parse(answer) as PushSummary;
}

/**
 * Hands over one event or several, at most 1 MB of JSON, and does not wait. Lambda invokes the function up to three
 * times; what it cannot write by then is lost unless the function has a destination for failures.
 *
 * @throws LambdaServiceException if Lambda does not take them
 */
export async function pushEventsLater(
  client: LambdaClient,
  functionName: string,
  events: PushEvent | readonly PushEvent[],
): Promise<void> {
  const Payload = encodeEvents(events);
  await client.send(new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event', Payload }));
}

/** Lambda answers for a function that crashed or ran out of time, and then there may be no error type. */
function pushError(functionError: string, answer: string): PushError {
  try {
    const { errorType, errorMessage } = JSON.parse(answer) as { errorType?: string; errorMessage?: string };
    return new PushError(errorType ?? functionError, errorMessage ?? answer);
  } catch {
    return new PushError(functionError, answer);
  }
}
