/** What can be queued: the queue keeps both fields, nobody else writes them. */
export interface Due {
  /** When its turn comes, in the milliseconds of the caller's clock. */
  due: number;
  /** Its place in the heap; -1 while it is not queued. */
  slot: number;
}

/**
 * A binary min-heap by `due` that can move and remove any item in O(log n), since each item knows its slot.
 * It lets one timer serve all nodes of a service: 10 000 interval timers would be 10 000 objects for the same work.
 */
export class DueQueue<T extends Due> {
  private readonly heap: T[] = [];

  get size(): number {
    return this.heap.length;
  }

  /** The item that is due first. */
  peek(): T | undefined {
    return this.heap[0];
  }

  /** Queues the item, or moves it when it is queued already. */
  schedule(item: T, due: number): void {
    item.due = due;
    if (item.slot === -1) {
      item.slot = this.heap.length;
      this.heap.push(item);
    }
    this.settle(item);
  }

  /** Takes the item out; nothing happens when it is not queued. */
  remove(item: T): void {
    const slot = item.slot;
    if (slot === -1) return;
    item.slot = -1;
    const last = this.heap.pop();
    if (last === undefined || last === item) return;
    this.put(last, slot);
    this.settle(last);
  }

  /** Moves the item up, or else down, to where the order holds again. */
  private settle(item: T): void {
    if (!this.rise(item)) this.sink(item);
  }

  private rise(item: T): boolean {
    const from = item.slot;
    while (item.slot > 0) {
      const slot = item.slot;
      const parentSlot = (slot - 1) >> 1;
      const parent = this.heap[parentSlot];
      if (parent === undefined || parent.due <= item.due) break;
      this.put(parent, slot);
      this.put(item, parentSlot);
    }
    return item.slot !== from;
  }

  private sink(item: T): void {
    for (;;) {
      const slot = item.slot;
      const left = this.heap[2 * slot + 1];
      const right = this.heap[2 * slot + 2];
      const child = right !== undefined && left !== undefined && right.due < left.due ? right : left;
      if (child === undefined || item.due <= child.due) return;
      this.put(item, child.slot);
      this.put(child, slot);
    }
  }

  private put(item: T, slot: number): void {
    this.heap[slot] = item;
    item.slot = slot;
  }
}
