import { constants, isAscii } from 'node:buffer';
import { StringDecoder } from 'node:string_decoder';
import {
  CorruptedPacketLengthException,
  InvalidJSONFormatException,
  MaxPacketLengthExceededException,
} from './frame-errors.js';
import { TextRope } from './text-rope.js';

/** Nest's default: 512 MB at four bytes a character. */
export const DEFAULT_MAX_BUFFER_SIZE = (512 * 1024 * 1024) / 4;

/** As many as `Number.MAX_SAFE_INTEGER` has: a longer length is no length, and zeros without end must not be waited for. */
const MAX_LENGTH_DIGITS = 16;
/** Characters of a header repeated by the error that refuses it. */
const QUOTED_HEADER_LENGTH = 32;

const HASH = 0x23;
const DIGIT_ZERO = 0x30;
const NO_LENGTH = -1;

/**
 * Incremental parser of Nest's TCP frames, `<length>#<json>`, the length counted in UTF-16 code units of the JSON text.
 *
 * Chunks go in with `push()`, messages come out with `next()`; a consumer that is short of room simply stops asking. A
 * chunk is decoded once and then read with a cursor, and the length of an unfinished frame is remembered, so the work is
 * linear in the bytes received however they are chopped.
 *
 * Decoding the whole chunk and slicing the text beats decoding frame by frame: a slice of a string shares its memory,
 * and one native call a chunk is cheaper than one a frame.
 *
 * @example
 * ```ts
 * parser.push(chunk);
 * for (let message = parser.next(); message !== undefined; message = parser.next()) handle(message);
 * ```
 */
export class FrameParser {
  /** What has been decoded and not consumed starts at `cursor`. */
  private text = '';
  private cursor = 0;
  /** Length of the frame whose header has been read, or `NO_LENGTH` between frames. */
  private expected = NO_LENGTH;
  /** What has arrived of that frame in earlier chunks. */
  private readonly body = new TextRope();
  private decoder: StringDecoder | undefined;
  /** The last chunk may have ended inside a character, whose rest is then the decoder's to join. */
  private midCharacter = false;
  private failed = false;

  private readonly maxLength: number;

  /** @param maxLength characters that one message may have; no more than V8 lets a string have */
  constructor(maxLength: number = DEFAULT_MAX_BUFFER_SIZE) {
    this.maxLength = Math.min(maxLength, constants.MAX_STRING_LENGTH);
  }

  /** Characters held of messages that have not been handed out. */
  get bufferedLength(): number {
    return this.body.length + this.text.length - this.cursor;
  }

  /** Is there anything that has not been handed out: a part of a frame, or frames that were not asked for? */
  get hasUnfinished(): boolean {
    return this.expected !== NO_LENGTH || this.cursor < this.text.length || this.midCharacter;
  }

  /** Takes what the connection delivered; a string only from a socket on which someone called `setEncoding`. */
  push(chunk: Buffer | string): void {
    if (this.failed) return;
    const decoded = typeof chunk === 'string' ? chunk : this.decode(chunk);
    // Left over are the digits of a split header, or frames not asked for; a split body is in the rope.
    this.text = this.cursor < this.text.length ? this.text.slice(this.cursor) + decoded : decoded;
    this.cursor = 0;
  }

  /**
   * The next whole message, or `undefined` when there is none yet (JSON has no `undefined`).
   *
   * Throws a `FrameError` when what was received is not a sequence of frames. There is no telling where the next frame
   * would begin, so the parser then drops what it has and whatever follows.
   */
  next(): unknown {
    if (this.expected === NO_LENGTH && !this.readHeader()) return undefined;
    const json = this.readBody();
    if (json === undefined) return undefined;
    this.expected = NO_LENGTH;
    try {
      return JSON.parse(json) as unknown;
    } catch (error) {
      throw this.fail(new InvalidJSONFormatException(error as Error, json));
    }
  }

  /** Drops everything, and whatever is still pushed. */
  discard(): void {
    this.failed = true;
    this.text = '';
    this.cursor = 0;
    this.expected = NO_LENGTH;
    this.midCharacter = false;
    this.decoder = undefined;
    this.body.take();
  }

  private decode(chunk: Buffer): string {
    if (!this.midCharacter && isAscii(chunk)) return chunk.toString('latin1');
    this.decoder ??= new StringDecoder('utf8');
    this.midCharacter = chunk.length > 0 ? chunk.readUInt8(chunk.length - 1) > 0x7f : this.midCharacter;
    return this.decoder.write(chunk);
  }

  /** Reads `<length>#`; when the `#` has not come yet, keeps the digits and lets go of the chunk before them. */
  private readHeader(): boolean {
    const { text, cursor: start } = this;
    let length = 0;
    for (let cursor = start; cursor < text.length; cursor++) {
      const code = text.charCodeAt(cursor);
      if (code === HASH && cursor > start) {
        if (length > this.maxLength) throw this.fail(new MaxPacketLengthExceededException(length));
        this.cursor = cursor + 1;
        this.expected = length;
        return true;
      }
      const digit = code - DIGIT_ZERO;
      if (!(digit >= 0 && digit <= 9) || cursor - start >= MAX_LENGTH_DIGITS)
        throw this.fail(this.corruptedLength());
      length = length * 10 + digit;
    }
    this.text = text.slice(start);
    this.cursor = 0;
    return false;
  }

  /** The text of the frame at the cursor, or `undefined` (and what there is of it put by) when it is not all there. */
  private readBody(): string | undefined {
    const { text, cursor, body } = this;
    const end = cursor + this.expected - body.length;
    if (end <= text.length) {
      this.cursor = end;
      const rest = text.slice(cursor, end);
      return body.length === 0 ? rest : body.take(rest);
    }
    if (cursor < text.length) body.append(text.slice(cursor));
    this.text = '';
    this.cursor = 0;
    return undefined;
  }

  private corruptedLength(): CorruptedPacketLengthException {
    const raw = this.text.slice(this.cursor, this.cursor + QUOTED_HEADER_LENGTH);
    const end = raw.indexOf('#');
    return new CorruptedPacketLengthException(end === -1 ? raw : raw.slice(0, end));
  }

  private fail<E extends Error>(error: E): E {
    this.discard();
    return error;
  }
}
