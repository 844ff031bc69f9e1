import type { JsonSocket } from '@nestjs/microservices';
import { randomBytes } from 'node:crypto';
import type { RawRequest } from '../../support/raw-node.js';
import { answer, RawNode } from '../../support/raw-node.js';

/** Milliseconds that it takes for an answer, as the good ones do. */
const WORK = 75;

/** Sends something that is not the answer it should be. */
type Misbehave = (framed: JsonSocket, request: RawRequest, response: object) => void;

/** What a node can get wrong, one for each way in which an answer can be none. */
export const MISBEHAVIOURS = {
  'answers garbage': ({ netSocket }) => void netSocket.write(randomBytes(64)),
  'truncates its frames': ({ netSocket }, { id }, response) => {
    const text = JSON.stringify({ id, response, isDisposed: true });
    netSocket.write(`${text.length}#${text.slice(0, text.length >> 1)}`);
  },
  // Half of them are nobody's; the others are of another call, which may still be waiting.
  'answers with wrong ids': (framed, { id }, response) => {
    const wrong = Number(id) % 2 === 0 ? `${String(id)}x` : Number(id) + 1;
    framed.sendMessage({ id: wrong, response, isDisposed: true });
  },
  'closes after each reply': (framed, request, response) => {
    answer(framed, request, response);
    framed.netSocket.end();
  },
} satisfies Record<string, Misbehave>;

export type Misbehaviour = keyof typeof MISBEHAVIOURS;

/** A node without Nest, that serves well until it is told to misbehave. */
export class FaultyNode {
  /** Requests there have been. */
  requests = 0;
  private misbehaviour: Misbehave | undefined;
  private node: RawNode | undefined;

  private constructor(readonly name: string) {}

  static async listen(name: string): Promise<FaultyNode> {
    const faulty = new FaultyNode(name);
    faulty.node = await RawNode.serving((request, framed) => faulty.serve(request, framed));
    return faulty;
  }

  get address(): string {
    return this.node?.address ?? '';
  }

  misbehave(how: Misbehaviour): void {
    this.misbehaviour = MISBEHAVIOURS[how];
  }

  close(): void {
    this.node?.close();
  }

  private serve(request: RawRequest, framed: JsonSocket): void {
    this.requests++;
    const { id } = (request.data ?? {}) as { id?: unknown };
    // A probe is answered without delay.
    setTimeout(
      () => {
        if (framed.netSocket.destroyed) return;
        const response = { id, node: this.name };
        if (this.misbehaviour) this.misbehaviour(framed, request, response);
        else answer(framed, request, response);
      },
      id === undefined ? 0 : WORK,
    );
  }
}
