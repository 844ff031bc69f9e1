/**
 * May the call go to another node without anybody asking? Only when it is certain that no handler ran: the node refused
 * the connection, or the message was never written; and never once the caller has seen a part of an answer.
 */
export function isTransparentRetry(outcome: 'refused' | 'lost', emitted: boolean): boolean {
  return outcome === 'refused' && !emitted;
}
