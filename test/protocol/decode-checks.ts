/**
 * What holds for whatever is read: used by the tests that take vectors apart and by the fuzz tests. Plain
 * conditions rather than `expect`, because they run hundreds of thousands of times.
 */
import {
  type ClientFrame,
  decodeClientMessage,
  decodeServerMessage,
  ERRORS,
  encodeClientFrame,
  type Invalid,
  type ServerFrame,
} from '@ringhub/protocol';
import { expect } from 'vitest';

export const CLIENT_TYPES = new Set<string>([
  'hello',
  'auth',
  'ping',
  'pong',
  'declare',
  'subscribe',
  'unsubscribe',
  'bind',
  'unbind',
  'delete',
  'list',
  'stats',
  'history',
  'declareQueue',
  'deleteQueue',
  'purge',
  'inspect',
  'consume',
  'credit',
  'publish',
  'ack',
  'reject',
  'nack',
  'bye',
] satisfies ClientFrame['type'][]);

/** Frames that are answered by their ref. */
const COMMANDS = [
  'declare',
  'subscribe',
  'unsubscribe',
  'credit',
  'bind',
  'unbind',
  'delete',
  'list',
  'stats',
  'history',
  'declareQueue',
  'deleteQueue',
  'purge',
  'inspect',
  'consume',
  'auth',
];

/** Reads a message as the hub does; checks that the result is frames, or faults that can be answered. */
export function readAsHub(message: string): (ClientFrame | Invalid)[] {
  const read = decodeClientMessage(message);
  if (read.length === 0) expect.fail('a message is a frame or a fault at least');
  read.forEach((frame, i) => {
    if (frame.type === 'invalid') {
      checkFault(frame);
      if (frame.fatal && i < read.length - 1) expect.fail('something was read behind a fatal fault');
      return;
    }
    if (!CLIENT_TYPES.has(frame.type)) expect.fail(`a frame of type ${frame.type}`);
    const line = encodeClientFrame(frame);
    if (line.includes('\n')) expect.fail('a frame is one line');
    const again = decodeClientMessage(line);
    if (again.length !== 1 || again[0]!.type === 'invalid') expect.fail(`not readable again: ${line}`);
    if (encodeClientFrame(again[0] as ClientFrame) !== line) expect.fail(`read differently again: ${line}`);
  });
  return read;
}

export function checkFault(fault: Invalid): void {
  const { scope } = ERRORS[fault.error];
  if (scope !== (fault.fatal ? 'connection' : 'command')) expect.fail(`${fault.error} is of scope ${scope}`);
  if (fault.fatal) {
    if (fault.ref !== undefined || fault.seq !== undefined) expect.fail('a fatal fault answers no command');
    return;
  }
  const field = fault.detail?.field;
  if (typeof field !== 'string' || field.length > 100) expect.fail(`field ${field}`);
  const command = field.slice(0, field.indexOf('.'));
  const hasRef = COMMANDS.includes(command);
  if (hasRef !== (fault.ref !== undefined)) expect.fail(`ref ${fault.ref} for ${command}`);
  if ((command === 'publish') !== (fault.seq !== undefined)) expect.fail(`seq ${fault.seq} for ${command}`);
}

/** Reads a message as a client does; walks over all that a client walks over. */
export function readAsClient(message: string): ServerFrame[] | undefined {
  const read = decodeServerMessage(message);
  for (const frame of read ?? []) walk(frame);
  return read;
}

export function walk(frame: ServerFrame): void {
  switch (frame.type) {
    case 'deliver':
      for (const item of frame.items) {
        if (item.kind === 'gap')
          for (const range of item.gap.ranges) strings(range.log, range.epoch, range.reason);
        else if (item.kind === 'message') strings(item.exchange, item.key, item.contentType, item.log);
        else strings(item.cursor);
      }
      for (const [index, note] of frame.notes) strings(typeof note.replaced, typeof index);
      return;
    case 'confirm':
      for (const run of frame.runs) strings(run.log);
      return;
    case 'welcome':
      for (const queue of frame.queues) strings(typeof queue.was);
      return;
    case 'error':
    case 'refused':
      strings(frame.text);
      return;
    case 'mark':
      strings(frame.cursor);
      return;
    case 'ok':
    case 'ping':
    case 'pong':
    case 'drain':
      return;
    default:
      expect.fail(`a frame of type ${(frame satisfies never as ServerFrame).type}`);
  }
}

function strings(...values: string[]): void {
  for (const value of values) if (typeof value !== 'string') expect.fail(`${value} is no string`);
}

/** Runs `read`, and fails where it left a trace in what all objects share. */
export function leavingPrototypesAlone(read: () => void): void {
  const shared = [Object.prototype, Array.prototype, String.prototype, Number.prototype];
  const names = () => shared.map((prototype) => Reflect.ownKeys(prototype));
  const before = names();
  read();
  expect(names()).toEqual(before);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
}
