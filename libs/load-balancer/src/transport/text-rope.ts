/** A leaf of this size makes the 32 bytes that V8 spends on each concatenation a matter of 3 %. */
const MIN_LEAF_LENGTH = 1024;
/** Short pieces joined at once. */
const MAX_SHORT_PIECES = 1024;

/**
 * Collects the text of one long message piece by piece, in time and memory linear in its length.
 *
 * Appending to a string is cheap in V8, which only notes the two halves and copies when the text is read. But a note
 * costs 32 bytes: a peer that sends one byte at a time would make a megabyte cost 32. Short pieces are therefore joined
 * before they are appended.
 */
export class TextRope {
  private text = '';
  private short: string[] = [];
  private shortLength = 0;

  /** Characters collected. */
  get length(): number {
    return this.text.length + this.shortLength;
  }

  append(piece: string): void {
    if (piece.length < MIN_LEAF_LENGTH) {
      this.short.push(piece);
      this.shortLength += piece.length;
      if (this.short.length >= MAX_SHORT_PIECES) this.joinShort();
    } else {
      this.joinShort();
      this.text += piece;
    }
  }

  /** Hands over all that was collected, with `last` at its end, and starts afresh. */
  take(last = ''): string {
    this.joinShort();
    const whole = this.text + last;
    this.text = '';
    return whole;
  }

  private joinShort(): void {
    if (this.shortLength === 0) return;
    this.text += this.short.join('');
    this.short = [];
    this.shortLength = 0;
  }
}
