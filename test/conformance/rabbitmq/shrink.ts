/** Makes a topology that differs smaller, for as long as it still differs. */
import type { Operation, Topology } from './topology.ts';

/** @param differs plays a topology */
export async function shrink(
  topology: Topology,
  differs: (smaller: Topology) => Promise<boolean>,
): Promise<Topology> {
  let { operations } = topology;
  const isStill = async (smaller: readonly Operation[]): Promise<boolean> => {
    if (smaller.length === 0 || !(await differs({ ...topology, operations: smaller }))) return false;
    operations = smaller;
    return true;
  };
  for (let size = Math.ceil(operations.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = operations.length - size; at >= 0; at -= size)
      await isStill([...operations.slice(0, at), ...operations.slice(at + size)]);
  }
  for (let at = 0; at < operations.length; at++) {
    for (const simpler of simplerOnes(operations[at]!)) {
      const changed = [...operations];
      changed[at] = simpler;
      if (await isStill(changed)) break;
    }
  }
  return { ...topology, operations };
}

/** The same operation with less to it, least first. */
function* simplerOnes(operation: Operation): Generator<Operation> {
  if (operation.does === 'publish') {
    const { headers: _, ttlMs: __, ...bare } = operation;
    yield { ...bare, count: 1, mandatory: false };
    yield { ...operation, count: 1 };
    yield { ...bare };
  } else if (operation.does === 'declare-queue') {
    const { durable, exclusive, autoDelete, ...wishes } = operation.options;
    for (const name of Object.keys(wishes) as (keyof typeof wishes)[]) {
      const { [name]: _, ...rest } = operation.options;
      yield { ...operation, options: rest };
    }
    if (durable) yield { ...operation, options: { ...operation.options, durable: false } };
  } else if (operation.does === 'declare-exchange') {
    const { alternate: _, ...rest } = operation.options;
    yield { ...operation, options: { ...rest, durable: false, internal: false, autoDelete: false } };
    yield { ...operation, options: rest };
  }
}
