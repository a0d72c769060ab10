/**
 * Pushes events by invoking the function directly, without a queue. Pushing the same events twice changes nothing, so
 * retries are safe.
 */

import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';

import { encodeEvents, type PushEvent } from './event.js';

/** The counts of a successful push. */
export interface PushSummary {
  readonly events: number;
  readonly samples: number;
  readonly series: number;
  /** Write requests to the workspace. */
  readonly requests: number;
}

/** The function returned an error or timed out. */
export class PushError extends Error {
  override readonly name = 'PushError';
  /**
   * `InvalidEvent`: an event has an invalid format. `WriteRejected`: the workspace rejected an event. In both cases every
   * other event was written. `WriteFailed`: some events could not be written now. Other types come from Lambda.
   */
  readonly errorType: string;

  constructor(errorType: string, message: string) {
    super(message);
    this.errorType = errorType;
  }

  /** Whether a retry may succeed. */
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
 * Pushes one event or several, at most 1 MB of JSON, without waiting. Lambda invokes the function up to three times;
 * events that it cannot write are lost unless the function has a destination for failures.
 *
 * @throws LambdaServiceException if Lambda rejects the request
 */
export async function pushEventsLater(
  client: LambdaClient,
  functionName: string,
  events: PushEvent | readonly PushEvent[],
): Promise<void> {
  const Payload = encodeEvents(events);
  await client.send(new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event', Payload }));
}

/** If the function crashed or timed out, Lambda creates the payload, which may have no error type. */
function pushError(functionError: string, answer: string): PushError {
  try {
    const { errorType, errorMessage } = JSON.parse(answer) as { errorType?: string; errorMessage?: string };
    return new PushError(errorType ?? functionError, errorMessage ?? answer);
  } catch {
    return new PushError(functionError, answer);
  }
}
