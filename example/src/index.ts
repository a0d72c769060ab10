/** Producers for the push gateway: through its queue, or directly. */

export { type PushSummary, PushError, pushEvents, pushEventsLater } from './direct.js';
export { encodeEvents, type PushEvent } from './event.js';
export { MAX_BATCH_BYTES, MAX_BATCH_MESSAGES, type Message } from './message-batch.js';
export {
  MessagesNotSentError,
  sendEvents,
  type SendEventsOptions,
  sendMessages,
  type SendOptions,
  type UnsentMessage,
} from './queue.js';
