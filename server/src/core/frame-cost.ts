/**
 * What a frame counts against what its connection may do: in a second (PROTOCOL §15), and in one turn of the loop.
 *
 * Answers to what the hub sent come as often as the hub sends, whatever the client does: each subscription that is busy
 * acknowledges ten times a second. They count a sixteenth of the rate.
 *
 * A turn is shared by all connections, so that what one of them sends at once costs the others no more than its share. Publishes and
 * acks come in hundreds from those who work hard, are bounded by windows, and cost less together; a command may cost a hundred times
 * as much as they do.
 */
import type { ClientFrame, Invalid, PublishProperties } from '@ringhub/protocol';

type FrameType = ClientFrame['type'] | 'invalid';

const ANSWER = 1 / 16;

/** Of its rate. */
export function frameCost(type: FrameType): number {
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

/** What one connection may have done in a turn before others come: 8 commands, or 1,024 publishes, or 128 with headers, or 4,096 ranges of acks. */
export const TURN_SHARE = 1024;
const COMMAND = 128;
const WITH_HEADERS = 8;
const WITH_PROPERTIES = 2;
const RANGE = 1 / 4;

/** Each so many bytes that wait behind have a command more done in a turn: who sends faster than the rest of the hub works is not held for ever. */
const BYTES_A_COMMAND = 32 * 1024;

/** The share of a connection that has so much waiting behind. */
export const shareOf = (backlogBytes: number): number =>
  TURN_SHARE + COMMAND * Math.floor(backlogBytes / BYTES_A_COMMAND);

/** Of its turn. Headers are most of what it costs to read the publishes that have them. */
export function turnCost(frame: ClientFrame | Invalid): number {
  switch (frame.type) {
    case 'publish':
      return publishCost(frame.properties);
    case 'ack':
    case 'nack':
    case 'reject':
      return 1 + RANGE * frame.ranges.length;
    case 'credit':
    case 'ping':
    case 'pong':
      return 1;
    default:
      return COMMAND;
  }
}

function publishCost({ headers, id, resent, mandatory }: PublishProperties): number {
  if (headers) return WITH_HEADERS;
  return id !== undefined || resent || mandatory ? WITH_PROPERTIES : 1;
}
