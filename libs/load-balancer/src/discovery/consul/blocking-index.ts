/**
 * Where a blocking query goes on: with which `index` the next one is to be asked, or `undefined` for one that answers at
 * once (https://developer.hashicorp.com/consul/api-docs/features/blocking).
 *
 * An index that went backwards, as after a restart or a restored snapshot, or that is 0 or no number, begins anew: to wait for one
 * that is far ahead would be to wait for nothing.
 *
 * @param header `X-Consul-Index` of the answer: unsigned, 64 bits
 */
export function nextIndex(previous: bigint | undefined, header: unknown): bigint | undefined {
  if (typeof header !== 'string' || !/^\d{1,20}$/.test(header)) return undefined;
  const index = BigInt(header);
  return index === 0n || (previous !== undefined && index < previous) ? undefined : index;
}
