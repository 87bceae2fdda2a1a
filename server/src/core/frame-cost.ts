/**
 * What a frame counts against the rate of its connection (PROTOCOL §15).
 *
 * Answers to what the hub sent come as often as the hub sends, whatever the client does: each subscription that is busy
 * acknowledges ten times a second. They count a sixteenth.
 */
import type { ClientFrame } from '@ringhub/protocol';

const ANSWER = 1 / 16;

export function frameCost(type: ClientFrame['type'] | 'invalid'): number {
  switch (type) {
    case 'ack':
    case 'nack':
    case 'reject':
    case 'pong':
      return ANSWER;
    default:
      return 1;
  }
}
