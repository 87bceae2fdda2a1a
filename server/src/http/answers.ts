/**
 * What refusals look like over HTTP: `{"error": {code, name, text, detail?}}` with the status of the one error table.
 */
import { ERRORS, type ErrorDetail, type ErrorName } from '@ringhub/protocol';
import type { PublishOutcome } from '../ports/hub-api.ts';

export interface Failure {
  readonly error: ErrorName;
  readonly detail?: ErrorDetail;
}

export interface ErrorBody {
  readonly error: {
    readonly code: number;
    readonly name: string;
    readonly text: string;
    readonly detail?: ErrorDetail;
  };
}

/** When to come back after 429 and 503, in seconds. */
const RETRY_AFTER_S = 1;

export function errorBody({ error, detail }: Failure): ErrorBody {
  const { code, name, text } = ERRORS[error];
  return { error: { code, name, text, ...(detail && { detail }) } };
}

export const statusOf = ({ error }: Failure): number => ERRORS[error].http;

export const failed = (failure: Failure): Response => json(errorBody(failure), statusOf(failure));

/** A refusal that only HTTP has, such as an unknown path. */
export const notThere = (status: 404 | 405 | 426, name: string, text: string): Response =>
  json({ error: { code: status, name, text } }, status);

export function json(body: unknown, status = 200): Response {
  const headers: Record<string, string> = {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
  };
  if (status === 429 || status === 503) headers['Retry-After'] = String(RETRY_AFTER_S);
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer realm="ringhub"';
  return new Response(`${JSON.stringify(body)}\n`, { status, headers });
}

/** The receipt of a publish, or its refusal. */
export function outcomeBody(outcome: PublishOutcome): object {
  if (outcome.kind === 'refused') return errorBody(outcome);
  const { kind, ...receipt } = outcome;
  return receipt;
}
