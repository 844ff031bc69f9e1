import type { ClusterNode } from '../cluster/node.js';
import type { ProbeTarget } from '../health/prober.js';
import type { NodeChannel } from '../transport/node-channel.js';
import type { NodeTransport, ReplyHandler } from '../transport/node-transport.js';
import type { ServerCapabilities } from '../transport/probe-protocol.js';
import { parseProbeAnswer, PLAIN_PROBE, PROBE_PATTERN, PROBE_REQUEST } from '../transport/probe-protocol.js';
import type { ReplyTrailer } from '../transport/reply-trailer.js';

/** A node together with what it takes to reach it. */
export type UpstreamNode = ClusterNode<NodeHandle>;

/** Told once whether the node's connection came. */
export type ConnectedCallback = (error: Error | undefined, transport: NodeTransport | undefined) => void;

/** The side of a node that does I/O: its channel, the calls that wait for it to connect, and its probes. */
export class NodeHandle implements ProbeTarget {
  channel!: NodeChannel;
  /** What its probes told of it; `undefined` for a stock provider. */
  capabilities: ServerCapabilities | undefined;
  /** Was its connection opened at start-up rather than by a call? */
  eager = false;

  /** The connection on which it was told. */
  private learnedFrom: NodeTransport | undefined;
  private waiting: ConnectedCallback[] = [];
  private callsSeen = 0;
  /** The connection on which its load has been asked for and not told yet. */
  private askedOn: NodeTransport | undefined;

  /** @param told receives what the server tells of itself in the answers to probes */
  constructor(
    private readonly node: ClusterNode<NodeHandle>,
    private readonly told: (trailer: ReplyTrailer) => void,
  ) {}

  get connected(): boolean {
    return this.channel.connected;
  }

  /** Opens the connection of an idle node; the callback comes once, when it is there or has failed. */
  whenConnected(callback: ConnectedCallback): void {
    this.waiting.push(callback);
    this.channel.connect();
  }

  /** Tells those who wait what became of the connection. */
  connectionSettled(error: Error | undefined): void {
    if (this.waiting.length === 0) return;
    const waiting = this.waiting;
    this.waiting = [];
    for (const callback of waiting) callback(error, error ? undefined : this.channel.transport);
  }

  /** Ends its connection for good; calls that wait for one are told. */
  close(reason: string): void {
    this.channel.close();
    this.node.setConnection('disconnected', reason);
    this.connectionSettled(new Error(reason));
  }

  wasUsed(): boolean {
    const { calls, inFlight } = this.node.snapshot();
    const used = inFlight > 0 || calls !== this.callsSeen;
    this.callsSeen = calls;
    return used;
  }

  /** Any answer to the reserved pattern proves life; a handled one tells what the server can do. */
  probe(done: (error?: Error) => void): () => void {
    const { transport } = this.channel;
    if (!transport) {
      done(new Error('not connected'));
      return () => undefined;
    }
    const reply: ReplyHandler = {
      next: (response) => {
        this.learn(parseProbeAnswer(response), transport);
        done();
      },
      complete: () => done(),
      error: () => {
        // There may have been a server of ours at this address before.
        this.learn(undefined, transport);
        done();
      },
      lost: (cause) => done(cause),
    };
    const data = transport.readsTrailers ? PROBE_REQUEST : PLAIN_PROBE;
    const request = transport.request({ pattern: PROBE_PATTERN, data }, reply);
    return () => transport.forget(request, false);
  }

  /**
   * Asks a server of ours for its load; what it says comes as all that it tells. Nobody waits for it, so it takes no time
   * out, and silence proves nothing. At most one is under way; a node that is not connected, or cannot tell, is not asked.
   */
  requestLoad(): void {
    const { transport } = this.channel;
    if (!transport?.readsTrailers || this.askedOn === transport) return;
    if (this.learnedFrom !== transport || this.capabilities === undefined) return;
    this.askedOn = transport;
    const settle = (): void => {
      if (this.askedOn === transport) this.askedOn = undefined;
    };
    const reply: ReplyHandler = {
      next: (response) => {
        settle();
        const answer = parseProbeAnswer(response);
        if (answer) this.tell(answer);
      },
      complete: settle,
      error: settle,
      lost: settle,
    };
    try {
      transport.request({ pattern: PROBE_PATTERN, data: PROBE_REQUEST }, reply);
    } catch {
      // The user's serializer will not have it: whoever picks a node is not to suffer for that, nor to try again.
    }
  }

  /**
   * Nagle's algorithm is switched off towards servers of ours, which switch it off, too. A stock server leaves it on: it
   * holds its second reply until the first one is acknowledged, which Linux delays by 40 ms unless something is sent.
   * Towards such a server Nagle stays on here as well, as in `ClientTCP`, since what it holds back carries that very
   * acknowledgement once it leaves.
   */
  private learn(capabilities: ServerCapabilities | undefined, transport: NodeTransport): void {
    const known = this.learnedFrom === transport ? this.capabilities?.idempotent : undefined;
    this.learnedFrom = transport;
    // The marks of the handlers are told once a connection.
    this.capabilities = capabilities && { ...capabilities, idempotent: capabilities.idempotent ?? known };
    if (!capabilities) return;
    transport.unwrap().setNoDelay(true);
    transport.learned(capabilities);
    this.tell(capabilities);
  }

  private tell({ load, draining }: ServerCapabilities): void {
    this.told({ ...(load && { load }), ...(draining && { draining }) });
  }

  probeVerdict(verdict: 'healthy' | 'unhealthy', reason: string): void {
    this.node.setProbe(verdict, reason);
  }

  /**
   * A connection that goes on being silent may be half open: after a partition it would stay dumb until TCP's own
   * retransmission comes round, minutes later. A new one is not made while calls may still be answered on the old one.
   */
  probeFailed(): void {
    if (this.node.status === 'unhealthy' && this.node.inFlight === 0)
      this.channel.reset('its probes got no answer');
  }

  reconnect(): void {
    this.channel.connect();
  }
}
