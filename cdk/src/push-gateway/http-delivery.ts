/**
 * When the function writes pushes and events that it receives by HTTP. OTLP and remote write are always written before the
 * answer, because their senders repeat what is answered with 503.
 */
export enum HttpDelivery {
  /**
   * Before it answers, with 400 and the reason if a push is invalid. A push that cannot be written now goes to the queue
   * and is answered with 202.
   */
  DIRECT = 'direct',
  /**
   * Later: each push is sent to the queue at once, so that many small pushes become few full write requests. A push that
   * AMP rejects becomes a dead letter.
   */
  QUEUE = 'queue',
}
