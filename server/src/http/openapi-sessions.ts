/**
 * Sessions in `/v1/openapi.json`, for administrators (PROTOCOL §21).
 */
import { answer, content, count, flag, list, query, record, ref, refused, text } from './openapi-schemas.ts';

export const SESSION_SCHEMAS = {
  Session: record(
    {
      session: text,
      subject: text,
      role: text,
      client: text,
      state: { enum: ['attached', 'parked'] },
      parkedForMs: count,
      subscriptions: count,
      consumers: count,
      bindings: count,
      bytes: count,
    },
    ['parkedForMs'],
  ),
};

export const SESSION_PATHS = {
  '/v1/sessions': {
    get: {
      operationId: 'listSessions',
      summary: 'Sessions by id, a page at a time; needs the permission admin',
      parameters: [
        query('subject', text, 'Only of this subject'),
        query('after', text, 'The session that the page before ended with'),
        query('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }, 'Sessions at most'),
      ],
      responses: {
        200: answer('A page', record({ sessions: list(ref('Session')), more: flag })),
        default: refused,
      },
    },
  },
  '/v1/sessions/close': {
    post: {
      operationId: 'closeSessions',
      summary:
        'Close one session, or all of a subject and, with revoke, refuse what was issued to it before; needs the permission admin',
      requestBody: {
        required: true,
        ...content(
          record({ session: text, subject: text, revoke: flag, revokeForMs: count }, [
            'session',
            'subject',
            'revoke',
            'revokeForMs',
          ]),
        ),
      },
      responses: {
        200: answer('How many were closed', record({ closed: count, revoked: flag })),
        default: refused,
      },
    },
  },
};
