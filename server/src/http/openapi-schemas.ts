/**
 * The words in which `/v1/openapi.json` is written: a few schemas and answers that its parts share.
 */

export const text = { type: 'string' };
export const count = { type: 'integer', minimum: 0 };
export const flag = { type: 'boolean' };
const nothing = { type: 'null' };
export const maybeCount = { anyOf: [count, nothing] };
export const list = (items: object) => ({ type: 'array', items });
export const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

export const record = (properties: Record<string, object>, optional: readonly string[] = []) => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});

export const content = (schema: object, type = 'application/json') => ({ content: { [type]: { schema } } });
export const answer = (description: string, schema?: object, type?: string) => ({
  description,
  ...(schema && content(schema, type)),
});
export const refused = answer('Refused; the status is that of the error table', ref('Error'));

export const query = (name: string, schema: object, description: string) => ({
  name,
  in: 'query',
  schema,
  description,
});
