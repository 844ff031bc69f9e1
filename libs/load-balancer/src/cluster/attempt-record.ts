/** How one attempt on one node ended. */
export type AttemptOutcome =
  /** The node answered; an application error is an answer too. */
  | 'answered'
  /** An event was handed to the connection; no answer is expected. */
  | 'sent'
  /** The connection could not be made, or the message was never written: certainly not processed. */
  | 'refused'
  /** The server refused it before any handler ran: it is about to stop, or has more to do than it can. */
  | 'rejected'
  /** It was sent, then the connection went: whether it was processed is not known. */
  | 'lost'
  /** The call's deadline passed while the node had it. */
  | 'timed-out'
  /** The caller went away, or another attempt was answered first. */
  | 'cancelled';

/** What errors tell of one attempt. */
export interface AttemptRecord {
  /** `host:port` */
  readonly node: string;
  readonly outcome: AttemptOutcome;
  /** How long it took, in milliseconds. */
  readonly duration: number;
  /** Why it failed, in a few words. */
  readonly reason: string;
}
