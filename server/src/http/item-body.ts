/**
 * Items of a page or a stream as JSON objects: `{exchange, key, text | b64, …}` for a message, `{count, reason, ranges}`
 * for a gap.
 */
import { type Item, payloadToJson } from '@ringhub/protocol';

export function itemBody(item: Item): object {
  switch (item.kind) {
    case 'message': {
      const { kind, payload, ...fields } = item;
      return {
        ...fields,
        ...(typeof payload === 'string' ? { text: payload } : (payloadToJson(payload) as object)),
      };
    }
    case 'gap':
      return item.gap;
    case 'snapshot-end':
      return { cursor: item.cursor, complete: item.complete };
    default:
      return item satisfies never;
  }
}

/** As an entry of a list, where nothing else says what it is. */
export function listedItem(item: Item): object {
  return { type: item.kind, ...itemBody(item) };
}
