/**
 * Types the transcript of PROTOCOL §16 into a real hub and compares each answer.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startHub } from '../../server/src/index.ts';
import { transportsHere } from '../contract/uws-here.ts';

const text = readFileSync('protocol/PROTOCOL.md', 'utf8');
const lines = /```transcript\n([\s\S]*?)```/.exec(text)?.[1]?.trim().split('\n') ?? [];

/** `…` stands for anything, but for the line's end. */
const isLike = (pattern: string, line: string): boolean => {
  const parts = pattern.split('…');
  let at = parts[0]!.length;
  if (!line.startsWith(parts[0]!)) return false;
  for (const part of parts.slice(1, -1)) {
    const found = line.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return parts.length === 1 ? line === pattern : line.length >= at && line.endsWith(parts.at(-1)!);
};

test('the comparison can fail', () => {
  expect(isLike('["ok",1]', '["ok",1]')).toBe(true);
  expect(isLike('["ok",…]', '["ok",1]')).toBe(true);
  expect(isLike('["ok",…,2]', '["ok",1,3]')).toBe(false);
  expect(isLike('["ok",1]', '["ok",2]')).toBe(false);
});

test.each(transportsHere)('the transcript is what a hub answers over %s', async (transport) => {
  expect(lines.length).toBeGreaterThan(20);
  const hub = await startHub({ transport });
  const socket = new WebSocket(hub.url, 'ringhub.v1.json');
  const answers: string[] = [];
  let wake = (): void => {};
  socket.on('message', (data) => {
    answers.push(...String(data).split('\n'));
    wake();
  });
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  await new Promise((resolve) => socket.on('open', resolve));
  for (const line of lines) {
    const content = line.slice(2);
    if (line.startsWith('>')) {
      socket.send(content.replace('TOKEN', hub.token));
      continue;
    }
    while (answers.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const answer = answers.shift()!;
    expect(isLike(content, answer), `expected ${content}\n     got ${answer}`).toBe(true);
  }
  expect(await closed).toBe(1000);
  expect(answers).toEqual([]);
  await hub.close();
});
