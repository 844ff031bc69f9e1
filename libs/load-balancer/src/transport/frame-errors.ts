/**
 * What can be wrong with a frame or its connection. Names and messages are Nest's own (`@nestjs/microservices/errors`,
 * which its public root does not export), so that logs and matchers written for stock Nest keep working.
 */
export abstract class FrameError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
  }
}

/** A frame began with something that is not a length. */
export class CorruptedPacketLengthException extends FrameError {
  constructor(rawContentLength: string) {
    super(`Corrupted length value "${rawContentLength}" supplied in a packet`);
  }
}

/** A frame announced more characters than `maxBufferSize`. */
export class MaxPacketLengthExceededException extends FrameError {
  constructor(length: number) {
    super(`The packet length (${length}) exceeds the maximum allowed length`);
  }
}

/** Characters of a refused message that its error repeats: enough to recognise it, not enough to flood a log. */
const QUOTED_LENGTH = 256;

/** A frame was complete, but is not JSON. Unlike Nest's, the message quotes only the beginning of it. */
export class InvalidJSONFormatException extends FrameError {
  constructor(cause: Error, data: string) {
    const quoted = data.length > QUOTED_LENGTH ? `${data.slice(0, QUOTED_LENGTH)}…` : data;
    super(`Could not parse JSON: ${cause.message}\nRequest data: ${quoted}`, cause);
  }
}

/** The peer stopped in the middle of a frame. */
export class IncompleteMessageTimeoutException extends FrameError {
  constructor(bufferedLength: number, timeout: number) {
    super(
      `The remote peer stopped sending in the middle of a packet (${bufferedLength} character(s) buffered) and did not send anything for ${timeout}ms`,
    );
  }
}

/** More is queued for the peer than `maxSendBufferSize`. */
export class MaxSendBufferSizeExceededException extends FrameError {
  constructor(bufferedBytes: number, maxBufferSize: number) {
    super(
      `The remote peer is not reading its responses: ${bufferedBytes} byte(s) are queued for it, which exceeds the maximum allowed ${maxBufferSize}`,
    );
  }
}

/** A message was handed to a connection that takes no more. */
export class NetSocketClosedException extends FrameError {
  constructor() {
    super('The net socket is closed.');
  }
}
