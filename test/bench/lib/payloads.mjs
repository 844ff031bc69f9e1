/** An object pattern throughout: a plain string makes a stock server's `JSON.parse` throw at 13–15 µs a call, which hides the rest. */
export const ECHO = Object.freeze({ cmd: 'echo' });

/** About 4 KB: a page of forty structured items. */
const ITEMS = Array.from({ length: 40 }, (_, i) => ({
  id: `item-${1_000 + i}`,
  name: `Thing number ${i}`,
  quantity: (i * 7) % 13,
  price: 199 + i * 50,
  currency: 'EUR',
  tags: ['new', 'blue'],
}));

/** What is sent, and comes back, by name. */
export const PAYLOADS = {
  /** About 100 B. */
  small: {
    id: 'order-000001',
    customer: 'c-4711',
    amount: 12_990,
    currency: 'EUR',
    note: 'two, to be gift-wrapped',
  },
  '4kb': { id: 'page-000001', items: ITEMS },
};

/** Bytes of each as JSON. */
export function payloadSize(name) {
  return Buffer.byteLength(JSON.stringify(PAYLOADS[name]));
}
